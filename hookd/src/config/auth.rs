//! `change_hook_auth`: the descriptions of checkers, and the checkers that come of them.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hookd_core::{PathStep, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use toml::de::DeValue;

use super::reader::{Reader, a_value, steps};
use crate::auth::Checkers;

/// The name of the option, at the top of the file, in `[admin]` and in each dialect.
pub(crate) const NAME: &str = "change_hook_auth";

/// What the option is, for the top of the file.
pub(crate) const ABOUT: &str = "Who may call the hooks, by HTTP Basic authentication: a list of checkers of which any \
    one that accepts is enough. `file:PATH` (lines `user:password`), `htpasswd:PATH` (lines `user:hash`, bcrypt or \
    argon2), `memory:user:password`, `anonymous` (who gives no credentials). Files are read again when they change. \
    Without it no password is asked for. A dialect may have its own.";

/// Descriptions of checkers. They may hold passwords, so that nothing shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth(Vec<String>);

impl Auth {
    /// The checkers; relative paths start in `folder`.
    pub(super) fn checkers(&self, folder: &Path) -> Result<Arc<Checkers>, Vec<Problem>> {
        let at = |(index, message)| {
            let path = vec![PathStep::Key(NAME.to_owned()), PathStep::Index(index)];
            Problem { path, message }
        };
        Checkers::new(self.0.iter().map(String::as_str), folder)
            .map(Arc::new)
            .map_err(|problems| problems.into_iter().map(at).collect())
    }
}

/// Reads the option at the top of the file.
pub(super) fn read(reader: &mut Reader<'_>, folder: &Path) -> Option<Arc<Checkers>> {
    let document = reader.document();
    let mut descriptions = Vec::new();
    let value = document.value(NAME)?;
    let mut wrong = |path: &[PathStep], value: &DeValue<'_>, expected: &str| {
        let message = format!("`{NAME}` is {}, expected {expected}", a_value(value));
        reader.problem(document.at_value(path, message));
    };
    let mut path = steps(&[NAME]);
    match value {
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                match item.get_ref() {
                    DeValue::String(text) => descriptions.push(text.to_string()),
                    other => {
                        path.push(PathStep::Index(index));
                        wrong(&path, other, "a list of strings");
                        return None;
                    }
                }
            }
        }
        DeValue::String(text) => descriptions.push(text.to_string()),
        other => {
            wrong(&path, other, "a list of strings");
            return None;
        }
    }
    if descriptions.is_empty() {
        reader.problem(document.at_value(&path, format!("`{NAME}`: {EMPTY}")));
        return None;
    }
    match Auth(descriptions).checkers(folder) {
        Ok(checkers) => Some(checkers),
        Err(problems) => {
            for Problem { path, message } in problems {
                // A single string has no index.
                let path = if matches!(value, DeValue::String(_)) { &path[..1] } else { &path[..] };
                reader.problem(document.at_value(path, format!("`{NAME}`: {message}")));
            }
            None
        }
    }
}

const EMPTY: &str = "an empty list would let nobody in: name a checker, or leave it out";
const EXPECTED: &str = "a list of strings such as `file:changehook.passwd`";

struct AuthVisitor;

impl<'de> Visitor<'de> for AuthVisitor {
    type Value = Auth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Auth, E> {
        Ok(Auth(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Auth, A::Error> {
        let mut descriptions = Vec::new();
        while let Some(item) = items.next_element::<Value>()? {
            match item {
                Value::String(text) => descriptions.push(text),
                // The value could be a password that lacks its quotes, and is not shown.
                _ => return Err(de::Error::custom(format_args!("expected {EXPECTED}"))),
            }
        }
        if descriptions.is_empty() { Err(de::Error::custom(EMPTY)) } else { Ok(Auth(descriptions)) }
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AuthVisitor)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({} checkers)", self.0.len())
    }
}

impl JsonSchema for Auth {
    fn schema_name() -> Cow<'static, str> {
        "Auth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "string", "pattern": "^(file:.+|htpasswd:.+|memory:.+|anonymous)$" });
        json_schema!({
            "title": "list of checkers",
            "description": "`file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`; any one is enough.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}
