//! Fuzz targets: whatever is sent or configured, hookd neither panics, nor takes more memory than the input allows, nor
//! breaks a promise.
//!
//! A [`Target`] is a parser or a dialect with its laws. The [loop](engine) changes known inputs at random
//! ([`mutation`]), runs them, and keeps those that reach code that no other did, if the build counts that
//! ([`coverage`]). `cargo xtask fuzz` builds it so; it works without as well, as in `cargo xtask test`.
//!
//! Known inputs are the fixtures of the dialects' tests, the examples of the manual, `corpus/TARGET`, and
//! `regressions/TARGET`: what was once a finding. A test runs all of them, whatever else runs.
//!
//! Invariants: stable Rust is enough. An input is a file as people write it, so that a finding can be read. The same
//! input has the same result, in any build.

#![deny(unsafe_code)]

pub mod corpus;
pub mod coverage;
pub mod engine;
pub mod execution;
pub mod message;
pub mod meter;
pub mod mutation;
pub mod target;
pub mod targets;
mod watchdog;

pub use engine::{Fuzzer, Summary};
pub use execution::{Breach, run};
pub use message::Message;
pub use meter::{Bound, Meter};
pub use target::{Scope, Target};
