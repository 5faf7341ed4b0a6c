//! Reads the sections of a document and collects every problem and warning.

use hookd_core::{Dialect, PathStep, Problem, options, registry};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::document::{self, Document};
use super::report::{self, Finding, Report, Warning};
use super::secrets::without_value;
use super::suggestion::suggest;
use crate::sections::names;

/// Reads the sections of a document.
pub(crate) struct Reader<'d> {
    document: &'d Document<'d>,
    problems: Vec<Finding>,
    warnings: Vec<Warning>,
}

impl<'d> Reader<'d> {
    pub(crate) fn new(document: &'d Document<'d>) -> Self {
        Self { document, problems: Vec::new(), warnings: Vec::new() }
    }

    /// The document being read.
    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Adds a problem.
    pub(crate) fn problem(&mut self, problem: Finding) {
        self.problems.push(problem);
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// The warnings, sorted.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub(crate) fn finish(self) -> Result<Vec<Warning>, Report> {
        if !self.problems.is_empty() {
            return Err(Report::new(self.problems, &self.document.names()));
        }
        let mut warnings = self.warnings;
        report::sort(&mut warnings, &self.document.names());
        Ok(warnings)
    }

    /// Reports top-level keys that are none of the `sections`, of the `lists` of tables and of the `options`.
    pub(crate) fn report_unknown(&mut self, sections: &[&str], lists: &[&str], options: &[&str]) {
        let known = [sections, lists, options].concat();
        for key in self.document.keys().filter(|key| !known.contains(key)) {
            let kind = match self.document.value(key) {
                Some(DeValue::Table(_) | DeValue::Array(_)) => "section",
                _ => "option",
            };
            let tables = sections.iter().map(|name| format!("`[{name}]`"));
            let tables = tables.chain(lists.iter().map(|name| format!("`[[{name}]]`")));
            let known_list: Vec<String> = tables.chain(options.iter().map(|name| format!("`{name}`"))).collect();
            let mut message = format!("unknown {kind} `{key}`, expected one of {}", known_list.join(", "));
            if registry::find::<Dialect>(key).is_ok() {
                let section = names::DIALECTS;
                message.push_str(&format!("; `[{section}]` has the dialects: `[{section}.{key}]`"));
            } else {
                message.push_str(&suggest(key, known.iter().copied()));
            }
            self.problems.push(self.document.at_key(&steps(&[key]), message));
        }
    }

    /// Reads a section: its default if the file does not have it, `None` if it has problems.
    pub(crate) fn section<T: DeserializeOwned + JsonSchema + Default>(&mut self, name: &str) -> Option<T> {
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
        let (mut options, unsupported) = document::json_object(table);
        let known = options::names::<T>();
        let mut problems = take_unknown(&mut options, &known);
        let section = match options::read::<T>(options) {
            Ok(section) => Some(section),
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
        };
        let is_valid = problems.is_empty() && unsupported.is_empty();
        self.report(&context, &steps(&[name]), &names::may_hold_secret, unsupported, problems);
        section.filter(|_| is_valid)
    }

    /// Reports values of the table at `base` that JSON cannot represent, then the other problems they do not explain.
    ///
    /// Of an option that `may_hold_secret`, no message shows a value or the key of a table in it: both may be the secret,
    /// at the wrong place.
    pub(crate) fn report(
        &mut self,
        context: &str,
        base: &[PathStep],
        may_hold_secret: &dyn Fn(&str) -> bool,
        unsupported: Vec<Problem>,
        invalid: Vec<Problem>,
    ) {
        let overlap = |a: &[PathStep], b: &[PathStep]| a.iter().zip(b).all(|(a, b)| a == b);
        let is_explained = |problem: &Problem| unsupported.iter().any(|value| overlap(&value.path, &problem.path));
        let invalid: Vec<Problem> =
            invalid.into_iter().filter(|problem| problem.path.is_empty() || !is_explained(problem)).collect();
        for problem in unsupported.into_iter().chain(invalid) {
            let hides = matches!(problem.path.first(), Some(PathStep::Key(option)) if may_hold_secret(option));
            self.problems.push(self.finding(context, base, &problem, hides));
        }
    }

    fn finding(&self, context: &str, base: &[PathStep], problem: &Problem, hides: bool) -> Finding {
        let mut path = base.to_vec();
        path.extend(problem.path.iter().cloned());
        let mut named = if is_about_key(problem) { &problem.path[..problem.path.len() - 1] } else { &problem.path[..] };
        let at_key = problem.path.is_empty() || is_about_key(problem);
        let hidden;
        let mut problem = problem;
        if hides {
            let is_key = |step: &PathStep| matches!(step, PathStep::Key(_));
            let shown = named.iter().skip(1).position(is_key).map_or(named.len(), |inner| inner + 1);
            named = &named[..shown];
            hidden = Problem { path: problem.path.clone(), message: without_value(&problem.message) };
            problem = &hidden;
        }
        let option = Problem { path: named.to_vec(), message: String::new() }.to_string();
        let message = match option.trim_end_matches(": ") {
            "" => format!("{context}: {}", problem.message),
            option => format!("{context}: `{option}`: {}", problem.message),
        };
        // An item of a list has no key of its own.
        let is_item = problem.path.is_empty() && matches!(base.last(), Some(PathStep::Index(_)));
        if at_key && !is_item { self.document.at_key(&path, message) } else { self.document.at_value(&path, message) }
    }
}

/// The path of these keys.
pub(crate) fn steps(keys: &[&str]) -> Vec<PathStep> {
    keys.iter().map(|key| PathStep::Key((*key).to_owned())).collect()
}

/// The kind of a value, with its article.
pub(crate) fn a_value(value: &DeValue<'_>) -> &'static str {
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

/// Removes the options that are not `known` from a table; each becomes a problem that says what is possible.
pub(crate) fn take_unknown(options: &mut Map<String, Value>, known: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    options.retain(|key, _| {
        let is_known = known.iter().any(|name| name == key);
        if !is_known {
            let message = options::unknown(key, known) + &suggest(key, known.iter().map(String::as_str));
            problems.push(Problem::with(key, message));
        }
        is_known
    });
    problems
}

/// Whether the problem is the key (in our wording or serde's), not its value.
fn is_about_key(problem: &Problem) -> bool {
    let Some(PathStep::Key(key)) = problem.path.last() else { return false };
    [format!("unknown option `{key}`"), format!("unknown field `{key}`")]
        .iter()
        .any(|start| problem.message.starts_with(start))
}
