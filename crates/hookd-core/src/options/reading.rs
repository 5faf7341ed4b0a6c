//! Reading a table of options, with every problem found.

use std::collections::HashMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::known::{Known, find_unknown, items_of_list, take_unknown};
use super::{PathStep, Problem};

/// Reads a table of options, and finds all that is wrong with it, not only the first. Where a list is meant, a single
/// value is a list of one.
///
/// # Errors
/// Unknown options, also in tables inside, values of the wrong kind, options that are missing: each with its place.
pub fn read<O: DeserializeOwned + JsonSchema>(mut table: Map<String, Value>) -> Result<O, Vec<Problem>> {
    let mut generator = SchemaGenerator::default();
    let schema = O::json_schema(&mut generator);
    let mut problems = Vec::new();
    let keys = Known::of(&[schema.as_value()], generator.definitions(), Some(&table));
    if !keys.is_open {
        let known: Vec<String> = keys.schemas.keys().map(|name| (*name).to_owned()).collect();
        problems.extend(take_unknown(&mut table, &known));
    }
    for (key, value) in &table {
        let schemas = keys.schemas.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        find_unknown(value, schemas, generator.definitions(), &mut vec![PathStep::Key(key.clone())], &mut problems);
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for option in required.filter(|option| !table.contains_key(*option)) {
        problems.push(Problem::of_all(format!("option `{option}` is missing")));
    }
    let mut rest = Rest { table, places: HashMap::new() };
    rest.wrap_single_values(&schema, generator.definitions());
    loop {
        let options = serde_path_to_error::deserialize::<_, O>(Value::Object(rest.table.clone()));
        let error = match options {
            Ok(options) if problems.is_empty() => return Ok(options),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        let path: Vec<PathStep> = error.path().iter().filter_map(step).collect();
        let message = in_plain_words(&error.into_inner().to_string());
        match rest.remove_culprit(&path) {
            // Without its culprit the table may show what else is wrong.
            Removed::Culprit(path) => problems.push(Problem { path, message }),
            Removed::Remains => {}
            // serde looks at what is there before it misses anything, and what is missing was reported above, or was a
            // culprit.
            Removed::Nothing => {
                if problems.is_empty() || !message.starts_with("missing field ") {
                    problems.push(Problem { path, message });
                }
                return Err(problems);
            }
        }
    }
}

/// serde's message in the words of TOML: it names types of Rust.
fn in_plain_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let found = match found {
        "invalid type: sequence" => "invalid type: list",
        "invalid type: map" => "invalid type: table",
        other => other,
    };
    let expected = match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// What of a table is not known to be wrong.
struct Rest {
    table: Map<String, Value>,
    /// Of the options from which parts were removed, or which are a single value instead of a list: the original index
    /// of each item of the list that is left, if it has one.
    places: HashMap<String, Vec<Option<usize>>>,
}

/// What was removed from a table.
enum Removed {
    /// What was wrong, at this place.
    Culprit(Vec<PathStep>),
    /// What was left of an option after its culprits were removed, and is wrong for that reason.
    Remains,
    /// The problem is that of the table as a whole.
    Nothing,
}

impl Rest {
    fn wrap_single_values(&mut self, schema: &Schema, definitions: &Map<String, Value>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (option, value) in &mut self.table {
            let is_single = matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
            let property = properties.and_then(|properties| properties.get(option));
            if is_single && property.is_some_and(|property| items_of_list(property, definitions).is_some()) {
                *value = Value::Array(vec![value.take()]);
                self.places.insert(option.clone(), vec![None]);
            }
        }
    }

    /// Removes what a path leads to: an option, an item of its list, or an entry of its table.
    fn remove_culprit(&mut self, path: &[PathStep]) -> Removed {
        let Some(PathStep::Key(option)) = path.first() else { return Removed::Nothing };
        let Some(value) = self.table.get_mut(option) else { return Removed::Nothing };
        match (path.get(1), value) {
            (Some(PathStep::Index(index)), Value::Array(items)) if *index < items.len() => {
                let all = (0..items.len()).map(Some);
                let places = self.places.entry(option.clone()).or_insert_with(|| all.collect());
                let place = places.remove(*index);
                items.remove(*index);
                if items.is_empty() {
                    self.table.remove(option);
                }
                let place = place.map(PathStep::Index);
                Removed::Culprit(path[..1].iter().cloned().chain(place).chain(path[2..].iter().cloned()).collect())
            }
            (Some(PathStep::Key(key)), Value::Object(entries)) if entries.contains_key(key) => {
                entries.remove(key);
                self.places.insert(option.clone(), Vec::new());
                Removed::Culprit(path.to_vec())
            }
            _ => {
                self.table.remove(option);
                let had_culprits = path.len() == 1 && self.places.remove(option).is_some();
                if had_culprits { Removed::Remains } else { Removed::Culprit(path.to_vec()) }
            }
        }
    }
}

fn step(segment: &Segment) -> Option<PathStep> {
    match segment {
        Segment::Seq { index } => Some(PathStep::Index(*index)),
        Segment::Map { key } => Some(PathStep::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Pattern, Secret, Secrets};

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Options {
        /// Must be there.
        number: u8,
        #[serde(default)]
        skips: Vec<Pattern>,
        #[serde(default)]
        secret: Option<Secrets>,
        #[serde(default, rename = "names")]
        _names: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        some: Option<Vec<String>>,
        #[serde(default, rename = "inner")]
        _inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Inner {
        #[serde(rename = "count")]
        _count: u8,
    }

    fn problems(table: Value) -> Vec<String> {
        let Value::Object(table) = table else { panic!("a table is an object") };
        read::<Options>(table).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finds_every_problem_at_its_place() {
        let table = serde_json::json!({"number": "x", "skips": ["ok", "("], "secret": {"evn": "X"}, "other": 1});
        let problems = problems(table);
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert_eq!(
            problems[0],
            "other: unknown option `other`, expected one of `inner`, `names`, `number`, `secret`, `skips`, `some`"
        );
        assert!(problems.iter().any(|p| p.starts_with("skips[1]: bad regular expression `(`: unclosed group")));
        assert!(problems.iter().any(|p| p.starts_with(r#"secret: expected a string, `{ env = "NAME" }`"#)));
        assert!(
            problems
                .iter()
                .any(|p| p.starts_with("number: invalid type: string \"x\", expected a whole number from 0"))
        );
    }

    #[test]
    fn messages_name_no_type_of_rust() {
        for (message, plain) in [
            (
                "invalid type: string \"x, expected u8\", expected i64",
                "invalid type: string \"x, expected u8\", expected a whole number",
            ),
            (
                "invalid value: integer `256`, expected u8",
                "invalid value: integer `256`, expected a whole number from 0 to 255",
            ),
            ("invalid type: map, expected a sequence", "invalid type: table, expected a list"),
            ("invalid type: sequence, expected struct Filter", "invalid type: list, expected a table"),
            ("invalid type: boolean `true`, expected a string", "invalid type: boolean `true`, expected a string"),
            ("missing field `x`", "missing field `x`"),
        ] {
            assert_eq!(in_plain_words(message), plain);
        }
    }

    #[test]
    fn finds_every_problem_inside_one_option() {
        let table = serde_json::json!({
            "number": 1, "skips": ["(", "ok", "[", 5], "names": {"one": 1, "two": "x", "three": []},
            "inner": {"count": "x"},
        });
        let problems = problems(table);
        let mut places: Vec<&str> = problems.iter().filter_map(|problem| problem.split(' ').next()).collect();
        places.sort_unstable();
        assert_eq!(places, ["inner.count:", "names.one:", "names.three:", "skips[0]:", "skips[2]:", "skips[3]:"]);
    }

    #[test]
    fn a_single_value_is_a_list_of_one() {
        let Value::Object(table) = serde_json::json!({"number": 1, "skips": "a", "some": "b"}) else { panic!() };
        let options = read::<Options>(table).unwrap();
        assert_eq!(options.skips[0].source(), "a");
        assert_eq!(options.some.unwrap(), ["b"]);
        assert_eq!(
            problems(serde_json::json!({"number": 1, "skips": "(", "some": {"a": 1}})),
            ["skips: bad regular expression `(`: unclosed group", "some: invalid type: table, expected a list"]
        );
    }

    #[test]
    fn says_what_is_missing_beside_what_is_wrong() {
        assert_eq!(problems(serde_json::json!({})), ["option `number` is missing"]);
        let problems = problems(serde_json::json!({"skips": 1}));
        assert_eq!(problems, ["option `number` is missing", "skips: invalid type: integer `1`, expected a string"]);
    }

    #[test]
    fn reads_valid_options() {
        let Value::Object(table) = serde_json::json!({"number": 1, "secret": ["a", {"file": "b"}]}) else { panic!() };
        let options = read::<Options>(table).unwrap();
        assert_eq!(options.number, 1);
        assert_eq!(options.secret.unwrap().0, [Secret::Text("a".into()), Secret::File("b".into())]);
        assert!(options.skips.is_empty());
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    #[allow(dead_code, reason = "only whether it is read is of interest")]
    enum Tagged {
        One {
            #[serde(default)]
            first: u8,
            #[serde(default)]
            inner: Vec<Nested>,
        },
        Two {
            second: u8,
        },
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Nested {
        #[serde(default, rename = "count", alias = "number")]
        _count: u8,
        #[serde(default, rename = "by_name")]
        _by_name: std::collections::BTreeMap<String, Deeper>,
        #[serde(default, rename = "any")]
        _any: Option<Value>,
        #[serde(default, rename = "choice")]
        _choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Deeper {
        #[serde(rename = "depth")]
        _depth: u8,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only whether it is read is of interest")]
    enum Choice {
        Text(String),
        Table { left: u8 },
    }

    fn tagged(table: Value) -> Result<Tagged, Vec<String>> {
        let Value::Object(table) = table else { panic!("a table is an object") };
        read(table).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_options_of_a_tagged_enum_are_those_of_its_variant() {
        assert!(matches!(tagged(serde_json::json!({"kind": "one", "first": 1})), Ok(Tagged::One { first: 1, .. })));
        assert!(matches!(tagged(serde_json::json!({"kind": "two", "second": 2})), Ok(Tagged::Two { second: 2 })));
        let problems = tagged(serde_json::json!({"kind": "two", "second": 2, "first": 1})).unwrap_err();
        assert_eq!(problems, ["first: unknown option `first`, expected one of `kind`, `second`"]);
        let problems = tagged(serde_json::json!({"kind": "three"})).unwrap_err();
        assert_eq!(problems, ["kind: unknown variant `three`, expected `one` or `two`"]);
    }

    #[test]
    fn unknown_keys_are_found_in_tables_inside() {
        let inner = |inner: Value| tagged(serde_json::json!({"kind": "one", "inner": [inner]}));
        for known in [
            serde_json::json!({"count": 1, "by_name": {"a": {"depth": 1}}, "any": {"x": {"y": 1}}}),
            serde_json::json!({"choice": "x"}),
            serde_json::json!({"choice": {"left": 1}}),
        ] {
            inner(known).unwrap();
        }
        for (unknown, problem) in [
            (serde_json::json!({"cuont": 1}), "inner[0].cuont: unknown option `cuont`, expected one of `any`, "),
            // serde knows it, and nobody else.
            (serde_json::json!({"number": 1}), "inner[0].number: unknown option `number`"),
            (
                serde_json::json!({"by_name": {"a": {"depth": 1, "x": 1}}}),
                "inner[0].by_name.a.x: unknown option `x`, expected one of `depth`",
            ),
            (serde_json::json!({"choice": {"left": 1, "right": 2}}), "inner[0].choice.right: unknown option `right`"),
        ] {
            let problems = inner(unknown).unwrap_err();
            assert!(problems[0].starts_with(problem), "{problems:?}");
        }
    }
}
