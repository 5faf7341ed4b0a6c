//! Changes of JSON, which stays JSON.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::bytes::{self, MAX_BYTES};

/// Values that dialects treat in a way of their own, as JSON.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "1e300",
    "-0.0",
    "9223372036854775807",
    "18446744073709551615",
    "\"\"",
    "\"x\"",
    "\"0\"",
    "\"\\u0000\\u001b[31m\"",
    "\"\\u202egnp\"",
    "\"\\ud83e\\udd80\"",
    "\"a\\nb\\r\\n\"",
    "[]",
    "[null]",
    "{}",
    "[[]]",
    "{\"\": {}}",
    "\"refs/heads/main\"",
    "\"refs/tags/v1\"",
    "\"refs/heads/\"",
    "\"refs/pull/1/merge\"",
    "\"refs/changes/1\"",
    "\"gh-readonly-queue/main/pr-1-abc\"",
    "\"0000000000000000000000000000000000000000\"",
    "\"2026-02-30T25:61:61Z\"",
    "\"2026-01-01T00:00:00+00:00\"",
    "\"9999-12-31T23:59:59+14:00\"",
    "\"-0001-01-01\"",
    "\"[skip ci]\"",
    "\"https://example.org/a.git\"",
    "\"http://[::1]:x/%zz?#\"",
    "\"git@example.org:a/b.git\"",
    "\"opened\"",
    "\"synchronize\"",
    "\"edited\"",
    "\"closed\"",
    "\"merged\"",
    "\"checks_requested\"",
    "\"push\"",
    "\"tag_push\"",
    "\"merge_request\"",
    "\"note\"",
    "\"open\"",
    "\"reopen\"",
    "\"update\"",
    "\"branch\"",
    "\"tag\"",
    "\"commit\"",
    "\"ADD\"",
    "\"UPDATE\"",
    "\"DELETE\"",
    "\"BRANCH\"",
    "\"TAG\"",
    "\"hg\"",
    "\"git\"",
    "\"Ada <ada@example.org>\"",
];

/// Changes JSON in one way; `None` if it is none. Values may be taken from another JSON text.
pub fn mutate(rng: &mut Rng, text: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    let other: Value = serde_json::from_slice(other).unwrap_or_default();
    change(rng, &mut value, &other);
    let changed = serde_json::to_vec(&value).ok()?;
    (changed.len() <= MAX_BYTES).then_some(changed)
}

fn change(rng: &mut Rng, root: &mut Value, other: &Value) {
    let place = some_place(rng, root);
    let donor = other.pointer(&some_place(rng, other)).cloned().unwrap_or_default();
    let copy = root.pointer(&some_place(rng, root)).cloned().unwrap_or_default();
    let Some(value) = root.pointer_mut(&place) else { return };
    match rng.u8(..16) {
        0..4 => *value = rng.choice(VALUES).and_then(|text| text.parse().ok()).unwrap_or_default(),
        4 => *value = donor,
        5 => *value = copy,
        6 => *value = Value::Array(vec![value.take()]),
        7 => *value = nested(rng, value.take()),
        8 | 9 => repeat(rng, value),
        10 | 11 => change_inside(rng, value),
        12 => {
            if let Value::Object(members) = value {
                members.insert(some_text(rng), donor);
            }
        }
        _ => remove(root, &place),
    }
}

/// The JSON pointer of one of all values.
fn some_place(rng: &mut Rng, root: &Value) -> String {
    let mut left = rng.usize(..count(root));
    let mut place = String::new();
    let mut value = root;
    while left > 0 {
        left -= 1;
        let children: Vec<(String, &Value)> = match value {
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
            Value::Object(members) => {
                let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
                members.iter().map(|(key, child)| (escaped(key), child)).collect()
            }
            _ => return place,
        };
        for (key, child) in children {
            let inside = count(child);
            if left < inside {
                place = format!("{place}/{key}");
                value = child;
                break;
            }
            left -= inside;
        }
    }
    place
}

/// How many values there are, this one included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

fn remove(root: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else { return };
    match root.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Some(at) = key.parse().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// Puts a value below many others.
fn nested(rng: &mut Rng, value: Value) -> Value {
    let in_list = rng.bool();
    let wrap = |inner: Value| {
        if in_list { Value::Array(vec![inner]) } else { Value::Object(Map::from_iter([("a".to_owned(), inner)])) }
    };
    (0..rng.usize(1..120)).fold(value, |inner, _| wrap(inner))
}

/// Makes more of what a value has: items, members, characters.
fn repeat(rng: &mut Rng, value: &mut Value) {
    let size = value.to_string().len().max(1);
    let times = (1 << rng.usize(..16)).min(bytes::repeated_bytes(rng) / size).max(1);
    match value {
        Value::Array(items) => *items = items.iter().cycle().take(items.len() * (times + 1)).cloned().collect(),
        Value::Object(members) => {
            let more: Vec<_> = (0..times)
                .flat_map(|round| members.iter().map(move |(key, value)| (format!("{key}{round}"), value.clone())))
                .collect();
            members.extend(more);
        }
        Value::String(text) => *text = text.repeat(times + 1),
        other => *other = Value::Array(vec![other.take(); times]),
    }
}

fn change_inside(rng: &mut Rng, value: &mut Value) {
    match value {
        Value::String(text) => {
            let changed = bytes::mutate(rng, text.as_bytes(), b"", &["refs/", "\u{202e}", "\n", "<a@b>", ":", "//"]);
            *text = String::from_utf8_lossy(&changed).into_owned();
        }
        Value::Number(_) => *value = Value::from(rng.i64(..) >> rng.u8(..63)),
        Value::Bool(flag) => *flag = !*flag,
        Value::Object(members) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            if let Some(value) = rng.choice(keys).and_then(|key| members.remove(&key)) {
                members.insert(some_text(rng), value);
            }
        }
        Value::Array(items) => rng.shuffle(items),
        Value::Null => *value = Value::from(some_text(rng)),
    }
}

fn some_text(rng: &mut Rng) -> String {
    (0..rng.usize(..12)).map(|_| if rng.bool() { rng.alphanumeric() } else { rng.char(..) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_every_place_and_stays_json() {
        let text = br#"{"a/b": [1, {"c~": "x"}], "d": null}"#;
        let root: Value = serde_json::from_slice(text).expect("JSON");
        let mut rng = Rng::with_seed(1);
        let places: std::collections::BTreeSet<String> = (0..200).map(|_| some_place(&mut rng, &root)).collect();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        assert_eq!(places, ["", "/a~1b", "/a~1b/0", "/a~1b/1", "/a~1b/1/c~0", "/d"]);
        let changed: Vec<Vec<u8>> = (0..500).filter_map(|_| mutate(&mut rng, text, b"[7]")).collect();
        let changed: Vec<Value> = changed.iter().map(|text| serde_json::from_slice(text).expect("JSON")).collect();
        assert!(changed.iter().filter(|value| **value != root).count() > 300);
    }

    #[test]
    fn every_value_of_the_list_is_json() {
        for text in VALUES {
            assert!(text.parse::<Value>().is_ok(), "{text}");
        }
    }
}
