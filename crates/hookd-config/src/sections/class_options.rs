//! The options of a class of dialects, from its schema.

use hookd_core::{Dialect, Secret, options};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

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
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.schema.get("additionalProperties"), None | Some(Value::Bool(false)))
    }

    /// The names of the options, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        options::names_in(&self.schema)
    }

    /// Whether the value of this option is a secret or contains secrets.
    pub(crate) fn is_secret(&self, option: &str) -> bool {
        let property = self.schema.get("properties").and_then(|properties| properties.get(option));
        property.is_some_and(|property| self.contains_secret(property, &mut Vec::new()))
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
