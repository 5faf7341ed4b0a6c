//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, cases, json, sign};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_payload() {
    cases! { FORGE;
        both     "push" {"ref": "-"} => "refused: `ref` is missing";
        both     "push" {"ref": null} => "refused: `ref` is null, expected a text";
        buildbot "push" {"user_name": "-"} => "refused: `user_name` is missing";
        buildbot "push" {"repository": null} => "refused: `repository` is null, expected an object";
        buildbot "push" {"repository": {"url": "-"}} => "refused: `repository.url` is missing";
        buildbot "push" {"repository": {"name": null}} => "refused: `repository.name` is null, expected a text";
        off      "push" {"repository": "-", "project": "-"} => "refused: `project` is missing";
        off      "push" {"repository": {"name": 5}, "project": {"name": 5}} => "refused: `project.name` is a number, expected a text";
        buildbot "push" {"commits": "-"} => "refused: `commits` is missing";
        both     "push" {"commits": {"a": 1}} => "refused: `commits` is an object, expected a list";
        both     "push" {"commits": [5]} => "refused: `commits[0]` is a number, expected an object";
        both     "push" {"commits": [{}]} => "refused: `commits[0].id` is missing";
        buildbot "push" {"commits": [{"id": "x"}]} => "refused: `commits[0].url` is missing";
        off      "push" {"commits": {}} => "refused: `commits` is an object, expected a list";
        off      "tag_push" {"checkout_sha": "-", "after": "-"} => "refused: `after` is missing";
        off      "tag_push" {"checkout_sha": 5} => "refused: `checkout_sha` is a number, expected a text";
        both     "merge_request" {"object_attributes": "-"} => "refused: `object_attributes` is missing";
        both     "merge_request" {"object_attributes": {"iid": "-"}} => "refused: `object_attributes.iid` is missing";
        off      "merge_request" {"object_attributes": {"iid": "7"}} => "refused: `object_attributes.iid` is a text, expected a number";
        buildbot "merge_request" {"object_attributes": {"state": "-"}} => "refused: `object_attributes.state` is missing";
        buildbot "merge_request" {"object_attributes": {"state": null}} => "refused: `object_attributes.state` is null, expected a text";
        both     "merge_request" {"object_attributes": {"last_commit": "-"}} => "refused: `object_attributes.last_commit` is missing";
        both     "merge_request" {"object_attributes": {"last_commit": 5}} => "refused: `object_attributes.last_commit` is a number, expected an object";
        off      "merge_request" {"object_attributes": {"last_commit": {"id": null}}} => "refused: `object_attributes.last_commit.id` is null, expected a text";
        buildbot "merge_request" {"object_attributes": {"last_commit": {"timestamp": "-"}}} => "refused: `object_attributes.last_commit.timestamp` is missing";
        buildbot "merge_request" {"object_attributes": {"last_commit": {"author": "-"}}} => "refused: `object_attributes.last_commit.author` is missing";
        buildbot "merge_request" {"object_attributes": {"source": null}} => "refused: `object_attributes.source` is null, expected an object";
        buildbot "merge_request" {"object_attributes": {"target_project_id": "-"}} => "refused: `object_attributes.target_project_id` is missing";
        buildbot "merge_request" {"object_attributes": {"url": "-"}} => "refused: `object_attributes.url` is missing";
        off      "merge_request" {"object_attributes": {"target_branch": null}} => "refused: `object_attributes.target_branch` is null, expected a text";
        both     "merge_request" {"project": "-", "object_attributes": {"target": "-"}} => "refused: `object_attributes.target` is missing";
        both     "note" {"object_attributes": "-"} => "refused: `object_attributes` is missing";
        buildbot "note" {"object_attributes": {"note": "-"}} => "refused: `object_attributes.note` is missing";
        both     "note" {"merge_request": 5} => "refused: `merge_request` is a number, expected an object";
        buildbot "note" {"merge_request": {"url": "-"}} => "refused: `merge_request.url` is missing";
    }
}

