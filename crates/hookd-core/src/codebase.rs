//! The `codebase` option: a name, or a function of the payload that the build has under a name.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::Json;
use crate::registry::{self, Named};

/// A function from an event's payload to its codebase, registered under a name with `inventory::submit!`.
///
/// Buildbot takes any callable for `codebase`; a configuration file cannot hold one, so it names one.
pub struct CodebaseFunction {
    /// The name, for `codebase = { function = "NAME" }`.
    pub name: &'static str,
    /// The codebase of this payload.
    pub function: fn(&Json<'_>) -> String,
}

inventory::collect!(CodebaseFunction);

impl Named for CodebaseFunction {
    const KIND: &'static str = "codebase function";

    fn name(&self) -> &'static str {
        self.name
    }
}

/// The `codebase` of a dialect: `"name"`, or `{ function = "name" }` for a [`CodebaseFunction`] of this build.
#[derive(Clone)]
pub enum Codebase {
    /// The same for every change.
    Name(String),
    /// Asked for each payload.
    Function(&'static CodebaseFunction),
}

impl Codebase {
    /// The codebase of a change from this payload.
    pub fn for_payload(&self, payload: &Json<'_>) -> String {
        match self {
            Codebase::Name(name) => name.clone(),
            Codebase::Function(function) => (function.function)(payload),
        }
    }
}

impl fmt::Debug for Codebase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codebase::Name(name) => write!(f, "Name({name:?})"),
            Codebase::Function(function) => write!(f, "Function({:?})", function.name),
        }
    }
}

struct CodebaseVisitor;

impl<'de> Visitor<'de> for CodebaseVisitor {
    type Value = Codebase;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a string or `{ function = "NAME" }`"#)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Codebase, E> {
        Ok(Codebase::Name(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Codebase, A::Error> {
        let entry: Option<(String, String)> = map.next_entry()?;
        let more: Option<(String, de::IgnoredAny)> = map.next_entry()?;
        match (entry, more) {
            (Some((key, name)), None) if key == "function" => {
                registry::find(&name).map(Codebase::Function).map_err(de::Error::custom)
            }
            _ => Err(de::Error::custom(r#"expected a string or `{ function = "NAME" }`"#)),
        }
    }
}

impl<'de> Deserialize<'de> for Codebase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CodebaseVisitor)
    }
}

impl JsonSchema for Codebase {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Codebase".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "codebase",
            "description": "A codebase's name, or the name of a function of this build that finds it in the payload.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "function": { "type": "string", "description": "The name of a codebase function." } },
                    "required": ["function"], "additionalProperties": false,
                },
            ],
        })
    }
}
