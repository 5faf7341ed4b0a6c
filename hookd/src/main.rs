//! The `hookd` of this repository: the library with the dialects that it names itself.
//!
//! A build with more of them is this file with a line `use hookd_x as _;` for each crate that brings one.

hookd::main!();
