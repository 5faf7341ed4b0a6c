//! Values that are written as a text: addresses, durations, URLs.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

struct Text<P> {
    expected: &'static str,
    parse: P,
}

impl<T, P: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

/// Reads a text with `parse`; what is no text is refused with what was `expected`.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}
