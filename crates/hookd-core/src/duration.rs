//! Durations as options have them: a number with a unit, such as `30s`, `12h` or `14d`.
//!
//! For a field of options: `#[serde(with = "hookd_core::duration")]` with
//! `#[schemars(with = "hookd_core::duration::DurationSchema")]`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserializer, Serializer};

const EXPECTED: &str = "a number with a unit such as `30s`, `12h` or `14d`";

/// The longest duration: a hundred years, which no clock overflows with.
const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// For `#[serde(with = "hookd_core::duration")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(with = "hookd_core::duration")]`.
///
/// # Errors
/// If the value is not a string, or not a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}

/// Parses a number with a unit.
///
/// # Errors
/// What is wrong with the text, and what is possible.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("bad duration `{text}`, expected {EXPECTED}; the units are `ms`, `s`, `m`, `h`, `d` and `w`");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| format!("bad duration `{text}`: it is negative"))?;
    if duration > MAX_DURATION {
        return Err(format!("bad duration `{text}`: the maximum is {}", format(MAX_DURATION)));
    }
    Ok(duration)
}

/// The duration in the largest unit that divides it.
pub fn format(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if milliseconds >= length && milliseconds.is_multiple_of(length) {
            return format!("{}{unit}", milliseconds / length);
        }
    }
    format!("{milliseconds}ms")
}

/// The schema of a duration.
pub enum DurationSchema {}

impl JsonSchema for DurationSchema {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "duration",
            "description": "A duration: a number with a unit, such as `30s`, `12h` or `14d`. The units are `ms`, `s`, `m`, `h`, `d` and `w`.",
            "type": "string",
            "pattern": "[0-9]",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_with_units() {
        for (text, seconds) in [("90s", 90), ("12h", 43_200), ("14d", 1_209_600), ("1w", 604_800), ("1h 30m", 5400)] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(parse("0s").unwrap(), Duration::ZERO);
    }

    #[test]
    fn rejects_anything_else() {
        for wrong in ["", "14", "14x", "d", "1 month", "2y", "forever"] {
            assert_eq!(
                parse(wrong).unwrap_err(),
                format!(
                    "bad duration `{wrong}`, expected a number with a unit such as `30s`, `12h` or `14d`; the units are \
                     `ms`, `s`, `m`, `h`, `d` and `w`"
                )
            );
        }
        assert_eq!(parse("-1d").unwrap_err(), "bad duration `-1d`: it is negative");
        assert_eq!(parse("40000d").unwrap_err(), "bad duration `40000d`: the maximum is 36500d");
    }

    #[test]
    fn formats_to_what_it_reads() {
        for text in ["14d", "12h", "90m", "30s", "1500ms", "0ms"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
