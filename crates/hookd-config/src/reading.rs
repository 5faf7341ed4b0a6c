//! From the text of a file to sections: TOML with positions, and every problem at its place.
//!
//! Only this module and the sections that it reads know TOML.

pub(crate) mod document;
pub(crate) mod reader;
pub(crate) mod report;
pub(crate) mod secrets;
pub(crate) mod suggestion;
