//! Payloads of tests: fixtures, patches of them, and every way to break one.

use serde_json::Value;

/// The payload with a patch applied, which says what is different:
///
/// ```
/// use hookd_testkit::{json, patched};
///
/// let push = json!({"ref": "main", "user": {"name": "Ada"}, "commits": [{"id": "a"}, {"id": "b"}]});
/// let patch = json!({"ref": "-", "user": {"age": 7}, "commits.1.id": null});
/// let expected = json!({"user": {"name": "Ada", "age": 7}, "commits": [{"id": "a"}, {"id": null}]});
/// assert_eq!(patched(push, patch), expected);
/// ```
///
/// Objects are merged, member by member; any other value replaces what is there, and so does an empty object inside a
/// patch. The text `-` removes a member, a number as a key leads into a list, a key with dots is a path.
///
/// # Panics
/// When a path leads nowhere, or what is to be removed is not there: such a patch would test nothing.
#[must_use]
pub fn patched(mut payload: Value, patch: Value) -> Value {
    match patch {
        Value::Object(patch) if patch.is_empty() => {}
        patch => merge(&mut payload, patch),
    }
    payload
}

fn merge(target: &mut Value, patch: Value) {
    let patch = match patch {
        Value::Object(patch) if !patch.is_empty() && leads_into(target, patch.keys()) => patch,
        other => {
            *target = other;
            return;
        }
    };
    for (path, value) in patch {
        let (parents, last) = path.rsplit_once('.').map_or((None, &*path), |(parents, last)| (Some(parents), last));
        let parent = parents.into_iter().flat_map(|path| path.split('.')).fold(&mut *target, |target, key| {
            member(target, key).unwrap_or_else(|| panic!("`{path}` leads nowhere: there is no `{key}`"))
        });
        if value == "-" {
            let removed = match parent {
                Value::Object(members) => members.remove(last),
                Value::Array(items) => {
                    last.parse().ok().filter(|at| *at < items.len()).map(|at: usize| items.remove(at))
                }
                _ => None,
            };
            assert!(removed.is_some(), "`{path}` cannot be removed: it is not there");
            continue;
        }
        let place = match parent {
            Value::Object(members) => Some(members.entry(last).or_insert(Value::Null)),
            other => member(other, last),
        };
        merge(place.unwrap_or_else(|| panic!("`{path}` leads nowhere: there is no `{last}`")), value);
    }
}

fn leads_into<'k>(target: &Value, mut keys: impl Iterator<Item = &'k String>) -> bool {
    match target {
        Value::Object(_) => true,
        Value::Array(_) => keys.all(|key| key.starts_with(|first: char| first.is_ascii_digit())),
        _ => false,
    }
}

fn member<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(members) => members.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What takes the place of a value in [`mutations`].
const OTHERS: [&str; 10] = ["null", "\"x\"", "\"\"", "5", "-1.5", "1e300", "true", "[]", "[null]", "{}"];

/// The payload with the value at each place removed and replaced by values of other kinds, one at a time.
pub fn mutations(payload: &Value) -> Vec<Value> {
    let whole = OTHERS.map(|other| other.parse::<Value>().expect("JSON"));
    whole.into_iter().chain(mutations_by_place(payload).into_iter().map(|(_, mutated)| mutated)).collect()
}

/// The same but for those of the whole payload, each with the JSON pointer of its place.
pub(crate) fn mutations_by_place(payload: &Value) -> Vec<(String, Value)> {
    let others = OTHERS.map(|other| other.parse::<Value>().expect("JSON"));
    let mut places = Vec::new();
    find_places(payload, "", &mut places);
    let mut mutations = Vec::with_capacity(places.len() * (OTHERS.len() + 1));
    for place in places {
        for other in &others {
            let mut mutated = payload.clone();
            *mutated.pointer_mut(&place).expect("the place was found there") = other.clone();
            mutations.push((place.clone(), mutated));
        }
        let (parent, key) = place.rsplit_once('/').expect("a pointer has a slash");
        let mut mutated = payload.clone();
        match mutated.pointer_mut(parent) {
            Some(Value::Object(members)) => drop(members.remove(&unescaped(key))),
            Some(Value::Array(items)) => drop(items.remove(key.parse().expect("an index"))),
            _ => unreachable!("only these have places in them"),
        }
        mutations.push((place, mutated));
    }
    mutations
}

/// The JSON pointers of all that is in `value`, which is at `here`.
fn find_places(value: &Value, here: &str, places: &mut Vec<String>) {
    let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, child)| (escaped(key), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let place = format!("{here}/{key}");
        find_places(child, &place, places);
        places.push(place);
    }
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_say_what_is_different() {
        let payload = || json!({"a": {"b": [1, {"c": 2}], "d": null}});
        for (patch, expected) in [
            (json!({}), payload()),
            (json!(5), json!(5)),
            (json!({"a": {}}), json!({"a": {}})),
            (json!({"a": {"d": {"e": 1}}}), json!({"a": {"b": [1, {"c": 2}], "d": {"e": 1}}})),
            (json!({"a": {"b": {"1": {"c": "-"}}}}), json!({"a": {"b": [1, {}], "d": null}})),
            (json!({"a.b.0": "-", "x": 1}), json!({"a": {"b": [{"c": 2}], "d": null}, "x": 1})),
            (json!({"a.b": {"x": 1}}), json!({"a": {"b": {"x": 1}, "d": null}})),
            (json!({"a.b.1.c": [3]}), json!({"a": {"b": [1, {"c": [3]}], "d": null}})),
        ] {
            assert_eq!(patched(payload(), patch.clone()), expected, "{patch}");
        }
    }

    #[test]
    #[should_panic(expected = "`a.x` cannot be removed")]
    fn a_patch_that_removes_nothing_is_a_mistake() {
        let _ = patched(json!({"a": {}}), json!({"a.x": "-"}));
    }

    #[test]
    #[should_panic(expected = "there is no `2`")]
    fn a_patch_that_leads_nowhere_is_a_mistake() {
        let _ = patched(json!({"a": [1]}), json!({"a.2.b": 1}));
    }

    #[test]
    fn mutations_reach_every_place() {
        let payload = json!({"a": [{"b/c": 1}]});
        let mutations = mutations(&payload);
        // The whole, `a`, `a.0` and `a.0.b/c`, of which all but the whole can be removed.
        assert_eq!(mutations.len(), 4 * OTHERS.len() + 3);
        for expected in [json!(5), json!({}), json!({"a": []}), json!({"a": [{}]}), json!({"a": [{"b/c": null}]})] {
            assert!(mutations.contains(&expected), "{expected}");
        }
    }
}
