//! The dialect as `hookd` uses it: from its registration, with requests and answers of the API as they come.

#![allow(clippy::unwrap_used)]

use hookd_core::{ApiAnswer, HookRequest};
use hookd_github as _;
use hookd_testkit::{Forge, Scheme, answer, contract_tests, json, patched};
use serde_json::Value;

mod api;
mod changes;
mod classes;
mod options;
mod refusals;
mod signatures;

const FORGE: Forge = Forge::new("github", &["push", "tag", "pull_request", "merge_group"], fixture, send)
    .with_api(api)
    .with_options(&[
        r#"{"github_property_whitelist": ["*"], "token": {"octo/*": "t"}, "codebase": "c"}"#,
        r#"{"skips": []}"#,
        r#"{"merge_queue": "merge_group", "codebase": {"path": "repository.name", "map": {"t*": "c"}, "default": "d"}}"#,
    ])
    .signed(&[Scheme::Sha1("X-Hub-Signature"), Scheme::Sha256("X-Hub-Signature-256")])
    .with_proof_options(r#"{"strict": true}"#);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("github", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(event: &str) -> Value {
    match event {
        "push" => include_str!("fixtures/push.json").parse().unwrap(),
        "tag" => patched(fixture("push"), json!({"ref": "refs/tags/v1", "created": true, "commits": []})),
        "pull_request" => include_str!("fixtures/pull_request.json").parse().unwrap(),
        "merge_group" => include_str!("fixtures/merge_group.json").parse().unwrap(),
        // Events that are not known need no payload.
        _ => json!({}),
    }
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", if event == "tag" { "push" } else { event })
        .with_header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .with_header("Content-Type", "application/json")
        .with_body(body.to_vec())
}

/// An API that knows the head commit and three files.
fn api(url: &str) -> ApiAnswer {
    if url.contains("/commits/") {
        answer::json(json!({"commit": {"message": "Add milk"}}))
    } else {
        answer::json(json!([
            {"filename": "milk.txt", "status": "added"},
            {"filename": "tea.txt", "previous_filename": "water.txt", "status": "renamed"},
        ]))
    }
}
