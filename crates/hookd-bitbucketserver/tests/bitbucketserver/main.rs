//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

mod changes;
mod compat;
mod kit;
mod options;
mod random;
mod refusals;
mod signatures;
