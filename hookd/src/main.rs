//! The `hookd` of this repository: the library with the dialects that it names itself.
//!
//! A build with more dialects is this file with a line `use hookd_x as _;` for each crate of them.

use std::process::ExitCode;

/// Requests are many short-lived texts: they take half the time of what the system's allocator needs for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hookd::main()
}
