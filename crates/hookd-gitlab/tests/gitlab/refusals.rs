//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use serde_json::json;

use crate::kit::{KEY, MODES, edited, fixture, hook, request, said, signing_token};

#[test]
fn names_what_is_wrong_with_a_payload() {
    let both = &MODES[..];
    for (modes, event, patch, expected) in [
        (both, "push", json!({"ref": "-"}), "`ref` is missing"),
        (both, "push", json!({"ref": null}), "`ref` is null, expected a text"),
        (&[Buildbot], "push", json!({"user_name": "-"}), "`user_name` is missing"),
        (&[Buildbot], "push", json!({"repository": null}), "`repository` is null, expected an object"),
        (&[Buildbot], "push", json!({"repository": {"url": "-"}}), "`repository.url` is missing"),
        (&[Buildbot], "push", json!({"repository": {"name": null}}), "`repository.name` is null, expected a text"),
        (&[Off], "push", json!({"repository": "-", "project": "-"}), "`project` is missing"),
        (&[Off], "push", json!({"repository": {"name": 5}}), "`repository.name` is a number, expected a text"),
        (&[Buildbot], "push", json!({"commits": "-"}), "`commits` is missing"),
        (both, "push", json!({"commits": {"a": 1}}), "`commits` is an object, expected a list"),
        (both, "push", json!({"commits": [5]}), "`commits[0]` is a number, expected an object"),
        (both, "push", json!({"commits": [{}]}), "`commits[0].id` is missing"),
        (&[Buildbot], "push", json!({"commits": [{"id": "x"}]}), "`commits[0].url` is missing"),
        (
            &[Off],
            "push",
            json!({"commits": [{"id": "x", "added": null}]}),
            "`commits[0].added` is null, expected a list of texts",
        ),
        (
            &[Off],
            "push",
            json!({"commits": [{"id": "x", "timestamp": "soon"}]}),
            "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822",
        ),
        (&[Off], "tag_push", json!({"checkout_sha": "-", "after": "-"}), "`after` is missing"),
        (&[Off], "tag_push", json!({"checkout_sha": 5}), "`checkout_sha` is a number, expected a text"),
        (both, "merge_request", json!({"object_attributes": "-"}), "`object_attributes` is missing"),
        (both, "merge_request", json!({"object_attributes": {"iid": "-"}}), "`object_attributes.iid` is missing"),
        (
            &[Off],
            "merge_request",
            json!({"object_attributes": {"iid": "7"}}),
            "`object_attributes.iid` is a text, expected a number",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"state": "-"}}),
            "`object_attributes.state` is missing",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"state": null}}),
            "`object_attributes.state` is null, expected a text",
        ),
        (
            both,
            "merge_request",
            json!({"object_attributes": {"last_commit": "-"}}),
            "`object_attributes.last_commit` is missing",
        ),
        (
            both,
            "merge_request",
            json!({"object_attributes": {"last_commit": 5}}),
            "`object_attributes.last_commit` is a number, expected an object",
        ),
        (
            &[Off],
            "merge_request",
            json!({"object_attributes": {"last_commit": {"id": null}}}),
            "`object_attributes.last_commit.id` is null, expected a text",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"last_commit": {"timestamp": "-"}}}),
            "`object_attributes.last_commit.timestamp` is missing",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"last_commit": {"author": "-"}}}),
            "`object_attributes.last_commit.author` is missing",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"source": null}}),
            "`object_attributes.source` is null, expected an object",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"target_project_id": "-"}}),
            "`object_attributes.target_project_id` is missing",
        ),
        (
            &[Buildbot],
            "merge_request",
            json!({"object_attributes": {"url": "-"}}),
            "`object_attributes.url` is missing",
        ),
        (
            &[Off],
            "merge_request",
            json!({"object_attributes": {"target_branch": null}}),
            "`object_attributes.target_branch` is null, expected a text",
        ),
        (
            both,
            "merge_request",
            json!({"project": "-", "object_attributes": {"target": "-"}}),
            "`object_attributes.target` is missing",
        ),
        (both, "note", json!({"object_attributes": "-"}), "`object_attributes` is missing"),
        (&[Buildbot], "note", json!({"object_attributes": {"note": "-"}}), "`object_attributes.note` is missing"),
        (both, "note", json!({"merge_request": 5}), "`merge_request` is a number, expected an object"),
        (&[Buildbot], "note", json!({"merge_request": {"url": "-"}}), "`merge_request.url` is missing"),
    ] {
        for mode in modes {
            let payload = edited(fixture(event), patch.clone());
            let outcome = hook(*mode, json!({})).translate(&request(event, &payload));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {patch}, {mode:?}");
        }
    }
}

