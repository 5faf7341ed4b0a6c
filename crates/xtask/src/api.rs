//! `cargo xtask api`: lists what the crates for authors of dialects, sinks and pollers make public, so that a change is seen.
//!
//! The listing is read from the sources, not from rustdoc's JSON: that needs a nightly compiler, and its format is that of one
//! compiler. So types are as they are written, and what a macro makes is not there, but for derives, which are listed.

mod listing;
mod modules;

use std::fs;
use std::path::Path;

use clap::Args;

use crate::tools;
use modules::Crate;

/// Lists the public API of the crates that authors use: `api.txt` in the folder of each.
///
/// One line for each item, field, variant and method. The tests of xtask compare: after a change that is meant, write the
/// listings anew, and review what changed.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask api\n  cargo xtask api --check")]
pub(crate) struct Options {
    /// Write nothing, and fail if a listing is out of date.
    #[arg(long)]
    check: bool,
}

/// The crates for authors, with their folders.
const CRATES: [(&str, &str); 6] = [
    ("hookd", "hookd"),
    ("hookd-core", "crates/hookd-core"),
    ("hookd-github", "crates/hookd-github"),
    ("hookd-pollers", "crates/hookd-pollers"),
    ("hookd-sinks", "crates/hookd-sinks"),
    ("hookd-testkit", "crates/hookd-testkit"),
];

/// The name of a listing.
const FILE: &str = "api.txt";

pub(crate) fn run(options: &Options) -> Result<(), String> {
    if options.check {
        let problems = problems()?;
        return if problems.is_empty() { Ok(()) } else { Err(problems.join("\nerror: ")) };
    }
    for (name, folder) in CRATES {
        let path = tools::root().join(folder).join(FILE);
        let listing = listing_of(name, folder)?;
        if fs::read_to_string(&path).ok().as_ref() != Some(&listing) {
            fs::write(&path, listing).map_err(|error| format!("{}: {error}", path.display()))?;
            eprintln!("wrote {folder}/{FILE}");
        }
    }
    Ok(())
}

/// The listings that are out of date, each with the lines that are different.
fn problems() -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for (name, folder) in CRATES {
        let written = fs::read_to_string(tools::root().join(folder).join(FILE)).unwrap_or_default();
        let listing = listing_of(name, folder)?;
        if written != listing {
            let fewer = written.lines().filter(|line| !listing.lines().any(|other| other == *line));
            let more = listing.lines().filter(|line| !written.lines().any(|other| other == *line));
            let lines = fewer.map(|line| format!("\n  -{line}")).chain(more.map(|line| format!("\n  +{line}")));
            let lines: String = lines.collect();
            problems.push(format!(
                "the public API of `{name}` is not that of {folder}/{FILE}; if that is meant, run `cargo xtask api`:{lines}"
            ));
        }
    }
    Ok(problems)
}

fn listing_of(name: &str, folder: &str) -> Result<String, String> {
    let sources = tools::root().join(folder).join("src");
    let read = |path: &Path| fs::read_to_string(sources.join(path)).ok();
    let lines = listing::lines(&Crate::read(&name.replace('-', "_"), &read)?);
    Ok(lines.into_iter().map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_api_is_that_of_the_listings() {
        let problems = problems().unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
