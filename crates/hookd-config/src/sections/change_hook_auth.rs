//! `change_hook_auth`: descriptions of checkers.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hookd_core::options::wrong_kind;
use hookd_core::{PathStep, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;
use toml::de::DeValue;

use super::names;
use crate::access::Checkers;
use crate::reading::reader::{Reader, a_value, steps};

/// The documentation of the option at the top of the file.
pub(crate) const ABOUT: &str = "HTTP Basic authentication for the hooks: a list of checkers, of which one that accepts \
    is enough. `file:PATH` (lines `user:password`), `htpasswd:PATH` (lines `user:hash`, bcrypt or argon2), \
    `memory:user:password`, `anonymous` (accepts requests without credentials). Files are read again when they change. \
    bcrypt takes passwords of up to 72 bytes. Without this option no password is needed. A dialect may have its own.";

/// Descriptions of checkers. They may contain passwords, so nothing shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth(Vec<String>);

impl Auth {
    /// The checkers; relative paths start in `folder`.
    pub(crate) fn checkers(&self, folder: &Path) -> Result<Arc<Checkers>, Vec<Problem>> {
        let at = |(index, message)| {
            let path = vec![PathStep::Key(names::AUTH.to_owned()), PathStep::Index(index)];
            Problem { path, message }
        };
        Checkers::new(self.0.iter().map(String::as_str), folder)
            .map(Arc::new)
            .map_err(|problems| problems.into_iter().map(at).collect())
    }
}

/// Warns of what looks like a mistake in the files of these checkers, which the table at `base` describes.
pub(crate) fn warn(reader: &mut Reader<'_>, base: &[PathStep], checkers: &Checkers) {
    for (index, warning) in checkers.warnings() {
        let mut path = base.to_vec();
        path.extend([PathStep::Key(names::AUTH.to_owned()), PathStep::Index(*index)]);
        reader.warning(reader.document().at_value(&path, format!("`{}`: {warning}", names::AUTH)));
    }
}

/// Reads the option at the top of the file.
pub(crate) fn read(reader: &mut Reader<'_>, folder: &Path) -> Option<Arc<Checkers>> {
    let document = reader.document();
    let mut descriptions = Vec::new();
    let value = document.value(names::AUTH)?;
    let mut wrong = |path: &[PathStep], value: &DeValue<'_>, expected: &str| {
        let message = format!("`{}` is {}, expected {expected}", names::AUTH, a_value(value));
        reader.problem(document.at_value(path, message));
    };
    let path = steps(&[names::AUTH]);
    let mut is_valid = true;
    match value {
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                match item.get_ref() {
                    DeValue::String(text) => descriptions.push(text.to_string()),
                    other => {
                        wrong(&[&path[..], &[PathStep::Index(index)]].concat(), other, "a list of strings");
                        is_valid = false;
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
    if descriptions.is_empty() && is_valid {
        reader.problem(document.at_value(&path, format!("`{}`: {EMPTY}", names::AUTH)));
        return None;
    }
    if !is_valid {
        return None;
    }
    match Auth(descriptions).checkers(folder) {
        Ok(checkers) => {
            warn(reader, &[], &checkers);
            Some(checkers)
        }
        Err(problems) => {
            for Problem { path, message } in problems {
                // A single string has no index.
                let path = if matches!(value, DeValue::String(_)) { &path[..1] } else { &path[..] };
                reader.problem(document.at_value(path, format!("`{}`: {message}", names::AUTH)));
            }
            None
        }
    }
}

const EMPTY: &str = "an empty list would accept nobody: name a checker, or leave the option out";
const EXPECTED: &str = "a list of strings such as `file:changehook.passwd`";

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let description = |item: Value| match item {
            Value::String(text) => Ok(text),
            // The value may be a password without its quotes, and is not shown.
            _ => Err(D::Error::custom(format_args!("expected {EXPECTED}"))),
        };
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Auth(vec![text])),
            Value::Array(items) if items.is_empty() => Err(D::Error::custom(EMPTY)),
            Value::Array(items) => items.into_iter().map(description).collect::<Result<_, _>>().map(Auth),
            other => Err(wrong_kind(&other, EXPECTED)),
        }
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
