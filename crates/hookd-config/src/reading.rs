//! From the texts of files to sections: TOML with positions, and every problem at its place.
//!
//! Only this module and the sections that it reads know TOML.

pub(crate) mod document;
pub(crate) mod guarded;
mod merge;
pub(crate) mod reader;
pub(crate) mod report;
pub(crate) mod secrets;
pub(crate) mod sources;
pub(crate) mod suggestion;
