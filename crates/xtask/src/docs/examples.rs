//! Checks the examples: hookd accepts the configurations on the pages, and the manual's example dialect is the one that
//! is tested.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::blocks::{self, Block};
use super::pages::Page;
use crate::tools;

/// The name of a configuration file.
const CONFIG_FILE: &str = "hookd.toml";

/// The exit code of `hookd check` for a configuration that is invalid.
const INVALID: i32 = 2;

/// The page that shows an example dialect, and the source whose documentation contains it.
const DIALECT_EXAMPLE: (&str, &str) = ("docs/writing-a-dialect.md", "crates/hookd-core/src/lib.rs");

/// Problems of the examples, as `file:line: …`.
///
/// A block of TOML is a whole `hookd.toml`, unless its first line is a comment that names another file, such as
/// `# Cargo.toml`. Files and environment variables that it refers to need not exist.
pub(super) fn problems(pages: &[Page], root: &Path, hookd: &Path) -> Result<Vec<String>, String> {
    let folder = tools::target().join("docs");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut problems = Vec::new();
    for page in pages {
        for block in blocks::split(&page.text).0.iter().filter(|block| is_configuration(block)) {
            fs::write(folder.join(CONFIG_FILE), block.text()).map_err(|error| format!("{CONFIG_FILE}: {error}"))?;
            problems.extend(check(hookd, &folder)?.iter().filter(|line| !is_about_environment(line)).map(|line| {
                let place = format!("{}:{}", page.path.display(), block.line);
                format!("{place}: hookd rejects this configuration: {line}")
            }));
        }
    }
    problems.extend(check(hookd, root)?);
    problems.extend(check_dialect_example(pages, root)?);
    Ok(problems)
}

fn is_configuration(block: &Block<'_>) -> bool {
    let first = block.lines.first().copied().unwrap_or_default();
    let names_another = first.starts_with("# ") && first.ends_with(".toml") && !first.ends_with(CONFIG_FILE);
    block.language == "toml" && !names_another
}

/// The problems that hookd reports for the configuration in a folder; empty if it accepts it.
fn check(hookd: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(hookd).arg("check").current_dir(folder).output();
    let output = output.map_err(|error| format!("`hookd check`: {error}"))?;
    // 1 is what is missing here, such as an address of another machine.
    if output.status.code() != Some(INVALID) {
        return Ok(Vec::new());
    }
    Ok(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect())
}

/// Whether a problem is about the environment in which the configuration is checked, not about the configuration.
fn is_about_environment(problem: &str) -> bool {
    let endings = ["cannot be read: it does not exist", "No such file or directory (os error 2)", "` is not set"];
    endings.iter().any(|ending| problem.ends_with(ending))
}

/// Reports if the manual's example dialect differs from the one that the tests of `hookd-core` run.
fn check_dialect_example(pages: &[Page], root: &Path) -> Result<Option<String>, String> {
    let (page, source) = DIALECT_EXAMPLE;
    let Some(text) = pages.iter().find(|one| one.path == Path::new(page)).map(|page| &page.text) else {
        return Ok(Some(format!("{page} is missing")));
    };
    let source_text = fs::read_to_string(root.join(source)).map_err(|error| format!("{source}: {error}"))?;
    let documentation: String = source_text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let tested = blocks::split(&documentation).0.first().map(Block::text);
    let shows_it = |block: &Block<'_>| block.language == "rust" && Some(block.text()) == tested;
    let is_shown = blocks::split(text).0.iter().any(shows_it);
    Ok((!is_shown).then(|| format!("{page} does not show the tested example of {source}")))
}
