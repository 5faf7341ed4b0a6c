//! The pollers `svn` and `hg` with real repositories, and the real Buildbot beside them.

#![allow(clippy::unwrap_used, missing_docs)]

mod conformance;
mod hg;
mod interrupted;
mod polling;
mod server;
mod svn;
mod tools;
