//! The `codebase` option: a name, or a function of the payload that the build has under a name.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess};
use serde_untagged::UntaggedEnumVisitor;
use serde_untagged::de::{Error, Map};

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

const EXPECTED: &str = r#"a string or `{ function = "NAME" }`"#;

/// The codebase of `{ function = "NAME" }`.
fn function(mut map: Map<'_, '_>) -> Result<Codebase, Error> {
    let entry: Option<(String, String)> = map.next_entry()?;
    let more: Option<(String, IgnoredAny)> = map.next_entry()?;
    match (entry, more) {
        (Some((key, name)), None) if key == "function" => {
            registry::find(&name).map(Codebase::Function).map_err(Error::custom)
        }
        _ => Err(Error::custom(format_args!("expected {EXPECTED}"))),
    }
}

impl<'de> Deserialize<'de> for Codebase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UntaggedEnumVisitor::new()
            .expecting(EXPECTED)
            .string(|name| Ok(Codebase::Name(name.to_owned())))
            .map(function)
            .deserialize(deserializer)
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
