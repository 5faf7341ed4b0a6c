//! `cargo xtask docs`: generates pages of the manual, and checks all pages.
//!
//! Afterwards the reference, the schema and the forms of the forges are what this build prints, no link is broken, the summary lists every page,
//! and this build accepts every `hookd.toml` that a page shows.

mod blocks;
mod examples;
mod links;
mod pages;
mod setups;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::tools;
use pages::Page;

/// Generates pages of the manual, and checks all pages.
///
/// Generates `docs/reference.md` and `docs/hookd.schema.json` from the documentation of the options in the code, and how a
/// webhook is set up on the pages of the dialects. Checks links, the summary, and the example configurations. If `mdbook` is installed, builds the book.
#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask docs\n  cargo xtask docs --check")]
pub(crate) struct Options {
    /// Write nothing, and fail if a generated page is out of date.
    #[arg(long)]
    check: bool,
}

/// The pages that hookd itself prints: the file, and the subcommand.
const GENERATED: [(&str, &str); 2] = [("docs/reference.md", "docs"), ("docs/hookd.schema.json", "schema")];

/// The folder of the manual.
const MANUAL: &str = "docs";

pub(crate) fn run(options: &Options) -> Result<(), String> {
    tools::run(tools::cargo().args(["build", "--package", "hookd", "--bin", "hookd"]))?;
    let root = tools::root();
    let hookd = tools::target().join("debug/hookd");
    let mut problems = Vec::new();
    for (file, subcommand) in GENERATED {
        problems.extend(generate(&root, &hookd, file, subcommand, options.check)?);
    }
    let mut pages = pages::all(&root)?;
    problems.extend(setups::generate(&mut pages, &root, &hookd, options.check)?);
    problems.extend(pages.iter().filter(|page| page.path == Path::new(GENERATED[0].0)).flat_map(undocumented));
    problems.extend(links::broken(&pages, &root));
    problems.extend(links::not_in_summary(&pages));
    problems.extend(examples::problems(&pages, &root, &hookd)?);
    if tools::succeeds("mdbook", &["--version"]) {
        problems.extend(tools::run(Command::new("mdbook").arg("build").arg(root.join(MANUAL))).err());
    }
    if problems.is_empty() {
        return Ok(());
    }
    let number = problems.len();
    Err(format!("{}\nerror: {number} problems in the documentation", problems.join("\nerror: ")))
}

/// Writes a generated file, or reports that it is out of date.
fn generate(root: &Path, hookd: &Path, file: &str, subcommand: &str, is_check: bool) -> Result<Option<String>, String> {
    let line = format!("hookd {subcommand}");
    let output = Command::new(hookd).arg(subcommand).output().map_err(|error| format!("`{line}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{line}` failed: {}", output.status));
    }
    let path = root.join(file);
    if fs::read(&path).is_ok_and(|written| written == output.stdout) {
        return Ok(None);
    }
    if is_check {
        return Ok(Some(format!("{file} is out of date: run `cargo xtask docs`, and review what changed")));
    }
    fs::write(&path, output.stdout).map_err(|error| format!("{file}: {error}"))?;
    eprintln!("wrote {file}");
    Ok(None)
}

/// Options in the reference that have no description.
fn undocumented(reference: &Page) -> Vec<String> {
    let mut problems = Vec::new();
    for chapter in reference.text.split("\n## ") {
        let title = chapter.lines().next().unwrap_or_default();
        for option in chapter.split("\n### ").skip(1) {
            let mut paragraphs = option.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
            let name = paragraphs.next().unwrap_or_default();
            if paragraphs.nth(1).is_none() {
                problems.push(format!("{}: {title}: option {name} is not documented", reference.path.display()));
            }
        }
    }
    problems
}

/// Resolves a path relative to a page, without `.` and `..`; `None` if it leaves the root.
fn beside(page: &Page, target: &str) -> Option<PathBuf> {
    let mut path = page.path.parent().map(Path::to_owned).unwrap_or_default();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !path.pop() {
                    return None;
                }
            }
            part => path.push(part),
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_options_without_documentation() {
        let text = "# Options\n\n## `[a]`\n\nAll.\n\n### `b`\n\n*string*\n\nWhat it is.\n\n### `c`\n\n*size, default `1`*\n\n## Types\n";
        let reference = Page { path: "r.md".into(), text: text.into() };
        assert_eq!(undocumented(&reference), ["r.md: `[a]`: option `c` is not documented"]);
    }
}
