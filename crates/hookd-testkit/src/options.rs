//! Options as a test writes them: as in `hookd.toml`, or as JSON.

use serde_json::{Map, Value};

/// What options can be written as: a text in TOML, as it stands in the table of a dialect in `hookd.toml`, or a JSON
/// value, which [`json!`](crate::json) makes.
///
/// ```
/// use hookd_testkit::{Options, json};
///
/// let toml = r#"
///     secret = { env = "SECRET" }
///     skips = ['\[wip\]']
///     codebase.map = { "https://git.example.org/*" = "tea" }
/// "#;
/// let json = json!({
///     "secret": {"env": "SECRET"}, "skips": ["\\[wip\\]"], "codebase": {"map": {"https://git.example.org/*": "tea"}},
/// });
/// assert_eq!(toml.into_table(), json.into_table());
/// ```
pub trait Options {
    /// The table.
    ///
    /// # Panics
    /// When it is no table: the message of TOML names line and column.
    fn into_table(self) -> Map<String, Value>;
}

impl Options for Value {
    #[track_caller]
    fn into_table(self) -> Map<String, Value> {
        match self {
            Value::Object(table) => table,
            other => panic!("options are a table, not {other}"),
        }
    }
}

impl Options for &str {
    #[track_caller]
    fn into_table(self) -> Map<String, Value> {
        let table: toml::Table =
            toml::from_str(self).unwrap_or_else(|error| panic!("the options are not TOML: {error}"));
        table.into_iter().map(|(key, value)| (key, json(value))).collect()
    }
}

/// The value as JSON. Dates, which no option is, become texts.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(is) => Value::Bool(is),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_toml_are_those_of_json() {
        let table = "a = 'x'\nb = [1, -2.5]\nc.d = true\ne = 2026-11-20".into_table();
        assert_eq!(Value::Object(table), json!({"a": "x", "b": [1, -2.5], "c": {"d": true}, "e": "2026-11-20"}));
    }

    #[test]
    #[should_panic(expected = "the options are not TOML: TOML parse error at line 2, column 5")]
    fn a_mistake_in_toml_has_its_place() {
        drop("a = 1\nb = \n".into_table());
    }
}
