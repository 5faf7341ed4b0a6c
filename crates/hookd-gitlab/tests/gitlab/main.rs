//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_core::HookRequest;
use hookd_gitlab as _;
use hookd_testkit::{Forge, Scheme, contract_tests, json, patched};
use serde_json::Value;

mod changes;
mod credentials;
mod options;
mod refusals;

const FORGE: Forge = Forge::new("gitlab", &["push", "tag_push", "system_push", "merge_request", "note"], fixture, send)
    .with_options(&[r#"{"codebase": "c"}"#])
    .signed(&[Scheme::Token("X-Gitlab-Token"), Scheme::StandardWebhooks]);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("gitlab", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(event: &str) -> Value {
    let commitless = || patched(fixture("push"), json!({"commits": [], "total_commits_count": 0}));
    match event {
        "push" => include_str!("fixtures/push.json").parse().unwrap(),
        // A tag with a message: `after` is the tag itself.
        "tag_push" => patched(
            commitless(),
            json!({
                "object_kind": "tag_push", "event_name": "tag_push", "ref": "refs/tags/v1", "message": "First flush\n",
                "before": "0".repeat(40), "after": "f".repeat(40),
            }),
        ),
        "system_push" => patched(commitless(), json!({"object_kind": "-"})),
        "merge_request" => include_str!("fixtures/merge_request.json").parse().unwrap(),
        "note" => include_str!("fixtures/note.json").parse().unwrap(),
        other => panic!("no fixture `{other}`"),
    }
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    let header = match event {
        "push" => "Push Hook",
        "tag_push" => "Tag Push Hook",
        "system_push" => "System Hook",
        "merge_request" => "Merge Request Hook",
        "note" => "Note Hook",
        other => panic!("no header for `{other}`"),
    };
    nameless(body).with_header("X-Gitlab-Event", header)
}

/// A request that does not say in a header what its event is.
fn nameless(body: impl AsRef<[u8]>) -> HookRequest {
    HookRequest::post("/change_hook/gitlab")
        .with_header("Content-Type", "application/json")
        .with_header("Idempotency-Key", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .with_header("X-Gitlab-Webhook-UUID", "0d1c0b5e-0000-11e3-81ab-4c9367dc0958")
        .with_header("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")
        .with_body(body.as_ref().to_vec())
}
