//! The JSON Schema of `hookd.toml`, with the dialects of this build.

use hookd_core::{Dialect, options, registry};
use hookd_pollers::PollerType;
use hookd_sinks::SinkType;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::option_doc::paragraphs;
use crate::sections::admin::Admin;
use crate::sections::change_hook_auth::{self, Auth};
use crate::sections::dialect::EveryDialect;
use crate::sections::server::Server;
use crate::sections::store::Store;
use crate::sections::typed_table::TableType;
use crate::sections::{dialects, include, names, pollers, sinks};

/// Makes the schema of a struct.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The sections with options of their own, in the order of the manual.
pub(crate) const SECTIONS: [(&str, SchemaOf); 3] =
    [(names::SERVER, Server::json_schema), (names::ADMIN, Admin::json_schema), (names::STORE, Store::json_schema)];

/// The JSON Schema (draft 2020-12) of `hookd.toml`, for editors.
pub fn json_schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut properties = Map::new();
    for (name, schema) in SECTIONS {
        properties.insert(name.to_owned(), closed(schema(&mut generator).to_value()));
    }
    let mut auth = generator.subschema_for::<Auth>().to_value();
    auth["description"] = change_hook_auth::ABOUT.into();
    properties.insert(names::AUTH.to_owned(), auth);
    let path = json!({ "type": "string", "minLength": 1 });
    properties.insert(
        names::INCLUDE.to_owned(),
        json!({ "description": include::ABOUT, "anyOf": [path, { "type": "array", "items": path }] }),
    );
    let every = EveryDialect::json_schema(&mut generator).to_value();
    let classes = registry::all::<Dialect>();
    let mut definitions = Map::new();
    for class in &classes {
        let mut options = closed((class.schema)(&mut generator).to_value());
        add_properties(&mut options, &every);
        if !class.has_compat {
            options["properties"].as_object_mut().map(|properties| properties.remove("compat"));
        }
        options["description"] = class.summary.into();
        definitions.insert(definition(class), options);
    }
    properties.insert(names::DIALECTS.to_owned(), section_of(&classes));
    add_list::<SinkType>(sinks::ABOUT, &mut properties, &mut definitions, &mut generator);
    add_list::<PollerType>(pollers::ABOUT, &mut properties, &mut definitions, &mut generator);
    let types = generator.take_definitions(true);
    let options = properties.values_mut().chain(definitions.values_mut());
    options.for_each(|schema| allow_single_values(schema, &types));
    definitions.extend(types);
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

/// The schema of the section of dialects. A name is that of a class, or its table has a `custom_class`.
fn section_of(classes: &[&Dialect]) -> Value {
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

/// Adds the schema of a list of tables, each with the options of its type, which has a definition of its own.
fn add_list<T: TableType>(
    about: &str,
    properties: &mut Map<String, Value>,
    definitions: &mut Map<String, Value>,
    generator: &mut SchemaGenerator,
) {
    let every = T::Every::json_schema(generator).to_value();
    let mut choices = Vec::new();
    for table_type in registry::all::<T>() {
        let mut options = closed(table_type.schema()(generator).to_value());
        add_properties(&mut options, &every);
        options["description"] = table_type.summary().into();
        options["properties"]["type"] = json!({ "const": table_type.name() });
        let required = options.as_object_mut().map(|options| options.entry("required").or_insert_with(|| json!([])));
        let names = required.and_then(Value::as_array_mut);
        names.into_iter().for_each(|names| names.extend(T::REQUIRED.iter().map(|name| Value::from(*name))));
        let definition = format!("{}_{}", T::NOUN, table_type.name());
        choices.push(json!({ "$ref": format!("#/$defs/{definition}") }));
        definitions.insert(definition, options);
    }
    let items = if choices.is_empty() { json!(false) } else { json!({ "anyOf": choices }) };
    properties.insert(T::SECTION.to_owned(), json!({ "description": about, "type": "array", "items": items }));
}

/// Makes the schema of a struct reject options that it does not name.
fn closed(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.entry("additionalProperties").or_insert(false.into());
    }
    schema
}

/// Makes the schema of a table of options accept, where a list is meant, a single value of it.
fn allow_single_values(schema: &mut Value, types: &Map<String, Value>) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        let Some(single) = options::items_of_list(property, types).cloned() else { continue };
        let mut list = property.take();
        let description = list.as_object_mut().and_then(|list| list.remove("description"));
        let mut both = json!({ "anyOf": [list, single] });
        if let Some(description) = description {
            both["description"] = description;
        }
        *property = both;
    }
}

fn add_properties(schema: &mut Value, more: &Value) {
    let more = more.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(object) = schema.as_object_mut() {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        properties.as_object_mut().into_iter().for_each(|properties| properties.extend(more.clone()));
    }
}

/// Removes from a schema null, which optional fields accept in Rust but TOML does not have, and from descriptions the
/// line breaks of the source.
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

    fn errors(toml: &str) -> Vec<String> {
        let value: Value = toml::from_str::<toml::Table>(toml).unwrap().try_into().unwrap();
        let validator = jsonschema::draft202012::new(&json_schema()).unwrap();
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn is_a_valid_schema_that_accepts_an_empty_file() {
        jsonschema::draft202012::meta::validate(&json_schema()).unwrap();
        assert_eq!(errors(""), Vec::<String>::new());
    }

    #[test]
    fn accepts_and_rejects_what_check_does() {
        let dialects = |line: &str| format!("[change_hook_dialects]\n{line}");
        for good in [
            "include = ['conf.d/*.toml']\n[server]\nmax_body = 1000\nworkers = 2",
            "include = 'conf.d/*.toml'",
            &dialects("base = false\nsigned = { secret = ['a', { file = 'b' }], compat = 'buildbot' }"),
            &dialects("base = { deduplicate = false, custom_class = 'base' }"),
            &dialects("base = { custom_class = 'test', secret = 'x' }"),
            &dialects("none = false"),
            "[server]\ntrusted_proxies = '127.0.0.1'\nallow_from = ['10.0.0.0/8', '::1']",
            &dialects("test = { skips = 'x', allow_from = '192.0.2.1' }"),
        ] {
            assert_eq!(errors(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "[sever]",
            "include = [1]",
            "[server]\nlisten = 8010",
            "[server]\nworkers = 0",
            "change_hook_auth = ['pam:x']",
            "[server]\nallow_from = ['example.org']",
            "[server]\nallow_from = 'example.org'",
            "[server]\ntrusted_proxies = 5",
            "[server]\ntls = { certificate = 'x' }",
            "[server]\nmax_body = 'big'",
            "[store]\nurl = 'postgres:x'",
            "[store]\nkeep_changes = 'always'",
            &dialects("base = 1"),
            &dialects("base = { secret = 'x' }"),
            &dialects("base = { compat = 'signed' }"),
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
        let text = json_schema()["properties"].to_string();
        assert!(!text.contains("null") && !text.contains("\\n"), "{text}");
    }
}
