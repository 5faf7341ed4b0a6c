//! Secrets, as an option names them.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess};
use serde_untagged::UntaggedEnumVisitor;
use serde_untagged::de::{Error, Map};

/// A secret as an option names it: a string, `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The secret itself.
    Text(String),
    /// The name of an environment variable that holds it.
    Env(String),
    /// The path of a file that holds it; one newline at its end does not count.
    File(String),
}

/// One secret, or a list of which any one is enough (for rotation).
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(pub Vec<Secret>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("Text(..)"),
            Secret::Env(name) => write!(f, "Env({name:?})"),
            Secret::File(path) => write!(f, "File({path:?})"),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

const EXPECTED: &str = r#"a string, `{ env = "NAME" }` or `{ file = "PATH" }`"#;

/// Reads one secret, from what is no list.
fn visitor<'de, T: 'static>(expected: String, one: fn(Secret) -> T) -> UntaggedEnumVisitor<'static, 'de, T> {
    UntaggedEnumVisitor::new()
        .expecting(expected)
        .string(move |text| Ok(one(Secret::Text(text.to_owned()))))
        .i64(|_| Err(not_a_text("an integer")))
        .u64(|_| Err(not_a_text("an integer")))
        .f64(|_| Err(not_a_text("a float")))
        .map(move |map| named(map).map(one))
}

/// A number where a secret should be may be one that lacks its quotes: serde's own message would show it.
fn not_a_text(kind: &str) -> Error {
    Error::custom(format_args!("invalid type: {kind}, expected {EXPECTED}"))
}

/// The secret of `{ env = "NAME" }` or `{ file = "PATH" }`.
fn named(mut map: Map<'_, '_>) -> Result<Secret, Error> {
    let entry: Option<(String, String)> = map.next_entry()?;
    let more: Option<(String, IgnoredAny)> = map.next_entry()?;
    match (entry.as_ref().map(|(key, value)| (key.as_str(), value)), more) {
        (Some(("env", name)), None) => Ok(Secret::Env(name.clone())),
        (Some(("file", path)), None) => Ok(Secret::File(path.clone())),
        _ => Err(Error::custom(format_args!("expected {EXPECTED}"))),
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visitor(EXPECTED.to_owned(), |secret| secret).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        visitor(format!("{EXPECTED}, or a list of these"), |secret| Secrets(vec![secret]))
            .seq(|list| match list.deserialize::<Vec<Secret>>()? {
                empty if empty.is_empty() => {
                    Err(Error::custom("an empty list of secrets would accept nothing: name one, or leave it out"))
                }
                secrets => Ok(Secrets(secrets)),
            })
            .deserialize(deserializer)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let named = |key: &str, what: &str| {
            json_schema!({
                "type": "object", "properties": { key: { "type": "string", "description": what } },
                "required": [key], "additionalProperties": false,
            })
        };
        json_schema!({
            "title": "secret",
            "description": "A secret: a string, the name of an environment variable, or the path of a file.",
            "anyOf": [
                { "type": "string" },
                named("env", "The environment variable that holds the secret."),
                named("file", "The file that holds the secret; one newline at its end does not count."),
            ],
        })
    }
}

impl JsonSchema for Secrets {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secrets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Secret>();
        json_schema!({
            "title": "secret or list of secrets",
            "description": "One secret, or a list of which any one is enough.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn never_shows_a_secret_that_lacks_its_quotes() {
        for value in [json!(271_828), json!(-271_828), json!(27.1828), json!(["a", 271_828])] {
            let one = serde_json::from_value::<Secret>(value.clone()).unwrap_err().to_string();
            let list = serde_json::from_value::<Secrets>(value).unwrap_err().to_string();
            assert!(!one.contains("27") && !list.contains("27"), "{one}, {list}");
            assert!(one.contains(EXPECTED) && list.contains(EXPECTED), "{one}, {list}");
        }
    }
}
