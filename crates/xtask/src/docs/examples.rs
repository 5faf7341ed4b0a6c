//! Examples: whether hookd takes the configurations that pages show, and whether the manual's dialect is the one that
//! is tested.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::blocks::{self, Block};
use super::pages::Page;
use crate::tools;

/// The configuration to try hookd out with.
const TRIAL: &str = "hookd.toml";

/// The page that shows a dialect, and the documentation whose example it shows.
const DIALECT: (&str, &str) = ("docs/writing-a-dialect.md", "crates/hookd-core/src/lib.rs");

/// What is wrong with the examples, as `file:line: …`.
///
/// A block of TOML is a whole `hookd.toml`, unless its first line is a comment that names another file, such as
/// `# Cargo.toml`. Files and environment variables that it names need not be there.
pub(super) fn wrong(pages: &[Page], root: &Path, hookd: &Path) -> Result<Vec<String>, String> {
    let folder = tools::target().join("docs");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut problems = Vec::new();
    for page in pages {
        for block in blocks::of(&page.text).0.iter().filter(|block| is_configuration(block)) {
            fs::write(folder.join(TRIAL), block.text()).map_err(|error| format!("{TRIAL}: {error}"))?;
            problems.extend(refused(hookd, &folder)?.iter().filter(|line| !is_about_surroundings(line)).map(|line| {
                let place = format!("{}:{}", page.path.display(), block.line);
                format!("{place}: hookd does not take this configuration: {line}")
            }));
        }
    }
    problems.extend(refused(hookd, root)?);
    problems.extend(is_another_dialect(pages, root)?);
    Ok(problems)
}

fn is_configuration(block: &Block<'_>) -> bool {
    let first = block.lines.first().copied().unwrap_or_default();
    let names_another = first.starts_with("# ") && first.ends_with(".toml") && !first.ends_with(TRIAL);
    block.language == "toml" && !names_another
}

/// What hookd says against the configuration in a folder; nothing where it takes it.
fn refused(hookd: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(hookd).arg("check").current_dir(folder).output();
    let output = output.map_err(|error| format!("`hookd check`: {error}"))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    Ok(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect())
}

/// Whether a problem is not about the configuration, but about what is there where it is checked.
fn is_about_surroundings(problem: &str) -> bool {
    problem.ends_with("cannot be read: it does not exist") || problem.ends_with("` is not set")
}

/// Whether the manual shows another dialect than the one that the tests of `hookd-core` run.
fn is_another_dialect(pages: &[Page], root: &Path) -> Result<Option<String>, String> {
    let (page, source) = DIALECT;
    let Some(text) = pages.iter().find(|one| one.path == Path::new(page)).map(|page| &page.text) else {
        return Ok(Some(format!("{page} is missing")));
    };
    let source_text = fs::read_to_string(root.join(source)).map_err(|error| format!("{source}: {error}"))?;
    let documentation: String = source_text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let tested = blocks::of(&documentation).0.first().map(Block::text);
    let shows_it = |block: &Block<'_>| block.language == "rust" && Some(block.text()) == tested;
    let is_shown = blocks::of(text).0.iter().any(shows_it);
    Ok((!is_shown).then(|| format!("{page} does not show the example of {source}, which is the one that is tested")))
}
