//! Compares what came with what a case expects.

use regex::Regex;
use serde_json::Value;

/// Where `found` is not as expected, if anywhere: all that is said must be so, what is not said may be anything. A text
/// that begins with `re:` is a regular expression; what is missing is null.
pub(super) fn difference(name: &str, expected: &Value, found: &Value) -> Option<String> {
    match expected {
        Value::Object(fields) => fields.iter().find_map(|(key, expected)| {
            let found = &found[key];
            match (key.as_str(), expected) {
                ("properties", Value::Object(properties)) => properties
                    .iter()
                    .find_map(|(name, expected)| property(&format!("property {name}"), expected, &found[name])),
                _ => difference(key, expected, found),
            }
        }),
        Value::String(text) if text.starts_with("re:") => {
            let is_found = found.as_str().is_some_and(|found| finds(&text[3..], found));
            (!is_found).then(|| format!("{name} is {found}, expected {expected}"))
        }
        _ => (expected != found).then(|| format!("{name} is {found}, expected {expected}")),
    }
}

/// The API gives `[value, source]` for each property; the source may be left out of what is expected.
fn property(name: &str, expected: &Value, found: &Value) -> Option<String> {
    let has_source = expected.as_array().is_some_and(|pair| pair.len() == 2 && pair[1] == "Change");
    difference(name, expected, if has_source { found } else { &found[0] })
}

/// Whether the regular expression is found in the text.
pub(super) fn finds(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::difference;

    #[test]
    fn compares_what_is_said_and_nothing_else() {
        let found = json!({"branch": "main", "files": ["a"], "properties": {"event": ["push", "Change"]}});
        for expected in [
            json!({}),
            json!({"branch": "main", "files": ["a"], "category": null}),
            json!({"branch": "re:^ma"}),
            json!({"properties": {"event": "push", "other": null}}),
            json!({"properties": {"event": ["push", "Change"]}}),
        ] {
            assert_eq!(difference("change", &expected, &found), None, "{expected}");
        }
        for expected in [
            json!({"branch": "ma"}),
            json!({"branch": "re:^in"}),
            json!({"category": "tag"}),
            json!({"category": "re:"}),
            json!({"files": []}),
            json!({"properties": {"event": "tag"}}),
            json!({"properties": {"event": null}}),
        ] {
            assert!(difference("change", &expected, &found).is_some(), "{expected}");
        }
    }
}
