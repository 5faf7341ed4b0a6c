//! `hookd`: a daemon that receives the webhooks of code forges and translates them into Buildbot's changes.
//!
//! This library is the whole daemon, so that a third party can build one with dialects of its own:
//!
//! ```no_run
//! // use hookd_acme as _; // registers the dialect `acme`
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     hookd::main()
//! }
//! ```
//!
//! What holds here: only this crate reads `hookd.toml`, listens, or names dialects.

mod allow;
mod auth;
mod cli;
pub mod config;
mod delivery;
mod descriptors;
mod dialects;
pub mod docs;
mod followups;
mod http;
mod live;
mod log;
mod metrics;
mod retention;
mod serve;
mod tls;

pub use cli::main;
