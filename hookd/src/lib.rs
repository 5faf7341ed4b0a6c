//! `hookd`: a daemon that receives the webhooks of code forges and translates them into Buildbot's changes.
//!
//! This library is the whole daemon, so that a third party can build one with dialects of its own:
//!
//! ```no_run
//! // use hookd_acme as _; // registers the dialect `acme`
//! hookd::main!();
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
mod signals;
mod sink_types;
mod stores;
mod submission;
mod translator;
mod version;

pub use cli::run;
pub use mimalloc::MiMalloc as Allocator;
pub use version::Build;

/// The `main` of a build of hookd: with its allocator, and with the name and version of the binary's own package.
///
/// Requests are many short-lived texts: hookd's allocator takes half the time of what the system's needs for them.
#[macro_export]
macro_rules! main {
    () => {
        #[global_allocator]
        static ALLOCATOR: $crate::Allocator = $crate::Allocator;

        fn main() -> ::std::process::ExitCode {
            // Only a binary has the first of these names; an example in documentation has not.
            let name = option_env!("CARGO_BIN_NAME").unwrap_or(env!("CARGO_PKG_NAME"));
            $crate::run($crate::Build { name, version: env!("CARGO_PKG_VERSION") })
        }
    };
}
