//! Findings about a configuration: problems, which make it invalid, and warnings, which do not.

use std::fmt;

use serde::Serialize;

/// One finding about a configuration, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1; `None` for a finding about the whole file.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong and what is possible. Never contains a secret.
    pub message: String,
}

/// Something that an operator should know about a valid configuration.
pub type Warning = Finding;

impl Finding {
    /// A finding about the whole of a file.
    pub(crate) fn in_file(file: &str, message: impl Into<String>) -> Self {
        // A quoted name may contain a newline or control sequences for a terminal.
        let mut line = String::new();
        for c in message.into().chars() {
            if c.is_control() { line.extend(c.escape_debug()) } else { line.push(c) }
        }
        Self { file: file.to_owned(), line: None, column: None, message: line }
    }

    /// The place alone, for the message of another finding: `FILE:LINE:COLUMN`.
    pub(crate) fn place(&self) -> String {
        let numbers = [self.line, self.column].into_iter().flatten().map(|number| format!(":{number}"));
        self.file.clone() + &numbers.collect::<String>()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

/// All problems of a configuration, at least one, sorted by file and position. Displays as one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    problems: Vec<Finding>,
}

impl Report {
    /// A report of these problems of files, which are sorted in the order of `files`.
    pub(crate) fn new(mut problems: Vec<Finding>, files: &[&str]) -> Self {
        sort(&mut problems, files);
        Self { problems }
    }

    /// A report of a single problem.
    pub(crate) fn single(problem: Finding) -> Self {
        Self { problems: vec![problem] }
    }

    /// The problems, sorted by position.
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }
}

/// Sorts by file, in the order of `files`, and position; findings about a whole file come first.
pub(crate) fn sort(findings: &mut [Finding], files: &[&str]) {
    let rank = |finding: &Finding| files.iter().position(|file| *file == finding.file);
    findings.sort_by_key(|finding| (rank(finding), finding.line, finding.column));
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters() {
        let line = Finding::in_file("a.toml", "unknown option `a\nb\u{1b}ü`").to_string();
        assert_eq!(line, "a.toml: unknown option `a\\nb\\u{1b}ü`");
    }

    #[test]
    fn displays_a_line_for_each_problem_by_position() {
        let at =
            |line, column| Finding { line: Some(line), column: Some(column), ..Finding::in_file("a.toml", "wrong") };
        let other = Finding { line: Some(1), ..Finding::in_file("B.toml", "wrong") };
        let problems = vec![other, at(10, 2), at(9, 3), at(10, 1), Finding::in_file("a.toml", "all wrong")];
        assert_eq!(
            Report::new(problems, &["a.toml", "B.toml"]).to_string(),
            "a.toml: all wrong\na.toml:9:3: wrong\na.toml:10:1: wrong\na.toml:10:2: wrong\nB.toml:1: wrong"
        );
    }
}
