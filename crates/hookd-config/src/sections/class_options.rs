//! What is chosen by name (the class of a dialect, the type of a sink or of a poller), and its options, from its schema.

use hookd_core::registry::{self, Named};
use hookd_core::{Dialect, Problem, Secret, options};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::reading::reader::take_unknown;
use crate::reading::suggestion::suggest;

/// What is registered under this name.
///
/// # Errors
/// A message that names those that there are, and the one that may be meant, or how there would be more.
pub(crate) fn find<T: Named>(wanted: &str) -> Result<&'static T, String> {
    registry::find::<T>(wanted).map_err(|message| {
        let suggestion = suggest(wanted, registry::all::<T>().iter().map(|known| known.name()));
        message + if suggestion.is_empty() { registry::HINT } else { &suggestion }
    })
}

/// Removes the common options from a table, so that those of its class remain; `None` if they have problems.
pub(crate) fn take_common<E: DeserializeOwned + JsonSchema>(
    options: &mut Map<String, Value>,
    problems: &mut Vec<Problem>,
) -> Option<E> {
    let own = options::names::<E>().iter().filter_map(|name| options.remove_entry(name)).collect();
    options::read(own).map_err(|wrong| problems.extend(wrong)).ok()
}

/// The options of a class of dialects.
pub(crate) struct ClassOptions {
    schema: Schema,
    definitions: Map<String, Value>,
}

impl ClassOptions {
    /// The options of this class.
    pub(crate) fn new(class: &Dialect) -> Self {
        Self::from_schema(class.schema)
    }

    /// The options of what has this schema.
    pub(crate) fn from_schema(schema: fn(&mut SchemaGenerator) -> Schema) -> Self {
        let mut generator = SchemaGenerator::default();
        let schema = schema(&mut generator);
        Self { schema, definitions: generator.take_definitions(true) }
    }

    /// Whether the class takes only the options that its schema names.
    fn is_closed(&self) -> bool {
        matches!(self.schema.get("additionalProperties"), None | Some(Value::Bool(false)))
    }

    /// The names of the options, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        options::names_in(&self.schema, &self.definitions)
    }

    /// Removes from the table of a class what neither it nor every other (`E`) has as an option. Each becomes a problem.
    pub(crate) fn take_unknown<E: JsonSchema>(&self, options: &mut Map<String, Value>) -> Vec<Problem> {
        if !self.is_closed() {
            return Vec::new();
        }
        let mut names = self.names();
        names.extend(options::names::<E>());
        names.sort();
        take_unknown(options, &names)
    }

    /// Whether the value of this option is a secret or contains secrets.
    pub(crate) fn is_secret(&self, option: &str) -> bool {
        let schemas = options::schemas_of(&self.schema, &self.definitions, option);
        schemas.into_iter().any(|schema| self.contains_secret(schema, &mut Vec::new()))
    }

    fn contains_secret<'s>(&'s self, schema: &'s Value, seen: &mut Vec<&'s str>) -> bool {
        match schema {
            Value::Array(items) => items.iter().any(|item| self.contains_secret(item, seen)),
            Value::Object(object) => object.iter().any(|(key, value)| match value.as_str() {
                Some(reference) if key == "$ref" && !seen.contains(&reference) => {
                    seen.push(reference);
                    let name = reference.rsplit('/').next().unwrap_or_default();
                    name == Secret::schema_name()
                        || self.definitions.get(name).is_some_and(|definition| self.contains_secret(definition, seen))
                }
                _ => self.contains_secret(value, seen),
            }),
            _ => false,
        }
    }
}
