//! The `hookd` of this repository: the library with the dialects that it names itself.
//!
//! A build with more dialects is this file with a line `use hookd_x as _;` for each crate of them.

use std::process::ExitCode;

fn main() -> ExitCode {
    hookd::main()
}
