//! Values that are written as a string: addresses, durations, URLs.

use serde::de::{Deserializer, Error as _};
use serde_untagged::UntaggedEnumVisitor;
use serde_untagged::de::Error;

/// Reads a string with `parse`; any other kind of value is an error that says what was `expected`.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    let visitor = UntaggedEnumVisitor::new().expecting(expected);
    visitor.string(|text| parse(text).map_err(Error::custom)).deserialize(deserializer)
}
