//! Runs one command to its end.
//!
//! There is no shell. A command gets the environment that it is given and nothing of hookd's own, which holds secrets; it
//! has no terminal that it could ask for a password. It runs in a process group of its own, which is killed as a whole when
//! the command exceeds a limit, or when the future that runs it is dropped. What it writes is read all the time, within
//! bounds, so that it never blocks and never fills the memory.
//!
//! This crate knows nothing of what commands are for.

#![forbid(unsafe_code)]

mod output;
mod process;

pub use output::END_BYTES;
pub use process::{Ended, Finished, Outputs, Process, is_shortage};
