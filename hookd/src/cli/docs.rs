//! `hookd docs`: the reference of all options, from which `cargo xtask docs` generates a page of the manual.

use std::io;

use super::{Exit, Output};
use crate::docs;

pub(super) fn run(output: &mut Output<'_>) -> io::Result<Exit> {
    output.out.write_all(docs::options_markdown().as_bytes())?;
    Ok(Exit::Ok)
}
