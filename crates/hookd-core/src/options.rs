//! Options of what is plugged in: read from their table with every problem found, and documented by their type.

mod flaws;
mod known;
mod reading;

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Unexpected};
use serde_json::Value;

pub use self::flaws::flaws;
pub(crate) use self::known::take_unknown;
pub use self::known::{items_of_list, names, names_in, schemas_of, unknown};
pub use self::reading::read;
use crate::{Keys, NoPollers, Pollers, Secret, Secrets};

/// One thing that is wrong with a table of options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The way from the table to the value: option, index in a list, key in a table.
    pub path: Vec<PathStep>,
    /// What is wrong, and what is possible.
    pub message: String,
}

/// One step of the way to a value in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a table.
    Key(String),
    /// An index in a list.
    Index(usize),
}

impl Problem {
    /// A problem with the option of this name.
    pub fn with(option: &str, message: impl Into<String>) -> Self {
        Self { path: vec![PathStep::Key(option.to_owned())], message: message.into() }
    }

    /// A problem with the table as a whole.
    pub fn of_all(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into() }
    }

    /// The same problem, seen from the table around: one step longer.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        self.path.insert(0, PathStep::Key(key.to_owned()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path.iter().enumerate() {
            match step {
                PathStep::Key(key) if index == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, ": {}", self.message) }
    }
}

/// How near to Buildbot a dialect keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// What Buildbot drops or gets wrong is put right.
    #[default]
    #[serde(skip)]
    Off,
    /// The changes are exactly Buildbot's, omissions included.
    Buildbot,
}

/// Where secrets come from: the environment and files are the business of whoever starts the hooks.
pub trait SecretSource {
    /// The bytes of a secret.
    ///
    /// # Errors
    /// Why it could not be read, without the secret.
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String>;
}

/// What a hook is made with, besides its options.
#[non_exhaustive]
pub struct BuildContext<'a> {
    /// The name under which the dialect is served, which may not be that of its class.
    pub dialect: &'a str,
    /// The common option `compat`.
    pub compat: Compat,
    /// Where secrets come from.
    pub secrets: &'a dyn SecretSource,
    /// The pollers that can be triggered.
    pub pollers: Arc<dyn Pollers>,
}

impl<'a> BuildContext<'a> {
    /// A context without pollers.
    pub fn new(dialect: &'a str, compat: Compat, secrets: &'a dyn SecretSource) -> Self {
        Self { dialect, compat, secrets, pollers: Arc::new(NoPollers) }
    }

    /// The keys that the secrets of an option give; `None` where it is not set.
    ///
    /// # Errors
    /// One problem for each secret that could not be read or is empty.
    pub fn keys(&self, option: &str, secrets: Option<&Secrets>) -> Result<Option<Keys>, Vec<Problem>> {
        let Some(Secrets(secrets)) = secrets else { return Ok(None) };
        let mut read = Vec::new();
        let mut problems = Vec::new();
        for secret in secrets {
            match self.secret(secret) {
                Ok(bytes) => read.push(bytes),
                Err(message) => problems.push(Problem::with(option, message)),
            }
        }
        if problems.is_empty() { Ok(Some(Keys::new(read))) } else { Err(problems) }
    }

    /// The bytes of one secret.
    ///
    /// # Errors
    /// Why it could not be read; also when it is empty.
    pub fn secret(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        let bytes = self.secrets.read(secret)?;
        if bytes.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(bytes) }
    }
}

/// The error of serde where a value is of another kind than is expected.
pub fn wrong_kind<E: de::Error>(found: &Value, expected: &str) -> E {
    let found = match found {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    E::invalid_type(found, &expected)
}
