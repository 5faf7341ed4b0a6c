//! Sizes in bytes: a number, or a string with a unit such as `25MiB`.

use std::borrow::Cow;

use bytesize::ByteSize;
use hookd_core::options::wrong_kind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serializer;
use serde::de::{self, Deserialize, Deserializer};
use serde_json::Value;

const EXPECTED: &str = "a number of bytes, or one with a unit such as `25MiB` or `500kB`";

/// For `#[serde(with = "size")]`.
pub(crate) fn serialize<S: Serializer>(size: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*size))
}

/// For `#[serde(with = "size")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if let Value::String(text) = &value {
        let wrong = |_| de::Error::custom(format_args!("bad size `{text}`, expected {EXPECTED}"));
        return from_bytes(text.parse::<ByteSize>().map_err(wrong)?.as_u64());
    }
    value.as_u64().map_or_else(|| Err(wrong_kind(&value, EXPECTED)), from_bytes)
}

fn from_bytes<E: de::Error>(bytes: u64) -> Result<usize, E> {
    match usize::try_from(bytes) {
        Ok(0) => Err(E::custom("must be at least 1 byte")),
        Ok(size) => Ok(size),
        Err(_) => Err(E::custom("the size is more than this machine can address")),
    }
}

/// The size in the largest binary unit that divides it.
pub fn format(size: usize) -> String {
    for (unit, length) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if size >= length && size.is_multiple_of(length) {
            return format!("{}{unit}", size / length);
        }
    }
    size.to_string()
}

/// The schema of a size.
pub(crate) enum SizeSchema {}

impl JsonSchema for SizeSchema {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "size",
            "description": "A size: a number of bytes, or a string with a unit such as `25MiB` (1024 × 1024) or `25MB` (1000 × 1000).",
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "^\\s*[0-9]" }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<usize, String> {
        deserialize(value).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn reads_numbers_and_units() {
        for (text, bytes) in [
            (json!(5), 5),
            (json!("5"), 5),
            (json!("25MiB"), 25 << 20),
            (json!("25 mib"), 25 << 20),
            (json!("1KB"), 1000),
            (json!("1kB"), 1000),
            (json!("1KiB"), 1024),
            (json!("2MB"), 2_000_000),
            (json!("1GiB"), 1 << 30),
            (json!("1.5KiB"), 1536),
        ] {
            assert_eq!(read(text.clone()), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn rejects_anything_else() {
        for wrong in ["", "MiB", "25XiB", "-1", "25 apples"] {
            assert_eq!(
                read(json!(wrong)).unwrap_err(),
                format!(
                    "bad size `{wrong}`, expected a number of bytes, or one with a unit such as `25MiB` or `500kB`"
                )
            );
        }
        assert_eq!(read(json!(0)).unwrap_err(), "must be at least 1 byte");
        assert!(read(json!(-1)).unwrap_err().starts_with("invalid type: integer `-1`, expected a number of bytes"));
        assert!(read(json!(true)).unwrap_err().starts_with("invalid type: boolean `true`, expected a number of bytes"));
    }

    #[test]
    fn formats_in_the_largest_unit() {
        assert_eq!(format(25 << 20), "25MiB");
        assert_eq!(format(3 << 30), "3GiB");
        assert_eq!(format(1536), "1536");
    }
}
