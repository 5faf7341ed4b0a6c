//! The schemas of `hookd.toml`: of its sections, of the dialects of this build, and of the whole.

use hookd_core::{Dialect, PathStep, Secret, registry};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::entry::paragraphs;
use super::{Admin, Auth, EveryDialect, Server, Store, admin, auth, dialects, server, store};

/// What makes the schema of a struct.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The sections with options of their own, in the order of the manual.
pub(crate) const SECTIONS: [(&str, SchemaOf); 3] =
    [(server::NAME, Server::json_schema), (admin::NAME, Admin::json_schema), (store::NAME, Store::json_schema)];

/// The options of a class of dialects.
pub(super) struct ClassOptions {
    schema: Value,
    definitions: Map<String, Value>,
}

impl ClassOptions {
    /// Those of this class.
    pub(super) fn of(class: &Dialect) -> Self {
        let mut generator = SchemaGenerator::default();
        let schema = (class.schema)(&mut generator).to_value();
        Self { schema, definitions: generator.take_definitions(true) }
    }

    /// Whether there are no options but those that are named.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.schema.get("additionalProperties"), None | Some(Value::Bool(false)))
    }

    /// The names, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let mut names: Vec<String> = properties.into_iter().flat_map(Map::keys).cloned().collect();
        names.sort();
        names
    }

    /// Whether the value of this option is a secret, or has secrets in it.
    pub(super) fn is_secret(&self, option: &PathStep) -> bool {
        let PathStep::Key(option) = option else { return false };
        let property = self.schema.get("properties").and_then(|properties| properties.get(option));
        property.is_some_and(|property| self.leads_to_a_secret(property, &mut Vec::new()))
    }

    fn leads_to_a_secret<'s>(&'s self, schema: &'s Value, seen: &mut Vec<&'s str>) -> bool {
        match schema {
            Value::Array(items) => items.iter().any(|item| self.leads_to_a_secret(item, seen)),
            Value::Object(object) => object.iter().any(|(key, value)| match value.as_str() {
                Some(reference) if key == "$ref" && !seen.contains(&reference) => {
                    seen.push(reference);
                    let name = reference.rsplit('/').next().unwrap_or_default();
                    name == Secret::schema_name()
                        || self.definitions.get(name).is_some_and(|definition| self.leads_to_a_secret(definition, seen))
                }
                _ => self.leads_to_a_secret(value, seen),
            }),
            _ => false,
        }
    }
}

/// The JSON Schema (draft 2020-12) of `hookd.toml`, for editors.
pub(crate) fn of_file() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut properties = Map::new();
    for (name, schema) in SECTIONS {
        properties.insert(name.to_owned(), closed(schema(&mut generator).to_value()));
    }
    let mut auth = generator.subschema_for::<Auth>().to_value();
    auth["description"] = auth::ABOUT.into();
    properties.insert(auth::NAME.to_owned(), auth);
    let every = EveryDialect::json_schema(&mut generator).to_value();
    let classes = registry::all::<Dialect>();
    let mut definitions = Map::new();
    for class in &classes {
        let mut options = closed((class.schema)(&mut generator).to_value());
        add_properties(&mut options, &every);
        options["description"] = class.summary.into();
        definitions.insert(definition(class), options);
    }
    let dialects = dialects(&classes);
    properties.insert(dialects::NAME.to_owned(), dialects);
    definitions.extend(generator.take_definitions(true));
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hookd.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    });
    tidy(&mut schema);
    schema
}

/// The section of the dialects. A name is that of a class, or has a `custom_class`.
fn dialects(classes: &[&Dialect]) -> Value {
    let reference = |class: &Dialect| format!("#/$defs/{}", definition(class));
    let under_another_name = |class: &&Dialect| {
        json!({
            "$ref": reference(class),
            "properties": { "custom_class": { "const": class.name } },
            "required": ["custom_class"],
        })
    };
    let mut properties = Map::new();
    for class in classes {
        let mut choices = vec![
            json!({ "type": "boolean" }),
            json!({ "$ref": reference(class), "properties": { "custom_class": { "const": class.name } } }),
        ];
        choices.extend(classes.iter().filter(|other| other.name != class.name).map(under_another_name));
        properties.insert(class.name.to_owned(), json!({ "description": class.summary, "anyOf": choices }));
    }
    let mut others = vec![json!({ "const": false })];
    others.extend(classes.iter().map(under_another_name));
    json!({
        "description": dialects::ABOUT,
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z0-9_]+$" },
        "properties": properties,
        "additionalProperties": { "anyOf": others },
    })
}