#[test]
fn refuses_what_is_not_json() {
    for mode in MODES {
        let hook = hook(mode, json!({}));
        for body in [&b""[..], b"{", b"{} x", b"\xef\xbb\xbf{}", b"{\"a\": NaN}", b"\xff"] {
            let said = said(&hook.translate(&HookRequest::post("/").with_body(body)));
            assert!(said.starts_with("refused: Error loading JSON: "), "{said}");
            assert!(!said.contains("broken JSON"), "{said}");
        }
        for (body, kind) in [("[]", "a list"), ("null", "null"), ("5", "a number"), ("\"x\"", "a text")] {
            let outcome = hook.translate(&HookRequest::post("/").with_body(body));
            assert_eq!(said(&outcome), format!("refused: the payload is {kind}, expected an object"));
        }
    }
}

#[test]
fn the_content_type_does_not_matter() {
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "", "multipart"]
    {
        for mode in MODES {
            let request =
                HookRequest::post("/").with_header("Content-Type", kind).with_body(fixture("push").to_string());
            assert_eq!(said(&hook(mode, json!({})).translate(&request)), "main@bbbb main@cccc", "{kind}");
        }
    }
}

#[test]
fn refuses_arguments_that_are_not_utf_8() {
    let request = || request("push", &fixture("push"));
    for mode in MODES {
        let outcome = hook(mode, json!({})).translate(&request().with_query("codebase=%ff"));
        assert_eq!(said(&outcome), "refused: argument `codebase` is not UTF-8");
    }
    let outcome = hook(Off, json!({})).translate(&request().with_query("project=%ff"));
    assert_eq!(said(&outcome), "refused: argument `project` is not UTF-8");
}

#[test]
fn recognises_event_and_delivery() {
    let open = hook(Off, json!({}));
    let push = request("push", &json!({}));
    let recognised = open.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("Push Hook"));
    assert_eq!(recognised.forge_id.as_deref(), Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let request = HookRequest::post("/").with_header("webhook-id", "b").with_header("X-Gitlab-Webhook-UUID", "c");
    assert_eq!(open.recognise(&request).forge_id.as_deref(), Some("b"));
    let request = request.with_header("idempotency-key", "a");
    assert_eq!(open.recognise(&request).forge_id.as_deref(), Some("a"));
    // Of the two, only `webhook-id` is signed.
    let signed = hook(Off, json!({"secret": signing_token(KEY)}));
    assert_eq!(signed.recognise(&request).forge_id.as_deref(), Some("b"));
    let nothing = HookRequest::post("/").with_header("X-Gitlab-Webhook-UUID", "c").with_header("webhook-id", "");
    let nothing = nothing.with_header("X-Gitlab-Event-UUID", "d");
    assert_eq!(open.recognise(&nothing), Recognised::default());
    let secret = ["X-Gitlab-Token", "webhook-signature"];
    assert!(open.headers().iter().all(|name| !secret.contains(name)));
}

#[test]
fn reasons_are_one_line_of_bearable_length() {
    let branch = format!("refs/heads/{}\u{7}", "x".repeat(10_000));
    let payload = edited(fixture("push"), json!({"ref": branch, "deleted": true}));
    let reason = said(&hook(Off, json!({})).translate(&request("push", &payload)));
    assert!(reason.len() < 400 && !reason.contains('\u{7}'));
}
