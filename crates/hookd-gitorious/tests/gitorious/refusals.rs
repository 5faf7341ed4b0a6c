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
        (both, "/repository", None, "`repository` is missing"),
        (both, "/repository", null(), "`repository` is null, expected an object"),
        (both, "/repository/url", None, "`repository.url` is missing"),
        (both, "/project", None, "`project` is missing"),
        (both, "/project/name", null(), "`project.name` is null, expected a text"),
        (&[Buildbot], "/repository/owner", None, "`repository.owner` is missing"),
        (&[Buildbot], "/repository/name", None, "`repository.name` is missing"),
        (&[Buildbot], "/after", None, "`after` is missing"),
        (&[Buildbot], "/after", null(), "`after` is null, expected a text"),
        (&[Buildbot], "/ref", None, "`ref` is missing"),
        (both, "/ref", Some(json!(5)), "`ref` is a number, expected a text"),
        (both, "/commits", None, "`commits` is missing"),
        (both, "/commits", null(), "`commits` is null, expected a list"),
        (both, "/commits/1", Some(json!("x")), "`commits[1]` is a text, expected an object"),
        (both, "/commits/1/id", None, "`commits[1].id` is missing"),
        (both, "/commits/1/id", null(), "`commits[1].id` is null, expected a text"),
        (&[Buildbot], "/commits/1/author/email", None, "`commits[1].author.email` is missing"),
        (&[Buildbot], "/commits/1/url", None, "`commits[1].url` is missing"),
        (&[Buildbot], "/commits/1/timestamp", null(), "`commits[1].timestamp` is null, expected a text"),
        (both, "/commits/1/timestamp", Some(json!("soon")), "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822"),
    ] {
        for mode in modes {
            let outcome = hook(*mode).translate(&request(&with(push(), place, value.clone())));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{place}: {value:?}, {mode:?}");
        }
    }
}

#[test]
fn refuses_what_is_not_a_payload() {
    for mode in MODES {
        let hook = hook(mode);
        let post = || HookRequest::post("/change_hook/gitorious");
        let json = post().with_header("Content-Type", "application/json").with_body(push().to_string());
        for request in [post(), json] {
            assert_eq!(said(&hook.translate(&request)), "refused: argument `payload` is missing");
        }
        for payload in ["", "{", "{} x"] {
            let said = said(&hook.translate(&form(payload.as_bytes())));
            assert!(said.starts_with("refused: broken JSON: "), "{said}");
        }
        assert_eq!(said(&hook.translate(&form(b"[]"))), "refused: the payload is a list, expected an object");
        assert_eq!(said(&hook.translate(&form(b"\xff"))), "refused: argument `payload` is not UTF-8");
    }
    let project = request(&push()).with_query("project=%ff");
    assert_eq!(said(&hook(Off).translate(&project)), "refused: argument `project` is not UTF-8");
}

#[test]
fn reasons_are_one_line_of_bearable_length() {
    let payload = with(push(), "/ref", Some(json!(format!("{}\u{7}", "x".repeat(10_000)))));
    let payload = with(payload, "/after", Some(json!("0")));
    let reason = said(&hook(Off).translate(&request(&payload)));
    assert!(reason.len() < 400 && !reason.contains('\u{7}'));
}

#[test]
fn takes_no_options() {
    let options = Map::from_iter([("secret".to_owned(), json!("x"))]);
    assert_eq!(try_hook(Off, options).err().unwrap(), ["secret: unknown option `secret`: there are none here"]);
}
