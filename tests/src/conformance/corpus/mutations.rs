//! Payloads with one wrong value.

use serde_json::Value;

/// A payload with one changed value.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// What was changed, and where: `` `commits.0.author` null ``.
    pub(crate) name: String,
    /// The payload.
    pub(crate) payload: Value,
}

/// The replacements for a value.
const REPLACEMENTS: [&str; 6] = ["null", "\"x\"", "5", "[]", "{}", "true"];

/// Every value of the payload, dropped and replaced by each type of JSON. In lists only the first item is visited.
pub(crate) fn every(payload: &Value) -> Vec<Mutation> {
    let replacements: Vec<Value> =
        REPLACEMENTS.iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
    walk(payload, &replacements)
}

/// Every value of the payload, dropped and set to null.
pub(crate) fn dropped_and_nulled(payload: &Value) -> Vec<Mutation> {
    walk(payload, &[Value::Null])
}

/// The payload with `value` at `path`, such as `commits.0.author`.
pub(crate) fn with(payload: &Value, path: &str, value: Value) -> Value {
    let mut changed = payload.clone();
    let pointer = format!("/{}", path.replace('.', "/"));
    match changed.pointer_mut(&pointer) {
        Some(place) => *place = value,
        None => {
            let (parent, key) = pointer.rsplit_once('/').expect("it begins with one");
            let parent = changed.pointer_mut(parent).and_then(Value::as_object_mut);
            parent.unwrap_or_else(|| panic!("no object around `{path}`")).insert(key.to_owned(), value);
        }
    }
    changed
}

fn walk(payload: &Value, replacements: &[Value]) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for path in places(payload) {
        let name = |what: &str| format!("`{}` {what}", path[1..].replace('/', "."));
        mutations.push(Mutation { name: name("dropped"), payload: without(payload, &path) });
        for replacement in replacements {
            let mut changed = payload.clone();
            let place = changed.pointer_mut(&path).expect("the path comes from it");
            if *place != *replacement {
                *place = replacement.clone();
                mutations.push(Mutation { name: name(&replacement.to_string()), payload: changed });
            }
        }
    }
    mutations
}

/// JSON pointers of all values, outer before inner.
fn places(payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut walk: Vec<(String, &Value)> = vec![(String::new(), payload)];
    while let Some((path, value)) = walk.pop() {
        if !path.is_empty() {
            found.push(path.clone());
        }
        match value {
            Value::Object(entries) => walk.extend(entries.iter().rev().map(|(k, v)| (format!("{path}/{k}"), v))),
            Value::Array(items) => walk.extend(items.first().map(|item| (format!("{path}/0"), item))),
            _ => {}
        }
    }
    found
}

fn without(payload: &Value, path: &str) -> Value {
    let mut changed = payload.clone();
    let (parent, key) = path.rsplit_once('/').expect("it begins with one");
    match changed.pointer_mut(parent) {
        Some(Value::Object(entries)) => drop(entries.remove(key)),
        Some(Value::Array(items)) => drop(items.remove(0)),
        _ => unreachable!("the path comes from the payload"),
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_one_place_at_a_time() {
        let payload = json!({"a": {"b": 5}, "l": [1, 2]});
        let all: Vec<String> =
            dropped_and_nulled(&payload).into_iter().map(|m| format!("{} {}", m.name, m.payload)).collect();
        assert_eq!(
            all,
            [
                r#"`a` dropped {"l":[1,2]}"#,
                r#"`a` null {"a":null,"l":[1,2]}"#,
                r#"`a.b` dropped {"a":{},"l":[1,2]}"#,
                r#"`a.b` null {"a":{"b":null},"l":[1,2]}"#,
                r#"`l` dropped {"a":{"b":5}}"#,
                r#"`l` null {"a":{"b":5},"l":null}"#,
                r#"`l.0` dropped {"a":{"b":5},"l":[2]}"#,
                r#"`l.0` null {"a":{"b":5},"l":[null,2]}"#,
            ]
        );
        // 5 is not replaced by itself.
        assert_eq!(every(&payload).len(), 4 * 7 - 1);
        assert_eq!(with(&payload, "a.c", json!(1)), json!({"a": {"b": 5, "c": 1}, "l": [1, 2]}));
    }
}
