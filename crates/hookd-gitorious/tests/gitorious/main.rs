//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_core::HookRequest;
use hookd_gitorious as _;
use hookd_testkit::{Forge, contract_tests};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

mod changes;
mod refusals;

const FORGE: Forge = Forge::new("gitorious", &["push"], fixture, send);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("gitorious", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(_event: &str) -> Value {
    include_str!("fixtures/push.json").parse().unwrap()
}

fn send(_event: &str, payload: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/gitorious")
        .with_header("Content-Type", "application/x-www-form-urlencoded")
        .with_body(format!("payload={}", percent_encode(payload, NON_ALPHANUMERIC)))
}
