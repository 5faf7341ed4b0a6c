//! Values that are written as a string: addresses, durations, URLs.

use hookd_core::options::wrong_kind;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// Reads a string with `parse`; any other kind of value is an error that says what was `expected`.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => parse(&text).map_err(Error::custom),
        other => Err(wrong_kind(&other, expected)),
    }
}
