//! `hookd docs`: the reference of all options, from which `cargo xtask docs` generates a page of the manual.

use std::io;

use hookd_config::reference;

use super::{Exit, Output};

pub(super) fn run(output: &mut Output<'_>) -> io::Result<Exit> {
    output.out.write_all(reference::markdown().as_bytes())?;
    Ok(Exit::Ok)
}
