//! The blocks of code in the manual, and which test is for each.

use std::fs;
use std::path::{Path, PathBuf};

use hookd_tests::peers::root;

/// A fenced block of code.
pub(super) struct Block {
    /// The path of its page, from the root.
    pub(super) page: String,
    /// The language after the fence.
    pub(super) language: String,
    /// The line of its fence, from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// Whether it is what the block before it prints: nothing but blank lines is between them, and that is of commands.
    pub(super) is_printed: bool,
}

/// What tests a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tested {
    /// It is run by a shell: `commands.rs`.
    Commands,
    /// It is what such a block prints: `commands.rs`.
    Printed,
    /// It is a file, or a part of one: `files.rs`.
    File,
    /// hookd accepts it as its configuration: `cargo xtask docs --check`.
    Configuration,
    /// Another test has its page.
    Elsewhere,
    /// Nothing: it is neither a command nor a configuration, but what somebody sees, such as a line of the log.
    Sample,
}

/// Pages whose blocks have a test of their own: languages, the file of the test, and what in it reads the page.
const ELSEWHERE: [(&str, &[&str], &str, &str); 7] = [
    ("docs/dialects/json.md", &["toml", "http", "json"], "tests/tests/all/json_class.rs", "docs/dialects/json.md"),
    (
        "docs/testing-a-dialect.md",
        &["json", "text"],
        "crates/hookd-testkit/tests/example.rs",
        "docs/testing-a-dialect.md",
    ),
    ("docs/writing-a-dialect.md", &["sh", "text"], "tests/tests/all/tutorial.rs", "docs/writing-a-dialect.md"),
    ("docs/configuration.md", &["text"], "tests/tests/all/manual.rs", "page(\"configuration.md\")"),
    ("docs/postgresql.md", &["sh", "sql"], "tests/tests/all/manual/database.rs", "docs/postgresql.md"),
    ("docs/several-machines.md", &["nginx", "sql"], "tests/tests/all/postgres/balanced.rs", "several-machines.md"),
    ("docs/security.md", &["nginx"], "tests/tests/all/manual/files.rs", "nginx"),
];

impl Block {
    /// Where it is, for messages.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// What tests it; `None` if nothing does.
    pub(super) fn tested(&self) -> Option<Tested> {
        let is_elsewhere = |(page, languages, ..): &(&str, &[&str], &str, &str)| {
            *page == self.page && languages.contains(&self.language.as_str())
        };
        if ELSEWHERE.iter().any(is_elsewhere) {
            return Some(Tested::Elsewhere);
        }
        match self.language.as_str() {
            "sh" | "console" => Some(Tested::Commands),
            "ini" | "json" | "python" | "rust" => Some(Tested::File),
            "toml" if self.is_other_toml() => Some(Tested::File),
            "toml" => Some(Tested::Configuration),
            "text" if self.is_printed => Some(Tested::Printed),
            "text" if !self.is_configuration_in_disguise() => Some(Tested::Sample),
            _ => None,
        }
    }

    /// Whether it names another file than `hookd.toml`, as `cargo xtask docs` sees it.
    fn is_other_toml(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        first.starts_with("# ") && first.ends_with(".toml") && !first.ends_with("hookd.toml")
    }

    /// Whether somebody has called a configuration a text.
    fn is_configuration_in_disguise(&self) -> bool {
        self.text.lines().any(|line| line.starts_with('[') && line.ends_with(']'))
    }
}

/// All blocks of the manual and of the pages in the root, page by page.
pub(super) fn all() -> Vec<Block> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                paths.push(path);
            }
        }
    }
    paths.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    paths.sort();
    paths.iter().flat_map(|path| blocks_of(path)).collect()
}

fn blocks_of(path: &Path) -> Vec<Block> {
    let page = path.strip_prefix(root()).expect("it is in the root").display().to_string();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{page}: {error}"));
    split(&page, &text)
}

fn split(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    let mut is_after_commands = false;
    for (number, line) in (1..).zip(text.lines()) {
        let unindented = line.trim_start();
        match (open.take(), unindented.strip_prefix("```")) {
            (None, Some(language)) => {
                let (page, language) = (page.to_owned(), language.trim().to_owned());
                let is_printed = is_after_commands && language == "text";
                let block = Block { page, language, line: number, text: String::new(), is_printed };
                open = Some((block, line.len() - unindented.len()));
            }
            (None, None) => is_after_commands &= line.trim().is_empty(),
            (Some((block, _)), Some("")) => {
                is_after_commands = block.language == "sh";
                blocks.push(block);
            }
            (Some((mut block, indent)), _) => {
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
                open = Some((block, indent));
            }
        }
    }
    assert!(open.is_none(), "{page}: a block without an end");
    blocks
}

/// The code spans in sentences of the manual, each with its page.
pub(super) fn spans() -> Vec<(String, String)> {
    let mut pages: Vec<String> = all().into_iter().map(|block| block.page).collect();
    pages.dedup();
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root().join(&page)).expect("it was read before");
        let mut prose = String::new();
        let mut is_code = false;
        for line in text.lines() {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            if !is_code && !is_fence {
                prose.push_str(line);
                prose.push(if line.trim().is_empty() { '\n' } else { ' ' });
            }
        }
        // Every second piece of a paragraph is a code span. In tables, a bar in it is escaped.
        for paragraph in prose.lines() {
            let spans = paragraph.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|"));
            found.extend(spans.map(|span| (page.clone(), span)));
        }
    }
    found
}

#[test]
fn every_block_of_the_manual_has_a_test() {
    let blocks = all();
    assert!(blocks.len() > 150, "{}", blocks.len());
    let untested: Vec<String> = blocks
        .iter()
        .filter(|block| block.tested().is_none())
        .map(|block| format!("{} ({})", block.place(), block.language))
        .collect();
    assert!(untested.is_empty(), "no test runs or parses these blocks: {}", untested.join(", "));
    for (page, languages, file, needle) in ELSEWHERE {
        let test = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(test.contains(needle), "{file} does not read {page}");
        for language in languages {
            let is_there = |block: &Block| block.page == page && block.language == *language;
            assert!(blocks.iter().any(is_there), "{page} has no block of {language} for {file}");
        }
    }
}

#[test]
fn an_untested_block_is_noticed() {
    let page = "```sh\ntrue\n```\n\n```text\n1\n```\nAnd:\n```text\n[sinks]\n```\n  ```yaml\n  a: 1\n  ```\n```text\n[ok\n```\n";
    let blocks = split("docs/x.md", page);
    let found: Vec<_> = blocks.iter().map(|block| (block.line, block.tested())).collect();
    let expected =
        [(1, Some(Tested::Commands)), (5, Some(Tested::Printed)), (9, None), (12, None), (15, Some(Tested::Sample))];
    assert_eq!(found, expected);
    assert_eq!(blocks[3].text, "a: 1\n");
}
