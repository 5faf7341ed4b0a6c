//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, cases, json};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_push() {
    cases! { FORGE;
        both     "repo:push" {"repository": "-"} => "refused: `repository` is missing";
        off      "repo:push" {"repository": null} => "refused: `repository` is null, expected an object";
        off      "repo:push" {"repository": {"links": {}}} => "refused: `repository.links.html` is missing";
        buildbot "repo:push" {"repository": {"links": {"self": {"href": null}}}} => "refused: `repository.links.self.href` is null, expected a text";
        buildbot "repo:push" {"repository": {"links": {"html": "-"}}} => "refused: `repository.links.html` is missing";
        buildbot "repo:push" {"repository": {"project": null}} => "refused: `repository.project` is null, expected an object";
        buildbot "repo:push" {"repository": {"scm": "-"}} => "refused: `repository.scm` is missing";
        buildbot "repo:push" {"actor": {"nickname": "-"}} => "refused: `actor.nickname` is missing";
        both     "repo:push" {"push": "-"} => "refused: `push` is missing";
        buildbot "repo:push" {"push": {"changes": null}} => "refused: `push.changes` is null, expected a list";
        buildbot "repo:push" {"push": {"changes": [5]}} => "refused: `push.changes[0]` is a number, expected an object";
        buildbot "repo:push" {"push.changes.0.new": "-"} => "refused: `push.changes[0].new` is missing";
        both     "repo:push" {"push.changes.0.new": "x"} => "refused: `push.changes[0].new` is a text, expected an object";
        both     "repo:push" {"push.changes.0": {"new": null, "old": null}} => "refused: `push.changes[0].old` is null, expected an object";
        both     "repo:push" {"push.changes.0.new": {"target": {"hash": "-"}}} => "refused: `push.changes[0].new.target.hash` is missing";
        both     "repo:push" {"push.changes.0.new": {"target": {"hash": 5}}} => "refused: `push.changes[0].new.target.hash` is a number, expected a text";
        both     "repo:push" {"push.changes.0.new": {"type": "-"}} => "refused: `push.changes[0].new.type` is missing";
        both     "repo:push" {"push.changes.0.new": {"name": "-"}} => "refused: `push.changes[0].new.name` is missing";
        off      "repo:push" {"push.changes.0.new": {"name": null}} => "refused: `push.changes[0].new.name` is null, expected a text";
        off      "repo:push" {"push.changes.0.commits": [{}]} => "refused: `push.changes[0].commits[0].hash` is missing";
    }
}

#[test]
fn names_what_is_wrong_with_a_pull_request() {
    let integer = "expected an integer";
    cases! { FORGE;
        both     "pullrequest:created" {"pullrequest": "-"} => "refused: `pullrequest` is missing";
        both     "pullrequest:created" {"pullrequest": null} => "refused: `pullrequest` is null, expected an object";
        off      "pullrequest:created" {"pullrequest.id": "-"} => "refused: `pullrequest.id` is missing";
        off      "pullrequest:created" {"pullrequest.id": "7"} => format!("refused: `pullrequest.id` is a text, {integer} that is not negative");
        off      "pullrequest:created" {"pullrequest.source": "-"} => "refused: `pullrequest.source` is missing";
        off      "pullrequest:created" {"pullrequest.source": {"commit": {}}} => "refused: `pullrequest.source.commit.hash` is missing";
        off      "pullrequest:created" {"pullrequest.source": {"repository": {}}} => "refused: `pullrequest.source.repository.links` is missing";
        off      "pullrequest:rejected" {"pullrequest.source": {"branch": null}} => "refused: `pullrequest.source.branch` is null, expected an object";
        off      "pullrequest:fulfilled" {"pullrequest.destination": "-"} => "refused: `pullrequest.destination` is missing";
        buildbot "pullrequest:created" {"pullrequest.source": "-"} => "refused: `pullrequest.link` is missing";
        buildbot "legacy pullrequest:created" {"pullrequest.link": "-"} => "refused: `pullrequest.link` is missing";
        both     "legacy pullrequest:created" {"pullrequest.id": "-"} => "refused: `pullrequest.id` is missing";
        both     "legacy pullrequest:created" {"pullrequest.id": "x"} => format!("refused: `pullrequest.id` is a text, {integer}");
        both     "legacy pullrequest:created" {"pullrequest.id": "1_0"} => format!("refused: `pullrequest.id` is a text, {integer}");
        both     "legacy pullrequest:created" {"pullrequest.id": null} => format!("refused: `pullrequest.id` is null, {integer}");
        both     "legacy pullrequest:fulfilled" {"pullrequest.toRef": "-"} => "refused: `pullrequest.toRef` is missing";
        both     "legacy pullrequest:created" {"pullrequest.fromRef": {"commit": {"hash": "-"}}} => "refused: `pullrequest.fromRef.commit.hash` is missing";
        off      "legacy pullrequest:rejected" {"pullrequest.fromRef": {"branch": {"name": null}}} => "refused: `pullrequest.fromRef.branch.name` is null, expected a text";
    }
}

