//! Rules of the base dialect.

use serde_json::{Value, json};

use super::Rule;
use crate::conformance::compare::{Difference, Pair};

pub(super) const RULES: &[Rule] = &[
    Rule { id: "no-field-is-400", classes: &["base"], explains: no_field_is_400 },
    Rule { id: "plain-numbers", classes: &["base"], explains: plain_numbers },
    Rule { id: "blank-json-is-nothing", classes: &["base"], explains: blank_json_is_nothing },
];

/// Buildbot stores an empty change.
fn no_field_is_400(pair: &Pair<'_>, difference: Difference) -> bool {
    let nothing = [
        ("author", json!("")),
        ("branch", Value::Null),
        ("category", Value::Null),
        ("codebase", json!("")),
        ("comments", json!("")),
        ("committer", Value::Null),
        ("files", json!([])),
        ("project", json!("")),
        ("properties", json!({})),
        ("repository", json!("")),
        ("revision", Value::Null),
        ("revlink", Value::Null),
    ];
    let [change] = pair.buildbot.changes.as_slice() else { return false };
    let is_empty = nothing.iter().all(|(field, value)| change[*field] == *value);
    let is_refused = pair.hookd.is_refused_with(&["no field of a change was sent"]);
    difference == Difference::Answer && pair.case.class() == "base" && is_empty && is_refused
}

/// Python's `float()` accepts underscores between digits, and digits of any script.
fn plain_numbers(pair: &Pair<'_>, difference: Difference) -> bool {
    let when = ["when_timestamp", "when"].iter().filter_map(|name| pair.case.argument(name)).next().unwrap_or_default();
    // Multipart bodies are not parsed here.
    let sent = if when.is_empty() { String::from_utf8_lossy(&pair.case.request.body).into_owned() } else { when };
    let is_odd = sent.contains('_') || !sent.is_ascii();
    let is_refused = pair.hookd.is_refused() && pair.hookd.text.contains("is not a number of seconds since 1970");
    difference == Difference::Answer && pair.buildbot.is_success() && is_odd && is_refused
}

/// `files=` and `properties=` without a value are broken JSON to Buildbot.
fn blank_json_is_nothing(pair: &Pair<'_>, difference: Difference) -> bool {
    let is_blank = ["files", "properties"].iter().any(|name| pair.case.argument(name).is_some_and(|v| v.is_empty()));
    let [change] = pair.hookd.changes.as_slice() else { return false };
    let is_none = change["files"] == json!([]) && change["properties"] == json!({});
    let is_refused = pair.buildbot.is_refused_with(&["Expecting value: "]);
    difference == Difference::Answer && is_blank && is_refused && is_none
}
