//! The `codebase` option: a name, or how to find it: by the repository, by a value of the payload, or with a function that
//! the build has under a name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::registry::{self, Named};
use crate::{Glob, GlobMap, Json, plug};

/// A function from an event's payload to its codebase, registered under a name with `inventory::submit!`.
///
/// Buildbot takes any callable for `codebase`; a configuration file cannot hold one, so it names one.
pub struct CodebaseFunction {
    /// The name, for `codebase = { function = "NAME" }`.
    pub name: &'static str,
    /// The codebase of this payload.
    pub function: fn(&Json<'_>) -> String,
}

plug!(CodebaseFunction);

impl Named for CodebaseFunction {
    const KIND: &'static str = "codebase function";

    fn name(&self) -> &'static str {
        self.name
    }
}

/// The `codebase` of a dialect: a name, or where to find it.
#[derive(Clone)]
pub enum Codebase {
    /// The same for every change.
    Name(String),
    /// Asked for each payload.
    Function(&'static CodebaseFunction),
    /// Looked up.
    Lookup(Lookup),
}

/// Finds a codebase by the change's repository, or by a value of the payload.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The way to the value in the payload; empty for the repository of the change.
    path: Vec<String>,
    /// Names by pattern on that; `None` takes it as the name.
    map: Option<GlobMap<String>>,
    /// The name where nothing is found.
    default: String,
}

impl Codebase {
    /// The codebase of a change of this repository from this payload.
    pub fn of(&self, payload: &Json<'_>, repository: &str) -> String {
        match self {
            Codebase::Name(name) => name.clone(),
            Codebase::Function(function) => (function.function)(payload),
            Codebase::Lookup(lookup) => lookup.of(payload, repository),
        }
    }
}

impl Lookup {
    fn of(&self, payload: &Json<'_>, repository: &str) -> String {
        let key = match self.path.as_slice() {
            [] => Some(Cow::Borrowed(repository)),
            path => value_at(payload, path),
        };
        let found = match (&self.map, key) {
            (_, None) => None,
            (None, Some(key)) => Some(key.into_owned()),
            (Some(map), Some(key)) => map.get(&key).cloned(),
        };
        found.unwrap_or_else(|| self.default.clone())
    }
}

/// The text or number at a path of keys and, in lists, of indices.
fn value_at<'j>(payload: &'j Json<'_>, path: &[String]) -> Option<Cow<'j, str>> {
    let found = path.iter().try_fold(payload, |json, key| match json {
        Json::List(items) => items.get(key.parse::<usize>().ok()?),
        json => json.get(key),
    })?;
    match found {
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

impl fmt::Debug for Codebase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codebase::Name(name) => write!(f, "Name({name:?})"),
            Codebase::Function(function) => write!(f, "Function({:?})", function.name),
            Codebase::Lookup(lookup) => lookup.fmt(f),
        }
    }
}

const EXPECTED: &str =
    r#"a string, `{ map = { "PATTERN" = "NAME" } }`, `{ path = "KEY.KEY" }` or `{ function = "NAME" }`"#;

/// A table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    map: Option<BTreeMap<String, String>>,
    path: Option<String>,
    default: Option<String>,
    function: Option<String>,
}

