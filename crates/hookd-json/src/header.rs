//! Headers that the configuration names.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use hookd_core::carries_secret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

/// The longest name of a header, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Where something stands: `{ header = "NAME" }`.
#[derive(Clone, Copy, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSource {
    /// The name of the header.
    pub header: HeaderName,
}

/// The name of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeaderName(pub(crate) &'static str);

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HeaderName {
    /// Whether a header of this name may be kept with a delivery, where everybody who sees that can read it.
    pub(crate) fn may_be_kept(self) -> bool {
        !carries_secret(self.0)
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_token) {
            return Err(de::Error::custom("expected the name of a header, such as `X-Signature`"));
        }
        Ok(Self(interned(&name)))
    }
}

impl JsonSchema for HeaderName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "the name of a header", "type": "string" })
    }
}

/// One text for all that are the same, which lives as long as the process: names come from the configuration, so that there
/// are few, however often it is read.
pub(crate) fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_leaked_once() {
        assert!(std::ptr::eq(interned("X-A"), interned("X-A")));
        assert!(!std::ptr::eq(interned("X-A"), interned("X-B")));
    }

    #[test]
    fn refuses_what_is_no_name() {
        for name in ["", "X A", "X:A", "ü", "X\n", &"x".repeat(129)] {
            assert!(serde_json::from_value::<HeaderName>(name.into()).is_err(), "{name}");
        }
        assert_eq!(serde_json::from_value::<HeaderName>("X-A_1".into()).unwrap().0, "X-A_1");
    }

    #[test]
    fn credentials_are_not_kept() {
        assert!(!HeaderName("AUTHORIZATION").may_be_kept() && HeaderName("X-Delivery").may_be_kept());
    }
}