#[test]
fn refuses_what_is_not_json() {
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        for body in [&b""[..], b"{", b"{} x", b"\xef\xbb\xbf{}", b"{\"a\": NaN}", b"\xff"] {
            let found = hook.run(&HookRequest::post("/").with_body(body)).summary();
            assert!(found.starts_with("refused: Error loading JSON: ") && !found.contains("broken JSON"), "{found}");
        }
        for (body, kind) in [("[]", "a list"), ("null", "null"), ("5", "a number"), ("\"x\"", "a text")] {
            let found = hook.run(&HookRequest::post("/").with_body(body)).summary();
            assert_eq!(found, format!("refused: the payload is {kind}, expected an object"));
        }
    }
}

#[test]
fn the_content_type_does_not_matter() {
    let body = FORGE.payload("push", json!({})).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "", "multipart"]
    {
        for mode in BOTH {
            let request = HookRequest::post("/").with_header("Content-Type", kind).with_body(body.clone());
            let found = FORGE.hook(mode, json!({})).run(&request).summary();
            assert_eq!(found, "push main@bbbb, push main@cccc", "{kind}");
        }
    }
}

#[test]
fn refuses_arguments_that_are_not_utf_8() {
    for (mode, argument) in [(Off, "codebase"), (Buildbot, "codebase"), (Off, "project")] {
        let request = FORGE.request("push", json!({})).with_query(format!("{argument}=%ff"));
        let found = FORGE.hook(mode, json!({})).run(&request).summary();
        assert_eq!(found, format!("refused: argument `{argument}` is not UTF-8"));
    }
}

#[test]
fn recognises_event_and_delivery() {
    let open = FORGE.hook(Off, json!({}));
    let push = FORGE.request("push", json!({}));
    let recognised = open.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("Push Hook"));
    assert_eq!(recognised.forge_id.as_deref(), Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let request = HookRequest::post("/").with_header("webhook-id", "b").with_header("X-Gitlab-Webhook-UUID", "c");
    assert_eq!(open.recognise(&request).forge_id.as_deref(), Some("b"));
    let request = request.with_header("idempotency-key", "a");
    assert_eq!(open.recognise(&request).forge_id.as_deref(), Some("a"));
    // Of the two, only `webhook-id` is signed.
    let signed = FORGE.hook(Off, json!({"secret": sign::signing_token("key")}));
    assert_eq!(signed.recognise(&request).forge_id.as_deref(), Some("b"));
    let nothing = HookRequest::post("/").with_header("X-Gitlab-Webhook-UUID", "c").with_header("webhook-id", "");
    let nothing = nothing.with_header("X-Gitlab-Event-UUID", "d");
    assert_eq!(open.recognise(&nothing), Recognised::default());
}

#[test]
fn reasons_are_short_lines() {
    let branch = format!("refs/heads/{}\u{7}", "x".repeat(10_000));
    let request = FORGE.request("push", json!({"ref": branch, "deleted": true}));
    // That the line is short is checked by the testkit.
    assert!(FORGE.hook(Off, json!({})).run(&request).summary().starts_with("ignored: branch `xxx"));
}

#[test]
fn only_what_identifies_refuses() {
    FORGE.assert_refusing_fields("push", json!({}), &["checkout_sha", "commits", "commits[]", "commits[].id", "ref"]);
    FORGE.assert_refusing_fields("tag_push", json!({}), &["checkout_sha", "commits", "ref"]);
    FORGE.assert_refusing_fields(
        "merge_request",
        json!({}),
        &[
            "object_attributes",
            "object_attributes.iid",
            "object_attributes.last_commit",
            "object_attributes.last_commit.id",
            "object_attributes.target_branch",
        ],
    );
    FORGE.assert_refusing_fields(
        "note",
        json!({}),
        &[
            "merge_request",
            "merge_request.iid",
            "merge_request.last_commit",
            "merge_request.last_commit.id",
            "merge_request.target_branch",
            "object_attributes",
        ],
    );
}
