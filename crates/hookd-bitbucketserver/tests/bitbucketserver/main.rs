//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_bitbucketserver as _;
use hookd_core::{Change, Compat, HookRequest};
use hookd_testkit::{Forge, Scheme, contract_tests, json, patched};
use serde_json::Value;

mod changes;
mod compat;
mod options;
mod refusals;
mod signatures;

const FORGE: Forge = Forge::new("bitbucketserver", &EVENTS, fixture, send)
    .with_options(&[r#"{"bitbucket_property_whitelist": ["*"], "codebase": "c"}"#])
    .signed(&[Scheme::Sha256("X-Hub-Signature")]);

/// Events as the newest versions send them, as the first did (`old …`), as the plugin does (`plugin …` and
/// `pullrequest:…`), and with what they contain only at times (`retargeting …` and the like).
const EVENTS: [&str; 15] = [
    "repo:refs_changed",
    "several repo:refs_changed",
    "old repo:refs_changed",
    "plugin repo:push",
    "deleting plugin repo:push",
    "pr:opened",
    "pr:modified",
    "retargeting pr:modified",
    "pr:merged",
    "merging pr:merged",
    "old pr:from_ref_updated",
    "old pr:merged",
    "pullrequest:created",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
];

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("bitbucketserver", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(event: &str) -> Value {
    match event {
        "several repo:refs_changed" => {
            let mut payload = patched(fixture("repo:refs_changed"), json!({"changes.0.type": "DELETE"}));
            let update = fixture("repo:refs_changed")["changes"][0].take();
            payload["changes"].as_array_mut().unwrap().push(update);
            payload
        }
        "deleting plugin repo:push" => patched(fixture("plugin repo:push"), json!({"push.changes.0.new": null})),
        "retargeting pr:modified" => {
            patched(fixture("pr:modified"), json!({"previousTarget": {"id": "refs/heads/old"}}))
        }
        "merging pr:merged" => {
            patched(fixture("pr:merged"), json!({"pullRequest": {"properties": {"mergeCommit": {"id": "eeee"}}}}))
        }
        "plugin repo:push" | "plugin repo:refs_changed" | "repo_push" => {
            include_str!("fixtures/plugin_push.json").parse().unwrap()
        }
        event if event.starts_with("pullrequest:") => {
            include_str!("fixtures/plugin_pull_request.json").parse().unwrap()
        }
        "old repo:refs_changed" => include_str!("fixtures/refs_changed_old.json").parse().unwrap(),
        "repo:refs_changed" | "mirror:repo_synchronized" => include_str!("fixtures/refs_changed.json").parse().unwrap(),
        event if event.starts_with("old pr:") => include_str!("fixtures/pull_request_old.json").parse().unwrap(),
        event if event.starts_with("pr:") => include_str!("fixtures/pull_request.json").parse().unwrap(),
        // Events that are not known need no payload.
        _ => json!({}),
    }
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    let shapes = ["several ", "deleting ", "retargeting ", "merging ", "old ", "plugin "];
    let key = shapes.iter().fold(event, |event, shape| event.trim_start_matches(shape));
    HookRequest::post("/change_hook/bitbucketserver")
        .with_header("X-Event-Key", key)
        .with_header("X-Request-Id", "2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d")
        .with_header("Content-Type", "application/json; charset=utf-8")
        .with_body(body.to_vec())
}

/// The only change of an event with a patch of its payload.
fn change(compat: Compat, options: Value, event: &str, patch: Value) -> Change {
    FORGE.hook(compat, options).change(&FORGE.request(event, patch))
}
