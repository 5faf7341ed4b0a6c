//! Splits a page into code blocks and other lines.

/// A fenced block of code.
pub(super) struct Block<'p> {
    /// The language after the fence.
    pub(super) language: &'p str,
    /// The line number of its first line in the page, from 1.
    pub(super) line: usize,
    /// Its lines.
    pub(super) lines: Vec<&'p str>,
}

impl Block<'_> {
    /// Its text.
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The code blocks of a page, and its other lines with their numbers from 1.
pub(super) fn split(text: &str) -> (Vec<Block<'_>>, Vec<(usize, &str)>) {
    let (mut blocks, mut prose) = (Vec::new(), Vec::new());
    let mut open: Option<(Block<'_>, usize)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let unindented = line.trim_start();
        let indent = line.len() - unindented.len();
        match (open.take(), unindented.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some((Block { language: language.trim(), line: number + 1, lines: Vec::new() }, indent));
            }
            (None, None) => prose.push((number, line)),
            (Some((block, _)), Some("")) => blocks.push(block),
            (Some((mut block, indent)), _) => {
                block.lines.push(line.get(indent..).unwrap_or_default());
                open = Some((block, indent));
            }
        }
    }
    blocks.extend(open.map(|(block, _)| block));
    (blocks, prose)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn splits_a_page() {
        let page = "a\n```toml\nb = 1\n\n```\nc\n- d\n  ```rust\n  e\n    f\n  ```\n";
        let (blocks, prose) = split(page);
        let found: Vec<_> = blocks.iter().map(|block| (block.language, block.line, block.text())).collect();
        assert_eq!(found, [("toml", 3, "b = 1\n\n".to_owned()), ("rust", 9, "e\n  f\n".to_owned())]);
        assert_eq!(prose, [(1, "a"), (6, "c"), (7, "- d")]);
    }
}
