//! Blocks of code in a page, and the page without them.

/// A fenced block of code.
pub(super) struct Block<'p> {
    /// What stands behind the fence: the language.
    pub(super) language: &'p str,
    /// The line of the page that its first line is, from 1.
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

/// The blocks of a page, and its other lines with their numbers from 1.
pub(super) fn of(text: &str) -> (Vec<Block<'_>>, Vec<(usize, &str)>) {
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
    use super::of;

    #[test]
    fn divides_a_page() {
        let page = "a\n```toml\nb = 1\n\n```\nc\n- d\n  ```rust\n  e\n    f\n  ```\n";
        let (blocks, prose) = of(page);
        let told: Vec<_> = blocks.iter().map(|block| (block.language, block.line, block.text())).collect();
        assert_eq!(told, [("toml", 3, "b = 1\n\n".to_owned()), ("rust", 9, "e\n  f\n".to_owned())]);
        assert_eq!(prose, [(1, "a"), (6, "c"), (7, "- d")]);
    }
}
