//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::HookRequest;
use serde_json::{Map, Value, json};

use crate::kit::{MODES, form, hook, push, request, said, try_hook, with};

#[test]
fn names_what_is_wrong_with_a_payload() {
    let both = &MODES[..];
    let null = || Some(Value::Null);
    for (modes, place, value, expected) in [
        (both, "/canon_url", None, "`canon_url` is missing"),
        (&[Off], "/canon_url", null(), "`canon_url` is null, expected a text"),
        (both, "/repository", None, "`repository` is missing"),
        (both, "/repository", null(), "`repository` is null, expected an object"),
        (both, "/repository/absolute_url", None, "`repository.absolute_url` is missing"),
        (&[Buildbot], "/repository/scm", None, "`repository.scm` is missing"),
        (both, "/repository/scm", Some(json!(5)), "`repository.scm` is a number, expected a text"),
        (both, "/commits", None, "`commits` is missing"),
        (both, "/commits", null(), "`commits` is null, expected a list"),
        (both, "/commits/1", Some(json!(5)), "`commits[1]` is a number, expected an object"),
        (both, "/commits/1/raw_node", None, "`commits[1].raw_node` is missing"),
        (&[Off], "/commits/1/raw_node", null(), "`commits[1].raw_node` is null, expected a text"),
        (&[Buildbot], "/commits/1/node", None, "`commits[1].node` is missing"),
        (&[Buildbot], "/commits/1/raw_author", None, "`commits[1].raw_author` is missing"),
        (&[Buildbot], "/commits/1/files", None, "`commits[1].files` is missing"),
        (both, "/commits/0/files/1", Some(json!("x")), "`commits[0].files[1]` is a text, expected an object"),
        (both, "/commits/0/files/1/file", null(), "`commits[0].files[1].file` is null, expected a text"),
        (&[Buildbot], "/commits/1/utctimestamp", None, "`commits[1].utctimestamp` is missing"),
        (
            both,
            "/commits/1/utctimestamp",
            Some(json!("soon")),
            "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822",
        ),
        (both, "/commits/1/branch", Some(json!(5)), "`commits[1].branch` is a number, expected a text"),
    ] {
        for mode in modes {
            let outcome = hook(*mode).translate(&request(&with(push(), place, value.clone())));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{place}: {value:?}, {mode:?}");
        }
    }
}

#[test]
fn refuses_what_is_not_a_payload() {
    let elsewhere = "refused: argument `payload` is missing: \
        webhooks with JSON are for the dialects `bitbucketcloud` and `bitbucketserver`";
    for mode in MODES {
        let hook = hook(mode);
        let post = || HookRequest::post("/change_hook/bitbucket");
        assert_eq!(said(&hook.translate(&post())), "refused: argument `payload` is missing");
        let json = post().with_header("Content-Type", "application/json; charset=utf-8").with_body(push().to_string());
        assert_eq!(said(&hook.translate(&json)), elsewhere);
        for payload in ["", "{", "{} x"] {
            let said = said(&hook.translate(&form(payload.as_bytes())));
            assert!(said.starts_with("refused: broken JSON: "), "{said}");
        }
        assert_eq!(said(&hook.translate(&form(b"[]"))), "refused: the payload is a list, expected an object");
        assert_eq!(said(&hook.translate(&form(b"\xff"))), "refused: argument `payload` is not UTF-8");
        let project = request(&push()).with_query("project=%ff");
        assert_eq!(said(&hook.translate(&project)), "refused: argument `project` is not UTF-8");
    }
}

#[test]
fn takes_no_options() {
    let options = Map::from_iter([("secret".to_owned(), json!("x"))]);
    assert_eq!(try_hook(Off, options).err().unwrap(), ["secret: unknown option `secret`: there are none here"]);
}
