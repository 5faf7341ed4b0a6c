//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_bitbucketcloud as _;
use hookd_core::{Change, Compat, HookRequest};
use hookd_testkit::{Forge, Scheme, contract_tests, json, patched};
use serde_json::Value;

mod changes;
mod compat;
mod options;
mod refusals;
mod signatures;

const FORGE: Forge = Forge::new("bitbucketcloud", &EVENTS, fixture, send)
    .with_options(&[r#"{"bitbucket_property_whitelist": ["*"], "codebase": "c"}"#])
    .signed(&[Scheme::Sha256("X-Hub-Signature")]);

/// Pull requests in the shape that Buildbot expects begin with `legacy `.
const EVENTS: [&str; 7] = [
    "repo:push",
    "deleting repo:push",
    "pullrequest:created",
    "pullrequest:fulfilled",
    "legacy pullrequest:created",
    "legacy pullrequest:fulfilled",
    "legacy pullrequest:rejected",
];

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("bitbucketcloud", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(event: &str) -> Value {
    match event {
        "repo:push" | "repo_push" => include_str!("fixtures/push.json").parse().unwrap(),
        "deleting repo:push" => patched(fixture("repo:push"), json!({"push.changes.0.new": null})),
        event if event.starts_with("legacy ") => include_str!("fixtures/legacy_pull_request.json").parse().unwrap(),
        event if event.starts_with("pullrequest:") => include_str!("fixtures/pull_request.json").parse().unwrap(),
        // Events that are not known need no payload.
        _ => json!({}),
    }
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/bitbucketcloud")
        .with_header("X-Event-Key", event.trim_start_matches("legacy ").trim_start_matches("deleting "))
        .with_header("X-Request-UUID", "2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d")
        .with_header("X-Attempt-Number", "1")
        .with_header("Content-Type", "application/json")
        .with_body(body.to_vec())
}

/// The only change of an event with a patch of its payload.
fn change(compat: Compat, options: Value, event: &str, patch: Value) -> Change {
    FORGE.hook(compat, options).change(&FORGE.request(event, patch))
}
