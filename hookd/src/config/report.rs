//! What is said of a configuration: problems, which refuse it, and warnings, which do not.

use std::fmt;

use serde::Serialize;

/// One thing to say of a configuration, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `None` where it is about the whole.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong, and what is possible. Never a secret.
    pub message: String,
}

/// Something an operator should know about a configuration that holds.
pub type Warning = Finding;

impl Finding {
    /// A finding about the whole of a file.
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        // A name in quotes may hold a newline, or what makes a terminal dance.
        let mut line = String::new();
        for c in message.into().chars() {
            if c.is_control() { line.extend(c.escape_debug()) } else { line.push(c) }
        }
        Self { file: file.to_owned(), line: None, column: None, message: line }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All that is wrong with a configuration, at least one thing, sorted by position. Displays as one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    problems: Vec<Finding>,
}

impl Report {
    /// The report of these problems.
    pub(super) fn new(mut problems: Vec<Finding>) -> Self {
        sort(&mut problems);
        Self { problems }
    }

    /// The report of a single problem.
    pub(super) fn of(problem: Finding) -> Self {
        Self { problems: vec![problem] }
    }

    /// The problems, sorted by position.
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }
}

/// Sorts by position; what is about the whole file comes first.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (finding.line, finding.column));
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
    fn keeps_to_one_line_whatever_the_names_hold() {
        let said = Finding::of_file("a.toml", "unknown option `a\nb\u{1b}ü`").to_string();
        assert_eq!(said, "a.toml: unknown option `a\\nb\\u{1b}ü`");
    }

    #[test]
    fn displays_a_line_for_each_problem_by_position() {
        let at =
            |line, column| Finding { line: Some(line), column: Some(column), ..Finding::of_file("a.toml", "wrong") };
        let report = Report::new(vec![at(10, 2), at(9, 3), at(10, 1), Finding::of_file("a.toml", "all wrong")]);
        assert_eq!(report.to_string(), "a.toml: all wrong\na.toml:9:3: wrong\na.toml:10:1: wrong\na.toml:10:2: wrong");
    }
}
