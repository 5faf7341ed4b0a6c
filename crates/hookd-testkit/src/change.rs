//! Changes as a test expects them, and what is different when they are not.

use std::fmt::Write as _;

use hookd_core::Change;
use serde_json::{Map, Value};

/// From how many characters on that two values share it is marked where they part.
const MARKED_AFTER_CHARS: usize = 8;

/// Checks a change field by field. Fields that are not named must be empty, as [`Change::default`] has them.
///
/// # Panics
/// When a field differs: the message has both values of each, under each other. Also when a field is named that a change does not have.
#[track_caller]
pub fn assert_change(change: &Change, expected: Value) {
    let mut whole = fields_of(&Change::default());
    whole.extend(named(expected));
    compare(change, whole);
}

/// Checks those fields of a change that are named, and no others.
///
/// # Panics
/// As [`assert_change`].
#[track_caller]
pub fn assert_fields(change: &Change, expected: Value) {
    compare(change, named(expected));
}

/// [`assert_change`](fn@crate::assert_change), with the fields as in `json!`:
///
/// ```
/// use hookd_core::Change;
/// use hookd_testkit::{assert_change, assert_fields};
///
/// let change = Change { author: "Ada".into(), revision: Some("1f3a".into()), ..Change::default() };
/// assert_change!(&change, {"author": "Ada", "revision": "1f3a"});
/// assert_fields!(&change, {"author": "Ada", "branch": null});
/// ```
#[macro_export]
macro_rules! assert_change {
    ($change:expr, $expected:tt) => {
        $crate::assert_change($change, $crate::json!($expected))
    };
}

/// [`assert_fields`](fn@crate::assert_fields), with the fields as in `json!`.
#[macro_export]
macro_rules! assert_fields {
    ($change:expr, $expected:tt) => {
        $crate::assert_fields($change, $crate::json!($expected))
    };
}

#[track_caller]
fn compare(change: &Change, expected: Map<String, Value>) {
    let differences = difference(change, &Value::Object(expected));
    assert!(differences.is_empty(), "the change is not the expected one:\n{differences}");
}

/// The fields that are not as expected, each with both values under each other; empty where there are none. Fields that are
/// not named may be anything.
///
/// # Panics
/// When a field is named that a change does not have.
#[track_caller]
pub(crate) fn difference(change: &Change, expected: &Value) -> String {
    let found = fields_of(change);
    let mut differences = String::new();
    for (field, expected) in &named(expected.clone()) {
        match found.get(field) {
            None => panic!("a change has no field `{field}`, only {:?}", found.keys().collect::<Vec<_>>()),
            Some(found) if found != expected => differ(&mut differences, field, Some(expected), Some(found)),
            Some(_) => {}
        }
    }
    differences
}

/// Adds the values at a place that differ; objects (the properties) are compared member by member.
fn differ(text: &mut String, place: &str, expected: Option<&Value>, found: Option<&Value>) {
    if let (Some(Value::Object(expected)), Some(Value::Object(found))) = (expected, found) {
        let missing = expected.iter().map(|(key, value)| (key, Some(value), found.get(key)));
        let surplus = found.iter().filter(|(key, _)| !expected.contains_key(*key));
        for (key, expected, found) in missing.chain(surplus.map(|(key, value)| (key, None, Some(value)))) {
            if expected != found {
                differ(text, &format!("{place}[{key:?}]"), expected, found);
            }
        }
        return;
    }
    let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    let (expected, found) = (show(expected), show(found));
    writeln!(text, "  {place}\n    expected {expected}\n    found    {found}").expect("a String takes all");
    // In long values, an eye needs help to see where.
    let same = expected.chars().zip(found.chars()).take_while(|(one, other)| one == other).count();
    if same >= MARKED_AFTER_CHARS {
        writeln!(text, "             {:same$}^", "").expect("a String takes all");
    }
}

fn fields_of(change: &Change) -> Map<String, Value> {
    named(serde_json::to_value(change).expect("a change is JSON"))
}

fn named(fields: Value) -> Map<String, Value> {
    match fields {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object of fields"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change() -> Change {
        let properties = named(json!({"event": "push", "number": 7})).into();
        Change { author: "Ada".into(), branch: Some("main".into()), properties, ..Change::default() }
    }

    #[test]
    fn takes_what_is_expected() {
        let expected = json!({"author": "Ada", "branch": "main", "properties": {"event": "push", "number": 7}});
        assert_change(&change(), expected);
        assert_fields(&change(), json!({"branch": "main", "revision": null}));
    }

    #[test]
    fn shows_every_difference_with_both_values_under_each_other() {
        let change = Change { comments: "Steep longer\n".into(), ..change() };
        let expected = json!({
            "author": "Ada", "branch": null, "comments": "Steep less\n", "properties": {"number": 8, "x": null},
        });
        let shown = r#"
  branch
    expected null
    found    "main"
  comments
    expected "Steep less\n"
    found    "Steep longer\n"
                     ^
  properties["number"]
    expected 8
    found    7
  properties["x"]
    expected null
    found    nothing
  properties["event"]
    expected nothing
    found    "push"
"#;
        assert_eq!(difference(&change, &expected), shown.trim_start_matches('\n'));
    }

    #[test]
    #[should_panic(
        expected = "the change is not the expected one:\n  branch\n    expected null\n    found    \"main\"\n"
    )]
    fn a_field_that_is_not_named_must_be_empty() {
        assert_change(&change(), json!({"author": "Ada", "properties": {"event": "push", "number": 7}}));
    }

    #[test]
    #[should_panic(expected = "a change has no field `autor`")]
    fn an_unknown_field_is_a_mistake() {
        assert_fields(&change(), json!({"autor": "Ada"}));
    }
}
