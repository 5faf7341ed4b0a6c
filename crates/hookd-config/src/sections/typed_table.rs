//! Lists of tables of which each has a `type`, which decides what options it takes beside the common ones: sinks and
//! pollers.

use hookd_core::registry::{self, Named};
use hookd_core::{PathStep, Problem, options};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::class_options::{self, ClassOptions};
use super::names;
use crate::reading::document;
use crate::reading::reader::{Reader, a_value, steps};
use crate::reading::report::Finding;

/// A type that such a table can have.
pub(crate) trait TableType: Named {
    /// The options that tables of all types take.
    type Every: DeserializeOwned + JsonSchema;

    /// The name of the list.
    const SECTION: &'static str;

    /// What one of its tables is, for messages.
    const NOUN: &'static str;

    /// The options without which there is none, beside those of the type.
    const REQUIRED: &'static [&'static str];

    /// What it is, in one line.
    fn summary(&self) -> &'static str;

    /// Makes the schema of its options.
    fn schema(&self) -> fn(&mut SchemaGenerator) -> Schema;
}

/// One table, taken apart.
pub(crate) struct TypedTable<T: TableType> {
    /// The name that it has in the file.
    pub(crate) name: Option<String>,
    /// Its type; `None` if it has none that there is.
    pub(crate) table_type: Option<&'static T>,
    /// The common options; `None` if they have problems.
    pub(crate) every: Option<T::Every>,
    /// The options of its type.
    pub(crate) options: Map<String, Value>,
    /// What is wrong, so far.
    pub(crate) problems: Vec<Problem>,
    unsupported: Vec<Problem>,
}

/// The tables of a list, each with its place.
pub(crate) fn tables<'d, T: TableType>(reader: &mut Reader<'d>) -> Vec<(Vec<PathStep>, &'d DeTable<'d>)> {
    reject_hidden::<T>(reader);
    let document = reader.document();
    let items = match document.value(T::SECTION) {
        None => return Vec::new(),
        Some(DeValue::Array(items)) => items,
        Some(other) => {
            let message = format!("section `{0}` is {1}, expected tables `[[{0}]]`", T::SECTION, a_value(other));
            reader.problem(document.at_key(&steps(&[T::SECTION]), message));
            return Vec::new();
        }
    };
    let mut tables = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = vec![PathStep::Key(T::SECTION.to_owned()), PathStep::Index(index)];
        match item.get_ref() {
            DeValue::Table(table) => tables.push((place, table)),
            other => {
                let message = format!("a {} is {}, expected a table", T::NOUN, a_value(other));
                reader.problem(document.at_value(&place, message));
            }
        }
    }
    tables
}

impl<T: TableType> TypedTable<T> {
    /// Takes a table apart.
    pub(crate) fn new(table: &DeTable<'_>) -> Self {
        let (mut options, unsupported) = document::json_object(table);
        let name = options.get("name").and_then(Value::as_str).map(str::to_owned);
        let mut problems = Vec::new();
        let table_type = find_type::<T>(options.get("type"), &mut problems);
        let every = class_options::take_common(&mut options, &mut problems);
        if let Some(table_type) = table_type {
            let known = ClassOptions::from_schema(table_type.schema());
            problems.extend(known.take_unknown::<T::Every>(&mut options));
        }
        Self { name, table_type, every, options, problems, unsupported }
    }

    /// Reports what is wrong with it. Returns whether it is valid.
    pub(crate) fn report(self, reader: &mut Reader<'_>, context: &str, place: &[PathStep]) -> bool {
        let is_valid = self.problems.is_empty() && self.unsupported.is_empty();
        let known = self.table_type.map(|table_type| ClassOptions::from_schema(table_type.schema()));
        let may_hold_secret = |option: &str| {
            names::may_hold_secret(option) || known.as_ref().is_some_and(|known| known.is_secret(option))
        };
        reader.report(context, place, &may_hold_secret, self.unsupported, self.problems);
        is_valid
    }
}

fn find_type<T: TableType>(wanted: Option<&Value>, problems: &mut Vec<Problem>) -> Option<&'static T> {
    let Some(wanted) = wanted else {
        let known: Vec<String> = registry::all::<T>().iter().map(|known| format!("`{}`", known.name())).collect();
        let message = format!("option `type` is missing, expected one of {}", known.join(", "));
        problems.push(Problem { path: Vec::new(), message });
        return None;
    };
    // Any other kind of value is reported with the common options.
    let found = class_options::find::<T>(wanted.as_str()?);
    found.map_err(|message| problems.push(Problem::with("type", message))).ok()
}

/// Rejects a build with a type whose options hide the common ones.
fn reject_hidden<T: TableType>(reader: &mut Reader<'_>) {
    let kind = T::KIND;
    let mut messages = Vec::new();
    let every = options::names::<T::Every>();
    for table_type in registry::all::<T>() {
        let own = ClassOptions::from_schema(table_type.schema()).names();
        for option in own.iter().filter(|option| every.contains(option)) {
            let (name, noun) = (table_type.name(), T::NOUN);
            messages.push(format!("{kind} `{name}` of this build redefines the option `{option}` of every {noun}"));
        }
    }
    for message in messages {
        reader.problem(Finding::in_file(reader.document().name(), message));
    }
}