fn definition(class: &Dialect) -> String {
    format!("dialect_{}", class.name)
}

/// The schema of a struct, with no options but those that are named.
fn closed(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.entry("additionalProperties").or_insert(false.into());
    }
    schema
}

fn add_properties(schema: &mut Value, more: &Value) {
    let more = more.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(object) = schema.as_object_mut() {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        properties.as_object_mut().into_iter().for_each(|properties| properties.extend(more.clone()));
    }
}

/// Takes null, which an option that may be left out also has in Rust but not in TOML, out of a schema, and the line
/// breaks of the source out of its paragraphs.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            object.retain(|key, value| key != "default" || !value.is_null());
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = paragraphs(text);
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            let null = json!({ "type": "null" });
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| *choice != null);
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            object.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the design, as far as the parts exist.
    const EXAMPLE: &str = r#"
        change_hook_auth = ["file:changehook.passwd"]
        [server]
        listen = "127.0.0.1:8010"
        max_body = "25MiB"
        [admin]
        listen = "127.0.0.1:8011"
        [store]
        url = "sqlite:hookd.db"
        keep_payloads = "14d"
        keep_changes = "forever"
        [change_hook_dialects]
        base = true
        github = { secret = { env = "GITHUB_SECRET" }, strict = true, github_property_whitelist = ["github.base.*"] }
        acme = { custom_class = "base" }
    "#;

    fn errors(toml: &str) -> Vec<String> {
        let value: Value = toml::from_str::<toml::Table>(toml).unwrap().try_into().unwrap();
        let validator = jsonschema::draft202012::new(&of_file()).unwrap();
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn is_a_schema_that_the_example_of_the_design_fits() {
        jsonschema::draft202012::meta::validate(&of_file()).unwrap();
        assert_eq!(errors(EXAMPLE), Vec::<String>::new());
        assert_eq!(errors(""), Vec::<String>::new());
    }

    #[test]
    fn lets_editors_say_what_check_would() {
        let dialects = |line: &str| format!("[change_hook_dialects]\n{line}");
        for good in [
            "[server]\nmax_body = 1000\nworkers = 2",
            &dialects("base = false\ngithub = { secret = ['a', { file = 'b' }], compat = 'buildbot' }"),
            &dialects("base = { deduplicate = false, custom_class = 'base' }"),
            &dialects("base = { custom_class = 'test', secret = 'x' }"),
            &dialects("none = false"),
        ] {
            assert_eq!(errors(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "[sever]",
            "[server]\nlisten = 8010",
            "[server]\nworkers = 0",
            "change_hook_auth = ['pam:x']",
            "[server]\nallow_from = ['example.org']",
            "[server]\ntls = { certificate = 'x' }",
            "[server]\nmax_body = 'big'",
            "[store]\nurl = 'postgres:x'",
            "[store]\nkeep_changes = 'always'",
            &dialects("base = 1"),
            &dialects("base = { secret = 'x' }"),
            &dialects("base = { compat = 'github' }"),
            &dialects("acme = true"),
            &dialects("acme = { custom_class = 'none' }"),
            &dialects("acme = { custom_class = 'base', secret = 'x' }"),
            &dialects("'a-b' = { custom_class = 'base' }"),
            &dialects("test = { secret = { evn = 'x' } }"),
        ] {
            assert_ne!(errors(bad), Vec::<String>::new(), "{bad}");
        }
    }

    #[test]
    fn has_no_null_and_no_line_breaks_of_the_source() {
        let text = of_file()["properties"].to_string();
        assert!(!text.contains("null") && !text.contains("\\n"), "{text}");
    }
}
