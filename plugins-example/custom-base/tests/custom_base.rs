//! The dialect as hookd uses it, without a server.

use custom_base as _;
use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{Forge, assert_change, json};
use serde_json::Value;

const FORGE: Forge = Forge::new("custom_base", &["form"], |_| Value::Null, |_, body| form(body));

fn form(body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/base")
        .with_header("Content-Type", "application/x-www-form-urlencoded")
        .with_body(body.to_vec())
}

#[test]
fn a_change_has_the_four_arguments_and_nothing_else() {
    let request = form(b"revision=1f3a&repository=https://git.example.org/tea&project=tea&author=ada");
    assert_change!(&FORGE.hook(Off, json!({})).change(&request), {
        "project": "tea",
        "repository": "https://git.example.org/tea",
        "revision": "1f3a",
    });
}

#[test]
fn it_keeps_the_contract_of_a_dialect() {
    hookd_testkit::contract::has_a_name_and_a_summary(&FORGE);
    hookd_testkit::contract::rejects_unknown_options(&FORGE);
    hookd_testkit::contract::survives_random_requests(&FORGE);
    hookd_testkit::contract::keeps_no_header_with_a_secret(&FORGE);
}
