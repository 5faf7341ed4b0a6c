//! Documentation of one option, taken from the schema of its struct.

use hookd_core::Dialect;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::sections::dialect::EveryDialect;

/// Documentation of one option.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptionDoc {
    /// The name.
    pub name: String,
    /// The kinds of values that it accepts, in words.
    #[serde(rename = "type")]
    pub kind: String,
    /// The default; null if there is none.
    pub default: Value,
    /// Whether it must be set.
    pub required: bool,
    /// What it does.
    pub description: String,
}

impl OptionDoc {
    /// The options of a class of dialects, without those of every dialect, sorted by name.
    pub fn for_class(class: &Dialect) -> Vec<Self> {
        Self::for_struct(class.schema)
    }

    /// The options that every dialect takes beside those of its class, sorted by name.
    pub fn for_every_dialect() -> Vec<Self> {
        Self::for_struct(EveryDialect::json_schema)
    }

    fn for_struct(schema: fn(&mut SchemaGenerator) -> Schema) -> Vec<Self> {
        let mut generator = SchemaGenerator::default();
        let schema = schema(&mut generator).to_value();
        Self::from_schema(&schema, &generator.take_definitions(true))
    }

    /// The options of a struct with this schema, sorted by name; `definitions` contains the schemas that it refers to.
    pub(super) fn from_schema(schema: &Value, definitions: &Map<String, Value>) -> Vec<Self> {
        let required = schema.get("required").and_then(Value::as_array);
        let properties = schema.get("properties").and_then(Value::as_object);
        let entry = |(name, property): (&String, &Value)| Self {
            name: name.clone(),
            kind: kind(property, definitions),
            default: property.get("default").cloned().unwrap_or_default(),
            required: required.is_some_and(|names| names.iter().any(|required| required == name)),
            description: description(property),
        };
        let mut entries: Vec<Self> = properties.into_iter().flatten().map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    /// The type and the default, on one line.
    pub fn signature(&self) -> String {
        let default = match &self.default {
            _ if self.required => ", required".to_owned(),
            Value::Null => String::new(),
            default => format!(", default `{default}`"),
        };
        format!("{}{default}", self.kind)
    }
}

/// The description of a schema, with each paragraph on one line.
pub(super) fn description(schema: &Value) -> String {
    paragraphs(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

/// A text without the line breaks within its paragraphs.
pub(super) fn paragraphs(text: &str) -> String {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(line).collect::<Vec<_>>().join("\n\n")
}

/// The kinds of values of this schema, in words.
fn kind(schema: &Value, definitions: &Map<String, Value>) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(title) = text("title") {
        return title.to_owned();
    }
    if let Some(definition) = text("$ref").and_then(|to| definitions.get(to.rsplit('/').next()?)) {
        return kind(definition, definitions);
    }
    if let Some(literal) = schema.get("const") {
        return format!("`{literal}`");
    }
    if let Some(literals) = list("enum") {
        return one_of(literals.iter().map(|literal| format!("`{literal}`")));
    }
    if let Some(choices) = ["anyOf", "oneOf", "allOf"].into_iter().find_map(list) {
        return one_of(choices.iter().map(|choice| kind(choice, definitions)));
    }
    let types: Vec<&str> = list("type").into_iter().flatten().filter_map(Value::as_str).chain(text("type")).collect();
    if types.is_empty() {
        return "anything".to_owned();
    }
    one_of(types.into_iter().map(|name| match name {
        "array" => match schema.get("items").map(|items| kind(items, definitions)) {
            Some(items) if items.contains(" or ") => format!("list of ({items})"),
            Some(items) => format!("list of {items}"),
            None => "list".to_owned(),
        },
        "object" => "table".to_owned(),
        name => name.to_owned(),
    }))
}

/// The choices without null, which TOML does not have.
fn one_of(choices: impl Iterator<Item = String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for choice in choices {
        if choice != "null" && !kept.contains(&choice) {
            kept.push(choice);
        }
    }
    if kept.is_empty() { "null".to_owned() } else { kept.join(" or ") }
}

#[cfg(test)]
mod tests {
    use hookd_core::{Codebase, Compat, PropertyWhitelist, Secrets};
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only the schema is of interest")]
    struct Options {
        /// The first
        /// paragraph.
        ///
        /// The second.
        secret: Option<Secrets>,
        #[schemars(default = "three")]
        number: u8,
        must: bool,
        compat: Option<Compat>,
        codebase: Option<Codebase>,
        whitelist: Option<PropertyWhitelist>,
        names: Option<Vec<String>>,
    }

    fn three() -> u8 {
        3
    }

    #[test]
    fn describes_types_and_defaults_in_words() {
        let entries = OptionDoc::for_struct(Options::json_schema);
        let signatures: Vec<_> = entries.iter().map(|entry| format!("{}: {}", entry.name, entry.signature())).collect();
        assert_eq!(
            signatures,
            [
                "codebase: codebase",
                "compat: `\"buildbot\"`",
                "must: boolean, required",
                "names: list of string",
                "number: integer, default `3`",
                "secret: secret or list of secrets",
                "whitelist: list of fnmatch pattern",
            ]
        );
        assert_eq!(entries[5].description, "The first paragraph.\n\nThe second.");
    }
}
