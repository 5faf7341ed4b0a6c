//! GitHub's pull requests: the API's answers about them, and payloads with each value wrong in turn.

use serde_json::{Value, json};

use super::body::github;
use super::{mutations, sources};
use crate::conformance::Case;
use crate::github_api::Api;

const ACTIONS: &[&str] = &[
    "opened",
    "reopened",
    "synchronize",
    "synchronized",
    "closed",
    "edited",
    "labeled",
    "ready_for_review",
    "Opened",
    "",
    "assigned",
    "enqueued",
];

const REVISIONS: &[&str] = &[
    Api::SKIPPED,
    Api::UNKNOWN,
    Api::PRIVATE,
    Api::SHAPELESS,
    Api::BROKEN,
    "",
    "abc",
    "a/b",
    "..",
    "a b",
    "%2e%2e",
    "a?b",
    "a#b",
    "\u{fc}",
];

pub(super) fn cases() -> Vec<Case> {
    [actions(), api(), texts(), walk()].concat()
}

fn pull() -> Value {
    sources::buildbot_json("github", "gitJsonPayloadPullRequest")
}

fn a_pull(name: &str, dialect: &str, payload: &Value) -> Case {
    Case::new(format!("{dialect} pull request: {name}"), github(dialect, "pull_request", payload.to_string()))
}

fn actions() -> Vec<Case> {
    let with = |action: &&str| mutations::with(&pull(), "action", json!(action));
    ACTIONS.iter().map(|action| a_pull(&format!("action {action:?}"), "github", &with(action))).collect()
}

/// Data that the API has, and data that it lacks.
fn api() -> Vec<Case> {
    let mut cases = Vec::new();
    for revision in REVISIONS {
        let payload = mutations::with(&pull(), "pull_request.head.sha", json!(revision));
        let closed = mutations::with(&payload, "action", json!("closed"));
        for dialect in ["github", "github_token", "github_noskips", "github_skips", "github_whitelist"] {
            cases.push(a_pull(&format!("head {revision:?}"), dialect, &payload));
        }
        cases.push(a_pull(&format!("head {revision:?}, closed"), "github", &closed));
    }
    for number in [Api::MOVES, Api::LOST, Api::LONG, Api::EMPTY] {
        let payload = mutations::with(&pull(), "number", json!(number));
        for dialect in ["github", "github_head", "github_codebase"] {
            cases.push(a_pull(&format!("number {number}"), dialect, &payload));
        }
    }
    for number in ["0", "-1", "1.5", "1e3", "\"1\"", "\"../..\"", "\"1/files?x=\"", "\"\"", "12345678901234567890123"] {
        let number: Value = serde_json::from_str(number).unwrap_or_default();
        cases.push(a_pull(&format!("number {number}"), "github", &mutations::with(&pull(), "number", number.clone())));
    }
    for name in ["", "x", "a/b/c", "../..", "a b/c", "a?b/c", "a#b/c", "\u{fc}/x", "//evil.example.org", "@evil"] {
        let payload = mutations::with(&pull(), "repository.full_name", json!(name));
        cases.push(a_pull(&format!("repository {name:?}"), "github", &payload));
    }
    cases
}

/// Strings and times that go into the change.
fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let values = [
        ("pull_request.commits", json!(0)),
        ("pull_request.commits", json!(2)),
        ("pull_request.commits", json!("1")),
        ("pull_request.commits", json!(1.0)),
        ("pull_request.title", json!("")),
        ("pull_request.title", json!("[ci skip] \u{fc}\n")),
        ("pull_request.body", json!("")),
        ("pull_request.body", json!("a\r\nb")),
        ("pull_request.created_at", json!("2015-05-05T23:40:15.999+02:00")),
        ("pull_request.created_at", json!("yesterday")),
        ("pull_request.created_at", json!("")),
        ("pull_request.base.ref", json!("refs/heads/x")),
        ("sender.login", json!("name[bot]")),
        ("sender.login", json!("")),
    ];
    for (path, value) in values {
        cases.push(a_pull(&format!("`{path}` {value}"), "github", &mutations::with(&pull(), path, value)));
    }
    cases
}

/// Pull requests with one wrong value.
fn walk() -> Vec<Case> {
    let every = mutations::every(&pull()).into_iter().map(|m| a_pull(&m.name, "github", &m.payload));
    let few =
        mutations::dropped_and_nulled(&pull()).into_iter().map(|m| a_pull(&m.name, "github_whitelist", &m.payload));
    every.chain(few).collect()
}
