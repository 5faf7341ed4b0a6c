//! Kinds of values that options have: each with its parsing, its messages, its schema and its tests.

pub(crate) mod address;
pub(crate) mod host;
pub(crate) mod keep;
pub(crate) mod postgres_url;
pub(crate) mod size;
pub(crate) mod store_url;
mod string;
