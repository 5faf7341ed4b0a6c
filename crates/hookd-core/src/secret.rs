//! Secrets, as an option names them.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

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

/// Reads one secret.
struct One;

/// Reads one secret, or a list of them.
struct OneOrMore;

/// A number where a secret should be may be one that lacks its quotes: serde's own message would show it.
pub fn no_number<T, E: Error>(kind: &str, expected: &str) -> Result<T, E> {
    Err(E::custom(format_args!("invalid type: {kind}, expected {expected}")))
}

impl<'de> Visitor<'de> for One {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        no_number("an integer", EXPECTED)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        no_number("an integer", EXPECTED)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        no_number("a float", EXPECTED)
    }

    /// The secret of `{ env = "NAME" }` or `{ file = "PATH" }`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let entry: Option<(String, String)> = map.next_entry()?;
        let more: Option<(String, IgnoredAny)> = map.next_entry()?;
        match (entry.as_ref().map(|(key, value)| (key.as_str(), value)), more) {
            (Some(("env", name)), None) => Ok(Secret::Env(name.clone())),
            (Some(("file", path)), None) => Ok(Secret::File(path.clone())),
            _ => Err(A::Error::custom(format_args!("expected {EXPECTED}"))),
        }
    }
}

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Secrets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{EXPECTED}, or a list of these")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secrets, E> {
        One.visit_str(text).map(Secrets::from)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Secrets, E> {
        One.visit_i64(number).map(Secrets::from)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Secrets, E> {
        One.visit_u64(number).map(Secrets::from)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Secrets, E> {
        One.visit_f64(number).map(Secrets::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secrets, A::Error> {
        One.visit_map(map).map(Secrets::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Secrets, A::Error> {
        match Vec::deserialize(SeqAccessDeserializer::new(list))? {
            empty if empty.is_empty() => {
                Err(A::Error::custom("an empty list of secrets would accept nothing: name one, or leave it out"))
            }
            secrets => Ok(Secrets(secrets)),
        }
    }
}

impl From<Secret> for Secrets {
    fn from(secret: Secret) -> Self {
        Self(vec![secret])
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(One)
    }
}

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
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