impl TryFrom<Table> for Codebase {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        match table {
            Table { function: Some(name), map: None, path: None, default: None } => {
                registry::find(&name).map(Codebase::Function)
            }
            Table { function: Some(_), .. } => Err("`function` goes with no other key".to_owned()),
            Table { map: None, path: None, .. } => {
                Err(format!("neither `map` nor `path` is there: expected {EXPECTED}"))
            }
            Table { map, path, default, function: None } => {
                let map = map.map(|map| match map.is_empty() {
                    true => Err("`map` is empty: name a pattern, or leave it out".to_owned()),
                    false => map.into_iter().map(|(pattern, name)| Ok((Glob::new(&pattern)?, name))).collect(),
                });
                let path: Vec<String> = path.iter().flat_map(|path| path.split('.')).map(str::to_owned).collect();
                if path.iter().any(String::is_empty) {
                    return Err(
                        "`path` has an empty key: expected keys joined by dots, such as `repository.name`".to_owned()
                    );
                }
                Ok(Codebase::Lookup(Lookup { path, map: map.transpose()?, default: default.unwrap_or_default() }))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Codebase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = Codebase;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Codebase, E> {
        Ok(Codebase::Name(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Codebase, A::Error> {
        Codebase::try_from(Table::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
    }
}

impl JsonSchema for Codebase {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Codebase".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = json_schema!({
            "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1,
            "description": "Names by pattern (`fnmatch`); the longest that matches counts.",
        });
        let path = json_schema!({
            "type": "string", "description": "Keys of the payload joined by dots, such as `repository.owner.login`.",
        });
        let default = json_schema!({ "type": "string", "description": "The name where nothing is found." });
        json_schema!({
            "title": "codebase",
            "description": "A codebase's name, or how it is found.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object", "properties": { "map": names, "default": default },
                    "required": ["map"], "additionalProperties": false,
                },
                {
                    "type": "object", "properties": { "path": path, "map": names, "default": default },
                    "required": ["path"], "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": { "function": { "type": "string", "description": "The name of a codebase function." } },
                    "required": ["function"], "additionalProperties": false,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Codebase;
    use crate::View;

    fn read(option: serde_json::Value) -> Result<Codebase, String> {
        serde_json::from_value(option).map_err(|error| error.to_string())
    }

    #[test]
    fn a_codebase_is_found_by_repository_or_by_a_value_of_the_payload() {
        const PAYLOAD: &[u8] =
            br#"{"repository": {"owner": {"login": "oda"}, "id": 7}, "topics": ["tea", "milk"], "none": null}"#;
        let map = json!({"https://git.example.org/*": "rest", "https://git.example.org/kitchen/*": "kitchen"});
        for (option, expected) in [
            (json!("name"), "name"),
            (json!({"map": map}), "kitchen"),
            (json!({"map": {"https://other/*": "a"}, "default": "b"}), "b"),
            (json!({"map": {"https://other/*": "a"}}), ""),
            (json!({"path": "repository.owner.login"}), "oda"),
            (json!({"path": "repository.id"}), "7"),
            (json!({"path": "topics.1"}), "milk"),
            (json!({"path": "topics"}), ""),
            (json!({"path": "none", "default": "b"}), "b"),
            (json!({"path": "repository.owner.login", "map": {"o*": "short", "od?": "long"}}), "long"),
            (json!({"path": "repository.owner.login", "map": {"O*": "a"}, "default": "b"}), "b"),
        ] {
            let codebase = read(option.clone()).unwrap();
            let found =
                View::read(PAYLOAD, |payload| Ok(codebase.of(payload.json(), "https://git.example.org/kitchen/tea")));
            assert_eq!(found.unwrap(), expected, "{option}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_table() {
        for (option, expected) in [
            (json!(5), "expected a string, `{ map = "),
            (json!({}), "neither `map` nor `path` is there"),
            (json!({"default": "a"}), "neither `map` nor `path` is there"),
            (json!({"map": {}}), "`map` is empty"),
            (json!({"map": {"a": 5}}), "invalid type: integer `5`, expected a string"),
            (json!({"maps": {"a": "b"}}), "unknown field `maps`, expected one of `map`, `path`, `default`, `function`"),
            (json!({"path": "a..b"}), "`path` has an empty key"),
            (json!({"path": ""}), "`path` has an empty key"),
            (json!({"function": "f", "default": "a"}), "`function` goes with no other key"),
            (json!({"function": "f"}), "this build has no codebase function `f`"),
            (json!({"map": {("x".repeat(5000)): "a"}}), "the pattern has 5000 bytes"),
        ] {
            let message = read(option.clone()).unwrap_err();
            assert!(message.contains(expected), "{option}: {message}");
        }
    }
}
