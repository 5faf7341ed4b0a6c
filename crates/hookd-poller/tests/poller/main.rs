//! The dialect as `hookd` uses it: from its registration, with requests as they come.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_poller as _;
use hookd_testkit::{BOTH, Forge, contract_tests, json};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use serde_json::Value;

/// The payload of its requests is the name of a poller, as an argument.
const FORGE: Forge = Forge::new("poller", &["poll"], fixture, send)
    .with_pollers(&["git", "hg", "svn"])
    .with_options(&[r#"{"allowed": ["svn"]}"#]);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge =
    Forge::exported("poller", &[("poll", include_str!("fixtures/received.json"))]).with_pollers(&["git", "hg", "svn"]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(_event: &str) -> Value {
    json!("svn")
}

fn send(_event: &str, payload: &[u8]) -> HookRequest {
    let name = payload.strip_prefix(b"\"").unwrap_or(payload);
    let name = name.strip_suffix(b"\"").unwrap_or(name);
    form(&format!("poller={}", percent_encode(name, NON_ALPHANUMERIC)))
}

fn form(query: &str) -> HookRequest {
    HookRequest::post("/change_hook/poller").with_query(query)
}

/// Checks which pollers a request makes poll, and what is said of it, in both modes.
#[track_caller]
fn assert_polls(options: Value, query: &str, expected: &[&str], summary: &str) {
    for mode in BOTH {
        let hook = FORGE.hook(mode, options.clone());
        assert_eq!(hook.run(&form(query)).summary(), summary, "{query} with {options}");
        assert_eq!(hook.polled(), expected, "{query} with {options}");
    }
}

#[test]
fn polls_those_that_are_named_or_all() {
    assert_polls(json!({}), "", &["git", "hg", "svn"], "ignored: triggered git, hg, svn");
    assert_polls(json!({}), "poller=svn&poller=git&poller=git", &["git", "svn"], "ignored: triggered git, svn");
}

#[test]
fn allowed_hides_the_others() {
    assert_polls(json!({"allowed": ["svn", "gone"]}), "", &["svn"], "ignored: triggered svn");
    assert_polls(json!({"allowed": []}), "", &[], "ignored: there is no poller to trigger");
    assert_polls(json!({"allowed": ["svn"]}), "poller=svn", &["svn"], "ignored: triggered svn");
    let hidden = "refused: Could not find pollers: git";
    assert_polls(json!({"allowed": ["svn"]}), "poller=svn&poller=git", &[], hidden);
}

#[test]
fn names_those_that_are_missing() {
    assert_polls(json!({}), "poller=y&poller=x&poller=svn&poller=y", &[], "refused: Could not find pollers: x,y");
    assert_polls(json!({}), "poller=", &[], "refused: Could not find pollers: ");
    assert_polls(json!({}), "poller=%ff", &[], "refused: argument `poller` is not UTF-8");
}

#[test]
fn options_have_their_defaults() {
    FORGE.assert_options(json!({"allowed": null}));
}

proptest! {
    #[test]
    fn nothing_polls_what_is_not_allowed(
        query in "(poller=(git|hg|svn|.{0,5})?[&;]?){0,4}.{0,20}",
        kind in 0..4_usize,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\u{ff}"];
        let hook = FORGE.hook(Off, json!({"allowed": ["svn"]}));
        drop(hook.run(&form(&query).with_header("Content-Type", kinds[kind]).with_body(body)));
        prop_assert!(hook.polled().iter().all(|name| name == "svn"));
    }
}
