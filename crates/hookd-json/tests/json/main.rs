//! The class as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_core::HookRequest;
use hookd_json as _;
use hookd_testkit::{Forge, Scheme, contract_tests};
use serde_json::Value;

mod changes;
mod options;
mod proofs;

/// A description of a webhook.
const OPTIONS: &str = r#"{
    "delivery": {"header": "X-Delivery"},
    "event": {"header": "X-Event"},
    "when": [
        {"header": "X-Event", "in": ["push"]},
        {"path": "ref", "re": "^refs/heads/(?P<branch>.+)$"},
        {"path": "deleted", "not_in": [true]}
    ],
    "each": "commits",
    "change": {
        "author": "{author.name} <{author.email}>",
        "branch": "{branch}",
        "comments": "{message}",
        "files": ["{added}", "{modified}", "{removed}"],
        "repository": "{.repository.url}",
        "revision": "{id}",
        "when_timestamp": "{timestamp}",
        "properties": {"author": "{author}", "of": "{.total}", "text": "{id} of {.total}"}
    }
}"#;

const FORGE: Forge = Forge::new("json", &["push"], fixture, send)
    .with_needed_options(OPTIONS)
    .with_proof_options(r#"{"proof": {"header": "X-Signature", "scheme": "hmac-sha256", "prefix": "sha256="}}"#)
    .with_secret_at("proof.secret")
    .signed(&[Scheme::Sha256("X-Signature")]);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge =
    Forge::exported("json", &[("push", include_str!("fixtures/received.json"))]).with_needed_options(OPTIONS);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

/// Services that prove themselves in another way.
const OTHERS: [Forge; 3] = [
    FORGE
        .with_proof_options(r#"{"proof": {"header": "X-Signature", "scheme": "hmac-sha256"}}"#)
        .signed(&[Scheme::HexSha256("X-Signature")]),
    FORGE
        .with_proof_options(r#"{"proof": {"header": "X-Signature", "scheme": "hmac-sha256"}}"#)
        .signed(&[Scheme::Base64Sha256("X-Signature")]),
    FORGE
        .with_proof_options(r#"{"proof": {"header": "X-Token", "scheme": "token"}}"#)
        .signed(&[Scheme::Token("X-Token")]),
];

fn fixture(_event: &str) -> Value {
    include_str!("fixtures/push.json").parse().unwrap()
}

fn send(event: &str, payload: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/json")
        .with_header("X-Event", event)
        .with_header("X-Delivery", "17")
        .with_body(payload.to_vec())
}
