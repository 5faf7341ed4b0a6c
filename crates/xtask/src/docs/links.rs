//! Checks that no link is broken, and that the summary of the manual lists every page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::pages::Page;
use super::{MANUAL, beside, blocks};

/// Broken links, as `file:line: …`. Links to other sites are not checked.
pub(super) fn broken(pages: &[Page], root: &Path) -> Vec<String> {
    let anchors: BTreeMap<&Path, Vec<String>> =
        pages.iter().map(|page| (page.path.as_path(), anchors_of(&page.text))).collect();
    let mut problems = Vec::new();
    for page in pages {
        for (line, link) in links_of(&page.text) {
            if let Err(reason) = follow(page, link, &anchors, root) {
                problems.push(format!("{}:{line}: link `{link}` {reason}", page.path.display()));
            }
        }
    }
    problems
}

fn follow(page: &Page, link: &str, anchors: &BTreeMap<&Path, Vec<String>>, root: &Path) -> Result<(), &'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if target.is_empty() { Some(page.path.clone()) } else { beside(page, target) };
    let is_there = |path: &PathBuf| anchors.contains_key(path.as_path()) || root.join(path).exists();
    let Some(path) = path.filter(is_there) else { return Err("names no file") };
    if page.is_in_manual() && !path.starts_with(MANUAL) {
        return Err("leads out of the manual, so the book does not contain its target");
    }
    let has_anchor = |anchors: &Vec<String>| anchors.iter().any(|one| one == anchor);
    if anchor.is_empty() || anchors.get(path.as_path()).is_some_and(has_anchor) {
        Ok(())
    } else {
        Err("names no heading of that page")
    }
}

/// Pages of the manual that its summary does not list.
pub(super) fn not_in_summary(pages: &[Page]) -> Vec<String> {
    let summary_path = Path::new(MANUAL).join("SUMMARY.md");
    let Some(summary) = pages.iter().find(|page| page.path == summary_path) else {
        return vec![format!("{} is missing", summary_path.display())];
    };
    let named: Vec<PathBuf> =
        links_of(&summary.text).into_iter().filter_map(|(_, link)| beside(summary, link)).collect();
    let is_missing = |page: &&Page| page.is_in_manual() && page.path != summary_path && !named.contains(&page.path);
    let problem = |page: &Page| format!("{} is not in {}", page.path.display(), summary_path.display());
    pages.iter().filter(is_missing).map(problem).collect()
}

/// The targets of the links in a page, each with its line.
fn links_of(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in blocks::split(text).1 {
        // A definition: `[name]: target`.
        if let Some((name, target)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "))
            && !name.contains(']')
        {
            links.push((number, target.trim()));
        }
        // Every second piece is a code span.
        for prose in line.split('`').step_by(2) {
            for piece in prose.split("](").skip(1) {
                links.extend(piece.split_once(')').map(|(target, _)| (number, target)));
            }
        }
    }
    links
}

/// The anchors of the headings in a page, as GitHub and mdBook generate them.
fn anchors_of(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = Vec::new();
    for (_, line) in blocks::split(text).1 {
        let title = line.trim_start_matches('#');
        let depth = line.len() - title.len();
        if !(1..=6).contains(&depth) || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = title.trim().to_lowercase().chars().filter_map(anchor_char).collect();
        let before = seen.entry(anchor.clone()).or_default();
        anchors.push(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
        *before += 1;
    }
    anchors
}

fn anchor_char(c: char) -> Option<char> {
    match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_outside_code_only() {
        let text = "[a](b.md) `[no](no.md)` and [`c`](d.md#e)\n```text\n[no](no.md)\n```\n[f]: g.md\n![h](i.png)\n";
        assert_eq!(links_of(text), [(1, "b.md"), (1, "d.md#e"), (5, "g.md"), (6, "i.png")]);
    }

    #[test]
    fn generates_anchors_as_github_does() {
        let text =
            "# A page\n## `[server]`\n### `max_body`\n## Dialect `github`\n## Again\n## Again\n#no\n```\n# no\n```\n";
        assert_eq!(anchors_of(text), ["a-page", "server", "max_body", "dialect-github", "again", "again-1"]);
    }

    #[test]
    fn reports_broken_links() {
        let page = |path: &str, text: &str| Page { path: path.into(), text: text.into() };
        let root = crate::tools::root();
        let pages = [
            page("README.md", "[x](Cargo.toml) [x](none.md) [x](https://example.org) [x](docs/SUMMARY.md#no)"),
            page("docs/SUMMARY.md", "[x](../Cargo.toml) [x](../../x)"),
        ];
        assert_eq!(
            broken(&pages, &root),
            [
                "README.md:1: link `none.md` names no file",
                "README.md:1: link `docs/SUMMARY.md#no` names no heading of that page",
                "docs/SUMMARY.md:1: link `../Cargo.toml` leads out of the manual, so the book does not contain its target",
                "docs/SUMMARY.md:1: link `../../x` names no file",
            ]
        );
        let pages = [page("docs/SUMMARY.md", "[a](a.md)"), page("docs/a.md", ""), page("docs/b/c.md", "")];
        assert_eq!(not_in_summary(&pages), ["docs/b/c.md is not in docs/SUMMARY.md"]);
    }
}
