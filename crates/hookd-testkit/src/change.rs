//! Changes as a test expects them, and what is different when they are not.

use std::fmt::Write as _;

use hookd_core::Change;
use serde_json::{Map, Value};

/// Checks a change field by field. Fields that are not named must be empty, as [`Change::default`] has them.
///
/// # Panics
/// When a field differs: the message has a line for each. Also when a field is named that a change does not have.
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
    let found = fields_of(change);
    let mut differences = String::new();
    for (field, expected) in &expected {
        match found.get(field) {
            None => panic!("a change has no field `{field}`, only {:?}", found.keys().collect::<Vec<_>>()),
            Some(found) if found != expected => differ(&mut differences, field, expected, found),
            Some(_) => {}
        }
    }
    assert!(differences.is_empty(), "the change is not the expected one:\n{differences}");
}

/// Adds a line for each value that differs; objects (the properties) are compared member by member.
fn differ(text: &mut String, place: &str, expected: &Value, found: &Value) {
    if let (Value::Object(expected), Value::Object(found)) = (expected, found) {
        let missing = expected.iter().map(|(key, value)| (key, Some(value), found.get(key)));
        let surplus = found.iter().filter(|(key, _)| !expected.contains_key(*key));
        for (key, expected, found) in missing.chain(surplus.map(|(key, value)| (key, None, Some(value)))) {
            let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            if expected != found {
                writeln!(text, "  {place}[{key:?}]: expected {}, found {}", show(expected), show(found))
                    .expect("a String takes all");
            }
        }
    } else {
        writeln!(text, "  {place}: expected {expected}, found {found}").expect("a String takes all");
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
    #[should_panic(expected = "expected one:\n  branch: expected null, found \"main\"\n  \
        properties[\"number\"]: expected 8, found 7\n  properties[\"x\"]: expected null, found nothing\n  \
        properties[\"event\"]: expected nothing, found \"push\"\n")]
    fn names_every_difference() {
        assert_change(&change(), json!({"author": "Ada", "properties": {"number": 8, "x": null}}));
    }

    #[test]
    #[should_panic(expected = "a change has no field `autor`")]
    fn an_unknown_field_is_a_mistake() {
        assert_fields(&change(), json!({"autor": "Ada"}));
    }
}
