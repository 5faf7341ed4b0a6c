//! Which options a type knows, from its schema.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::{PathStep, Problem};

/// Removes the options that are not `known` from a table; each becomes a problem.
pub(crate) fn take_unknown(table: &mut Map<String, Value>, known: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    table.retain(|key, _| {
        let is_known = known.iter().any(|name| name == key);
        if !is_known {
            problems.push(Problem::with(key, unknown(key, known)));
        }
        is_known
    });
    problems
}

/// The schema of the items, if this schema of an option takes a list and nothing else (besides that the option may be
/// left out).
pub fn items_of_list<'s>(schema: &'s Value, definitions: &'s Map<String, Value>) -> Option<&'s Value> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return items_of_list(definitions.get(reference.rsplit('/').next()?)?, definitions);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let mut choices = choices.iter().filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        let only = choices.next()?;
        return if choices.next().is_none() { items_of_list(only, definitions) } else { None };
    }
    let is_list = match schema.get("type")? {
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "array" || kind == "null"),
        kind => kind == "array",
    };
    if is_list { schema.get("items") } else { None }
}

/// What to say of an option that is not known: `` unknown option `evnts`, expected one of `codebase`, … ``.
pub fn unknown(key: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("unknown option `{key}`: there are none here");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("unknown option `{key}`, expected one of {}", known.join(", "))
}

/// The names of the options of a type, sorted.
pub fn names<O: JsonSchema>() -> Vec<String> {
    let mut generator = SchemaGenerator::default();
    names_in(&O::json_schema(&mut generator), generator.definitions())
}

/// The names of the options in the schema of a table, sorted: of all its variants, where it is an enum.
pub fn names_in(schema: &Schema, definitions: &Map<String, Value>) -> Vec<String> {
    Known::of(&[schema.as_value()], definitions, None).schemas.keys().map(|name| (*name).to_owned()).collect()
}

/// The schemas of an option in the schema of a table; none where it is not known.
pub fn schemas_of<'s>(schema: &'s Schema, definitions: &'s Map<String, Value>, option: &str) -> Vec<&'s Value> {
    Known::of(&[schema.as_value()], definitions, None).schemas.remove(option).unwrap_or_default()
}

/// How deep references and alternatives are followed.
const MAX_DEPTH: usize = 64;

/// The keys that a table may have, as its schemas say.
#[derive(Default)]
pub(super) struct Known<'s> {
    /// The schemas of each, of which any one is enough.
    pub(super) schemas: BTreeMap<&'s str, Vec<&'s Value>>,
    /// Whether there may be any other key.
    pub(super) is_open: bool,
    /// The schemas of those.
    others: Vec<&'s Value>,
    /// Whether the type itself refuses others.
    refuses_others: bool,
}

impl<'s> Known<'s> {
    /// Those of a table with these values, or of any.
    pub(super) fn of(
        schemas: &[&'s Value],
        definitions: &'s Map<String, Value>,
        table: Option<&Map<String, Value>>,
    ) -> Self {
        let mut keys = Self::default();
        schemas.iter().for_each(|schema| keys.add(schema, definitions, table, MAX_DEPTH));
        keys
    }

    fn add(
        &mut self,
        schema: &'s Value,
        definitions: &'s Map<String, Value>,
        table: Option<&Map<String, Value>>,
        depth: usize,
    ) {
        let (Some(schema), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else {
            self.is_open |= *schema == Value::Bool(true);
            return;
        };
        if let Some(definition) = definition(schema, definitions) {
            self.add(definition, definitions, table, depth);
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.schemas.entry(name).or_default().push(property);
        }
        match schema.get("additionalProperties") {
            None => {}
            Some(Value::Bool(false)) => self.refuses_others = true,
            Some(others) => {
                self.is_open = true;
                self.others.push(others);
            }
        }
        let says_nothing = ["type", "properties", "$ref", "allOf", "anyOf", "oneOf", "enum", "const"];
        self.is_open |=
            !says_nothing.iter().any(|word| schema.contains_key(*word)) || schema.contains_key("patternProperties");
        for part in list(schema, "allOf") {
            self.add(part, definitions, table, depth);
        }
        for word in ["anyOf", "oneOf"] {
            let choices: Vec<&Value> =
                list(schema, word).iter().filter(|choice| is_of_table(choice, definitions)).collect();
            let fits = |choice: &&&Value| table.is_none_or(|table| has_tags(choice, definitions, table));
            let fitting: Vec<&Value> = choices.iter().filter(fits).copied().collect();
            for choice in if fitting.is_empty() { choices } else { fitting } {
                self.add(choice, definitions, table, depth);
            }
        }
    }
}

fn list<'s>(schema: &'s Map<String, Value>, word: &str) -> &'s [Value] {
    schema.get(word).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What a schema refers to.
fn definition<'s>(schema: &Map<String, Value>, definitions: &'s Map<String, Value>) -> Option<&'s Value> {
    definitions.get(schema.get("$ref")?.as_str()?.rsplit('/').next()?)
}

fn resolved<'s>(schema: &'s Value, definitions: &'s Map<String, Value>) -> &'s Value {
    schema.as_object().and_then(|object| definition(object, definitions)).unwrap_or(schema)
}

/// Whether a schema may be one of tables.
fn is_of_table(schema: &Value, definitions: &Map<String, Value>) -> bool {
    match resolved(schema, definitions).get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
    }
}

/// Whether a table has all keys that the schema of a variant fixes, such as `type = "one"`.
fn has_tags(schema: &Value, definitions: &Map<String, Value>, table: &Map<String, Value>) -> bool {
    let properties = resolved(schema, definitions).get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().all(|(name, property)| match property.get("const") {
        None => true,
        Some(tag) => table.get(name) == Some(tag),
    })
}

/// Adds a problem for each key in the tables of a value that none of its schemas knows. Those that the type itself refuses are
/// left to it.
pub(super) fn find_unknown(
    value: &Value,
    schemas: &[&Value],
    definitions: &Map<String, Value>,
    path: &mut Vec<PathStep>,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Object(table) => {
            let keys = Known::of(schemas, definitions, Some(table));
            let names: Vec<String> = keys.schemas.keys().map(|name| (*name).to_owned()).collect();
            for (key, value) in table {
                path.push(PathStep::Key(key.clone()));
                match keys.schemas.get(key.as_str()) {
                    Some(schemas) => find_unknown(value, schemas, definitions, path, problems),
                    None if keys.is_open => find_unknown(value, &keys.others, definitions, path, problems),
                    None if keys.refuses_others || names.is_empty() => {}
                    None => problems.push(Problem { path: path.clone(), message: unknown(key, &names) }),
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            let schemas = item_schemas(schemas, definitions, MAX_DEPTH);
            for (index, item) in items.iter().enumerate() {
                path.push(PathStep::Index(index));
                find_unknown(item, &schemas, definitions, path, problems);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The schemas of the items of lists with these schemas.
fn item_schemas<'s>(schemas: &[&'s Value], definitions: &'s Map<String, Value>, depth: usize) -> Vec<&'s Value> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let mut items = Vec::new();
    for schema in schemas.iter().filter_map(|schema| schema.as_object()) {
        items.extend(schema.get("items"));
        let parts = ["allOf", "anyOf", "oneOf"].iter().flat_map(|word| list(schema, word));
        let parts: Vec<&Value> = parts.chain(definition(schema, definitions)).collect();
        items.extend(item_schemas(&parts, definitions, depth));
    }
    items
}
