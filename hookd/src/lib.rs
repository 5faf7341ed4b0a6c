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
//! Only this crate starts listeners and names dialects.

mod certificates;
mod cli;
mod descriptors;
mod dialects;
mod followups;
mod front;
mod listening;
mod log;
mod notify;
mod preflight;
mod replays;
mod retention;
#[cfg(test)]
mod scripted;
mod serve;
mod stores;
mod submission;
mod translator;
mod version;

pub use cli::main;
