//! How long something is kept: a duration, or `forever`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use hookd_core::duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::string;

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For this long.
    For(Duration),
    /// Until it is deleted by hand.
    Forever,
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::For(duration) => f.write_str(&duration::format(*duration)),
            Keep::Forever => f.write_str("forever"),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string::read(deserializer, "a duration such as `14d`, or `forever`", |text| match text {
            "forever" => Ok(Keep::Forever),
            text => duration::parse(text).map(Keep::For).map_err(|error| error + ", or `forever`"),
        })
    }
}

impl JsonSchema for Keep {
    fn schema_name() -> Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "duration or \"forever\"",
            "description": "How long something is kept: a duration such as `14d`, or `forever`.",
            "type": "string",
            "pattern": "[0-9]|^forever$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_duration_or_forever() {
        let keep = |text: &str| serde_json::from_value::<Keep>(text.into());
        assert_eq!(keep("forever").unwrap(), Keep::Forever);
        assert_eq!(keep("14d").unwrap(), Keep::For(Duration::from_secs(14 * 86_400)));
        assert_eq!(keep("14d").unwrap().to_string(), "14d");
        assert!(keep("always").unwrap_err().to_string().ends_with("`d` and `w`, or `forever`"));
    }
}
