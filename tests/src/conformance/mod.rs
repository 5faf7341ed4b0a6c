//! The conformance test: the same request to hookd and to the real Buildbot, and what each stored of it.
//!
//! [`dialects`] is the one table from which both are configured, [`corpus`] makes the [`Case`]s, [`drive`] sends them,
//! [`compare`] finds what differs, and [`rules`] holds each difference that is meant, under the id by which
//! `docs/differences.md` gives its reason. What differs under no rule fails; so does a rule that nothing needed.

pub mod case;
pub mod compare;
pub mod corpus;
pub mod dialects;
pub mod drive;
pub mod report;
pub mod rules;

pub use case::Case;
