//! Options of what is plugged in: read from their table with every problem found, and documented by their type.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Unexpected};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::{Keys, NoPollers, Pollers, Secret, Secrets};

/// One thing that is wrong with a table of options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The way from the table to the value: option, index in a list, key in a table.
    pub path: Vec<PathStep>,
    /// What is wrong, and what is possible.
    pub message: String,
}

/// One step of the way to a value in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a table.
    Key(String),
    /// An index in a list.
    Index(usize),
}

impl Problem {
    /// A problem with the option of this name.
    pub fn with(option: &str, message: impl Into<String>) -> Self {
        Self { path: vec![PathStep::Key(option.to_owned())], message: message.into() }
    }

    /// A problem with the table as a whole.
    pub fn of_all(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into() }
    }

    /// The same problem, seen from the table around: one step longer.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        self.path.insert(0, PathStep::Key(key.to_owned()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path.iter().enumerate() {
            match step {
                PathStep::Key(key) if index == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, ": {}", self.message) }
    }
}

/// How near to Buildbot a dialect keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// What Buildbot drops or gets wrong is put right.
    #[default]
    #[serde(skip)]
    Off,
    /// The changes are exactly Buildbot's, omissions included.
    Buildbot,
}

/// Where secrets come from: the environment and files are the business of whoever starts the hooks.
pub trait SecretSource {
    /// The bytes of a secret.
    ///
    /// # Errors
    /// Why it could not be read, without the secret.
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String>;
}

/// What a hook is made with, besides its options.
pub struct BuildContext<'a> {
    /// The name under which the dialect is served, which may not be that of its class.
    pub dialect: &'a str,
    /// The common option `compat`.
    pub compat: Compat,
    /// Where secrets come from.
    pub secrets: &'a dyn SecretSource,
    /// The pollers that can be triggered.
    pub pollers: Arc<dyn Pollers>,
}

impl<'a> BuildContext<'a> {
    /// A context without pollers.
    pub fn new(dialect: &'a str, compat: Compat, secrets: &'a dyn SecretSource) -> Self {
        Self { dialect, compat, secrets, pollers: Arc::new(NoPollers) }
    }

    /// The keys that the secrets of an option give; `None` where it is not set.
    ///
    /// # Errors
    /// One problem for each secret that could not be read or is empty.
    pub fn keys(&self, option: &str, secrets: Option<&Secrets>) -> Result<Option<Keys>, Vec<Problem>> {
        let Some(Secrets(secrets)) = secrets else { return Ok(None) };
        let mut read = Vec::new();
        let mut problems = Vec::new();
        for secret in secrets {
            match self.secret(secret) {
                Ok(bytes) => read.push(bytes),
                Err(message) => problems.push(Problem::with(option, message)),
            }
        }
        if problems.is_empty() { Ok(Some(Keys::new(read))) } else { Err(problems) }
    }

    /// The bytes of one secret.
    ///
    /// # Errors
    /// Why it could not be read; also when it is empty.
    pub fn secret(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        let bytes = self.secrets.read(secret)?;
        if bytes.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(bytes) }
    }
}

/// Reads a table of options, and finds all that is wrong with it, not only the first. Where a list is meant, a single
/// value is a list of one.
///
/// # Errors
/// Unknown options, values of the wrong kind, options that are missing: each with its place.
pub fn read<O: DeserializeOwned + JsonSchema>(mut table: Map<String, Value>) -> Result<O, Vec<Problem>> {
    let mut generator = SchemaGenerator::default();
    let schema = O::json_schema(&mut generator);
    let known = names_in(&schema);
    let mut problems = take_unknown(&mut table, &known);
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

/// Removes the options that are not `known` from a table; each becomes a problem.
pub(crate) fn take_unknown(table: &mut Map<String, Value>, known: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    table.retain(|key, _| {
        let is_known = known.iter().any(|name| name == key);
        if !is_known {
            problems.push(Problem::with(key, unknown(key, known)));
        }
        is_known
    });
    problems
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

/// The schema of the items, if this schema of an option takes a list and nothing else (besides that the option may be
/// left out).
pub fn items_of_list<'s>(schema: &'s Value, definitions: &'s Map<String, Value>) -> Option<&'s Value> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return items_of_list(definitions.get(reference.rsplit('/').next()?)?, definitions);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let mut choices = choices.iter().filter(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        let only = choices.next()?;
        return if choices.next().is_none() { items_of_list(only, definitions) } else { None };
    }
    let is_list = match schema.get("type")? {
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "array" || kind == "null"),
        kind => kind == "array",
    };
    if is_list { schema.get("items") } else { None }
}

fn step(segment: &Segment) -> Option<PathStep> {
    match segment {
        Segment::Seq { index } => Some(PathStep::Index(*index)),
        Segment::Map { key } => Some(PathStep::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The error of serde where a value is of another kind than is expected.
pub fn wrong_kind<E: de::Error>(found: &Value, expected: &str) -> E {
    let found = match found {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    E::invalid_type(found, &expected)
}

/// What to say of an option that is not known: `` unknown option `evnts`, expected one of `codebase`, … ``.
pub fn unknown(key: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("unknown option `{key}`: there are none here");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("unknown option `{key}`, expected one of {}", known.join(", "))
}

/// The names of the options of a type, sorted.
pub fn names<O: JsonSchema>() -> Vec<String> {
    names_in(&O::json_schema(&mut SchemaGenerator::default()))
}

/// The names of the options in the schema of a struct, sorted.
pub fn names_in(schema: &Schema) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut names: Vec<String> = properties.into_iter().flat_map(Map::keys).cloned().collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pattern;

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
}
