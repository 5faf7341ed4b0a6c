//! `--property`: one as `NAME=VALUE`, or several as a JSON object.

use std::str::FromStr;

use serde_json::{Map, Value};

/// The properties that one `--property` gives.
#[derive(Clone, Debug)]
pub(super) struct Property(pub(super) Map<String, Value>);

impl FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return match serde_json::from_str(text) {
                Ok(Value::Object(map)) => Ok(Self(map)),
                Ok(_) => Err("expected a JSON object".to_owned()),
                Err(error) if text.contains('\'') => Err(format!(
                    "broken JSON: {error}; it looks like a dictionary of Python, whose texts have double quotes in JSON"
                )),
                Err(error) => Err(format!("broken JSON: {error}")),
            };
        }
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(Map::from_iter([(name.to_owned(), value.into())]))),
            _ => Err("expected `NAME=VALUE` or a JSON object".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_both_forms() {
        for (text, expected) in [
            ("a=1", json!({"a": "1"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a=", json!({"a": ""})),
            (r#" {"a": ["b", 1], "c": null}"#, json!({"a": ["b", 1], "c": null})),
            ("{}", json!({})),
        ] {
            assert_eq!(Value::Object(text.parse::<Property>().unwrap().0), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, message) in [
            ("a", "expected `NAME=VALUE` or a JSON object"),
            ("=a", "expected `NAME=VALUE`"),
            ("{'foo' : [ 'bar', 'baz' ]}", "it looks like a dictionary of Python"),
            ("{", "broken JSON: EOF"),
        ] {
            let error = text.parse::<Property>().unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