#[test]
fn takes_nothing_but_json() {
    let body = FORGE.payload("repo:push", json!({})).to_string();
    let push = || HookRequest::post("/").with_header("X-Event-Key", "repo:push").with_body(body.clone());
    for (content_type, is_taken, is_taken_by_buildbot) in [
        ("application/json", true, true),
        ("application/json; charset=utf-8", true, true),
        ("application/jsonx", true, true),
        ("Application/JSON", true, false),
        ("text/json", false, false),
        ("application/x-www-form-urlencoded", false, false),
        ("", false, false),
    ] {
        for (mode, is_taken) in [(Off, is_taken), (Buildbot, is_taken_by_buildbot)] {
            let found = FORGE.hook(mode, json!({})).run(&push().with_header("Content-Type", content_type)).summary();
            let refused = format!("refused: Unknown content type: {content_type}");
            assert!(if is_taken { found.starts_with("push ") } else { found == refused }, "{content_type}: {found}");
        }
    }
    for mode in BOTH {
        let found = FORGE.hook(mode, json!({})).run(&push()).summary();
        assert_eq!(found, "refused: Unknown content type: none");
    }
}

#[test]
fn refuses_what_is_no_event() {
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let found = |request: &HookRequest| hook.run(request).summary();
        let nameless = |body| HookRequest::post("/").with_header("Content-Type", "application/json").with_body(body);
        let named = |body| nameless(body).with_header("X-Event-Key", "repo:push");
        assert_eq!(found(&nameless("{}")), "refused: Header X-Event-Key was not present");
        assert!(found(&nameless("{")).starts_with("refused: broken JSON: "));
        assert!(found(&named("")).starts_with("refused: broken JSON: "));
        assert_eq!(found(&named("[]")), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = FORGE.hook(Off, json!({}));
    let push = FORGE.request("repo:push", json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("repo:push"));
    assert_eq!(recognised.forge_id.as_deref(), Some("2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d"));
    let bare = HookRequest::post("/").with_header("x-request-uuid", "");
    assert_eq!(hook.recognise(&bare), Recognised::default());
    assert_eq!(hook.headers(), ["X-Event-Key", "X-Request-UUID", "X-Hook-UUID", "Content-Type"]);
}

#[test]
fn reasons_are_short_lines() {
    let event = format!("x{}\u{7}", "x".repeat(10_000));
    // That the line is short is checked by the testkit.
    let found = FORGE.hook(Off, json!({})).run(&FORGE.request(&event, json!({}))).summary();
    assert!(found.starts_with("ignored: event `xxx"));
}

#[test]
fn only_what_identifies_refuses() {
    FORGE.assert_refusing_fields(
        "repo:push",
        json!({}),
        &[
            "push",
            "push.changes",
            "push.changes[]",
            "push.changes[].commits",
            "push.changes[].commits[]",
            "push.changes[].commits[].hash",
            "push.changes[].new",
            "push.changes[].new.name",
            "push.changes[].new.target",
            "push.changes[].new.target.hash",
            "push.changes[].new.type",
            "repository",
            "repository.links",
        ],
    );
    FORGE.assert_refusing_fields(
        "pullrequest:created",
        json!({}),
        &[
            "pullrequest",
            "pullrequest.id",
            "pullrequest.source",
            "pullrequest.source.branch",
            "pullrequest.source.branch.name",
            "pullrequest.source.commit",
            "pullrequest.source.commit.hash",
            "pullrequest.source.repository",
            "pullrequest.source.repository.links",
            "pullrequest.source.repository.links.html",
            "pullrequest.source.repository.links.html.href",
            "repository",
            "repository.links",
        ],
    );
    FORGE.assert_refusing_fields(
        "pullrequest:fulfilled",
        json!({}),
        &[
            "pullrequest",
            "pullrequest.destination",
            "pullrequest.destination.branch",
            "pullrequest.destination.branch.name",
            "pullrequest.destination.repository",
            "pullrequest.destination.repository.links",
            "pullrequest.destination.repository.links.html",
            "pullrequest.destination.repository.links.html.href",
            "pullrequest.id",
            "pullrequest.source",
            "pullrequest.source.commit",
            "pullrequest.source.commit.hash",
            "pullrequest.source.repository",
            "repository",
            "repository.links",
        ],
    );
}
