//! The way from a document to its sections, which collects all that is wrong.

use hookd_core::{PathStep, Problem, options};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::document::{self, Document};
use super::report::{self, Finding, Report, Warning};
use super::suggestion;

/// Reads the sections of a document.
pub(super) struct Reader<'d> {
    document: &'d Document<'d>,
    problems: Vec<Finding>,
    warnings: Vec<Warning>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(document: &'d Document<'d>) -> Self {
        Self { document, problems: Vec::new(), warnings: Vec::new() }
    }

    /// The file that is read.
    pub(super) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Adds a problem.
    pub(super) fn problem(&mut self, problem: Finding) {
        self.problems.push(problem);
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// The warnings, sorted.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub(super) fn finish(self) -> Result<Vec<Warning>, Report> {
        if !self.problems.is_empty() {
            return Err(Report::new(self.problems));
        }
        let mut warnings = self.warnings;
        report::sort(&mut warnings);
        Ok(warnings)
    }

    /// Reports what stands at the top of the file and is neither one of the `sections` nor of the `options`.
    pub(super) fn refuse_unknown(&mut self, sections: &[&str], options: &[&str]) {
        let known = [sections, options].concat();
        for key in self.document.keys().filter(|key| !known.contains(key)) {
            let kind = match self.document.value(key) {
                Some(DeValue::Table(_) | DeValue::Array(_)) => "section",
                _ => "option",
            };
            let tables = sections.iter().map(|name| format!("`[{name}]`"));
            let known_list: Vec<String> = tables.chain(options.iter().map(|name| format!("`{name}`"))).collect();
            let mut message = format!("unknown {kind} `{key}`, expected one of {}", known_list.join(", "));
            message.push_str(&suggestion::of(key, known.iter().copied()));
            self.problems.push(self.document.at_key(&steps(&[key]), message));
        }
    }

    /// Reads a section; its default where the file has none, `None` where it has problems.
    pub(super) fn section<T: DeserializeOwned + JsonSchema + Default>(&mut self, name: &str) -> Option<T> {
        let context = format!("section `{name}`");
        let table = match self.document.value(name) {
            None => return Some(T::default()),
            Some(DeValue::Table(table)) => table,
            Some(other) => {
                let message = format!("{context} is {}, expected a table", a_value(other));
                self.problems.push(self.document.at_key(&steps(&[name]), message));
                return None;
            }
        };
        let (mut options, unlike_json) = document::json_object(table);
        let known = options::names::<T>();
        let mut problems = take_unknown(&mut options, &known);
        let section = match options::read::<T>(options) {
            Ok(section) => Some(section),
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
        };
        let is_well = problems.is_empty() && unlike_json.is_empty();
        self.problems_of(&context, &[name], unlike_json, problems);
        section.filter(|_| is_well)
    }

    /// Adds the problems of the table at `base`: those with what JSON `lacks`, and `others`, which may come of them.
    pub(super) fn problems_of(&mut self, context: &str, base: &[&str], lacks: Vec<Problem>, others: Vec<Problem>) {
        let overlap = |a: &[PathStep], b: &[PathStep]| a.iter().zip(b).all(|(a, b)| a == b);
        let others: Vec<Problem> = others
            .into_iter()
            .filter(|other| other.path.is_empty() || !lacks.iter().any(|lack| overlap(&lack.path, &other.path)))
            .collect();
        for problem in lacks.into_iter().chain(others) {
            self.problems.push(self.finding(context, base, &problem));
        }
    }

    fn finding(&self, context: &str, base: &[&str], problem: &Problem) -> Finding {
        let mut path = steps(base);
        path.extend(problem.path.iter().cloned());
        let named = if is_about_key(problem) { &problem.path[..problem.path.len() - 1] } else { &problem.path[..] };
        let option = Problem { path: named.to_vec(), message: String::new() }.to_string();
        let message = match option.trim_end_matches(": ") {
            "" => format!("{context}: {}", problem.message),
            option => format!("{context}: `{option}`: {}", problem.message),
        };
        if problem.path.is_empty() || is_about_key(problem) {
            self.document.at_key(&path, message)
        } else {
            self.document.at_value(&path, message)
        }
    }
}

/// The path of these keys.
pub(super) fn steps(keys: &[&str]) -> Vec<PathStep> {
    keys.iter().map(|key| PathStep::Key((*key).to_owned())).collect()
}

/// What kind of value it is, with its article.
pub(super) fn a_value(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Takes the options that are not `known` out of a table, and says of each what could stand there.
pub(super) fn take_unknown(options: &mut Map<String, Value>, known: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    options.retain(|key, _| {
        let is_known = known.iter().any(|name| name == key);
        if !is_known {
            let message = options::unknown(key, known) + &suggestion::of(key, known.iter().map(String::as_str));
            problems.push(Problem::with(key, message));
        }
        is_known
    });
    problems
}

/// Whether it is the key that is wrong (ours and serde's wording), not the value.
fn is_about_key(problem: &Problem) -> bool {
    let Some(PathStep::Key(key)) = problem.path.last() else { return false };
    [format!("unknown option `{key}`"), format!("unknown field `{key}`")]
        .iter()
        .any(|start| problem.message.starts_with(start))
}
