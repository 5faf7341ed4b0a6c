//! The conformance test: sends the same requests to hookd and to the real Buildbot, and compares what they store.
//!
//! [`dialects`] is the one table from which both are configured, [`corpus`] makes the [`Case`]s, [`drive`] sends them,
//! [`compare`] finds differences, and [`rules`] has the intended ones, each under the id by which `docs/differences.md`
//! explains it. A difference without a rule fails the test; so does a rule that no request needed.

pub mod case;
pub mod compare;
pub mod corpus;
pub mod dialects;
pub mod drive;
pub mod report;
pub mod rules;

pub use case::Case;
