//! The dialect as `hookd` uses it: from its registration, with requests as they come.

#![allow(clippy::unwrap_used)]

use hookd_base as _;
use hookd_core::Compat::Off;
use hookd_core::{Change, HookRequest, Method};
use hookd_testkit::{BOTH, Forge, assert_change, assert_fields, cases, contract_tests, json};
use proptest::prelude::*;
use serde_json::Value;

const FORGE: Forge = Forge::new("base", &["JSON"], fixture, send_json);

contract_tests!(FORGE);

/// A request that a hookd has received and exported.
const RECEIVED: Forge = Forge::exported("base", &[("push", include_str!("fixtures/received.json"))]);

#[test]
fn a_received_request_becomes_what_it_became() {
    hookd_testkit::contract::translates_every_fixture(&RECEIVED);
}

fn fixture(_event: &str) -> Value {
    json!({
        "author": "a", "branch": "b", "category": "c", "codebase": "d", "comments": "e f", "committer": "g",
        "files": ["h"], "project": "i", "properties": {"j": [1]}, "repository": "k", "revision": "l",
        "revlink": "m", "when_timestamp": 12.9,
    })
}

fn send_json(_event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/base")
        .with_header("Content-Type", "application/json; charset=utf-8")
        .with_body(body.to_vec())
}

fn form(query: &str) -> HookRequest {
    HookRequest::post("/change_hook/base").with_query(query)
}

fn change(request: &HookRequest) -> Change {
    FORGE.hook(Off, json!({})).change(request)
}

#[test]
fn takes_every_field_as_an_argument_and_as_json() {
    let query = "author=a&branch=b&category=c&codebase=d&comments=e+f&committer=g&files=[%22h%22]&project=i\
        &properties={%22j%22:[1]}&repository=k&revision=l&revlink=m&when_timestamp=12.9";
    let mut expected = fixture("");
    expected["when_timestamp"] = json!(12);
    for request in [form(query), form(query).with_method(Method::Get), FORGE.request("JSON", json!({}))] {
        assert_change(&change(&request), expected.clone());
    }
}

#[test]
fn who_and_when_stand_in() {
    assert_fields!(&change(&form("author=&who=w&when=1.5e3")), {"author": "w", "when_timestamp": 1500});
}

#[test]
fn refuses_wrong_arguments_by_name() {
    for (query, message) in [
        ("", "no field of a change was sent"),
        ("unknown=1", "no field of a change was sent"),
        ("files=x", "`files`: broken JSON"),
        ("files={}", "`files` is not a JSON list of texts"),
        ("files=[1]", "`files` is not a JSON list of texts"),
        ("properties=[]", "`properties` is not a JSON object"),
        ("when=1_000", "`when` is not a number of seconds"),
        ("when=nan", "`when` is not a number of seconds"),
        ("when=", "`when` is not a number of seconds"),
        ("when=1e300", "`when` is beyond the years"),
        ("author=%ff", "argument `author` is not UTF-8"),
    ] {
        for mode in BOTH {
            let found = FORGE.hook(mode, json!({})).run(&form(query)).summary();
            assert!(found.starts_with(&format!("refused: {message}")), "{query}: {found}");
        }
    }
}

#[test]
fn refuses_wrong_json_by_name() {
    cases! { FORGE;
        off "JSON" [] => "refused: the JSON body is neither an object of fields nor a list of at least one";
        off "JSON" 5 => "refused: the JSON body is neither an object of fields nor a list of at least one";
        off "JSON" {"author": 5} => "refused: `author` is a number, expected a text";
        off "JSON" [{"author": "a"}, 5] => "refused: change 2 of the list: it is not an object of fields";
        off "JSON" [{"author": "a", "files": 1}] => "refused: change 1 of the list: `files` is not a JSON list of texts";
    }
    let found = FORGE.hook(Off, json!({})).run(&FORGE.send_bytes("JSON", b"{")).summary();
    assert!(found.starts_with("refused: broken JSON: "), "{found}");
    let found = FORGE.hook(Off, json!({})).run(&FORGE.request("JSON", json!([{"author": "a"}, {}]))).summary();
    assert!(found.starts_with("refused: change 2 of the list: no field of a change was sent"), "{found}");
}

#[test]
fn takes_a_list_of_changes_in_its_order() {
    let hook = FORGE.hook(Off, json!({}));
    let changes = hook.changes(&FORGE.request("JSON", json!([{"revision": "1"}, {"revision": "2", "author": "a"}])));
    let revisions: Vec<_> = changes.iter().map(|change| change.revision.as_deref().unwrap()).collect();
    assert_eq!(revisions, ["1", "2"]);
}

#[test]
fn takes_the_id_of_a_delivery_from_the_sender() {
    let request = form("author=a").with_header("Idempotency-Key", "push-17");
    assert_eq!(FORGE.hook(Off, json!({})).recognise(&request).forge_id.as_deref(), Some("push-17"));
    assert_eq!(FORGE.hook(Off, json!({})).recognise(&form("author=a")).forge_id, None);
}

#[test]
fn leaves_out_changes_that_ask_for_it() {
    let hook = FORGE.hook(Off, json!({"skips": ["no build"]}));
    let found = |fields| hook.run(&FORGE.request("JSON", fields)).summary();
    let reason = "ignored: head commit matches the skip pattern no build";
    assert_eq!(found(json!([{"branch": "a", "comments": "no build"}, {"branch": "b"}])), "b@-");
    assert_eq!(found(json!({"branch": "a", "comments": "no build"})), reason);
}

#[test]
fn takes_one_option() {
    FORGE.assert_options(json!({"skips": []}));
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(
        query in prop_oneof![".*", "(files|properties|when|when_timestamp|author)=.{0,20}"],
        kind in 0..4_usize,
        body: Vec<u8>,
    ) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\u{ff}"];
        let request = form(&query).with_header("Content-Type", kinds[kind]).with_body(body);
        for mode in BOTH {
            drop(FORGE.hook(mode, json!({})).run(&request));
        }
    }
}
