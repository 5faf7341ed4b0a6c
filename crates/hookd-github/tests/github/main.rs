//! The dialect as `hookd` uses it: from its registration, with requests and answers of the API as they come.

#![allow(clippy::unwrap_used)]

mod api;
mod changes;
mod classes;
mod kit;
mod options;
mod random;
mod refusals;
mod signatures;
