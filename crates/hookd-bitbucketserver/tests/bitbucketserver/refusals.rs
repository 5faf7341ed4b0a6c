//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, cases, json};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_push() {
    let (new, plugin) = ("repo:refs_changed", "plugin repo:push");
    cases! { FORGE;
        off      new {"changes": "-"} => "refused: `changes` is missing";
        off      new {"changes": [5]} => "refused: `changes[0]` is a number, expected an object";
        off      new {"repository": "-"} => "refused: `repository` is missing";
        off      new {"repository": {"links": "-", "slug": "-"}} => "refused: `repository.slug` is missing";
        off      new {"repository": {"links": "-", "project": null}} => "refused: `repository.project` is null, expected an object";
        off      new {"commits": {"0": {"id": "-"}}} => "refused: `commits[0].id` is missing";
        off      new {"toCommit": {"id": "-"}} => "refused: `toCommit.id` is missing";
        both     plugin {"repository": "-"} => "refused: `repository` is missing";
        both     plugin {"repository": {"links": {"self": "-"}}} => "refused: `repository.links.self` is missing";
        both     plugin {"repository": {"links": {"self": []}}} => "refused: `repository.links.self[0]` is missing";
        both     plugin {"repository": {"links": {"self": [{"href": null}]}}} => "refused: `repository.links.self[0].href` is null, expected a text";
        buildbot plugin {"repository": {"project": "-"}} => "refused: `repository.project` is missing";
        buildbot plugin {"repository": {"project": {"name": null}}} => "refused: `repository.project.name` is null, expected a text";
        buildbot plugin {"repository": {"scmId": "-"}} => "refused: `repository.scmId` is missing";
        buildbot plugin {"actor": {"username": "-"}} => "refused: `actor.username` is missing";
        buildbot plugin {"push": "-"} => "refused: `push` is missing";
        off      plugin {"push": "-"} => "refused: `changes` is missing";
        both     plugin {"push": null} => "refused: `push` is null, expected an object";
        both     plugin {"push": {"changes": [5]}} => "refused: `push.changes[0]` is a number, expected an object";
        off  new {"changes.0.toHash": "-"} => "refused: `changes[0].toHash` is missing";
        off  new {"changes.0": {"ref": null, "refId": "-"}} => "refused: `changes[0].refId` is missing";
        off  new {"changes.0": {"type": "DELETE", "fromHash": "-"}} => "refused: `changes[0].fromHash` is missing";
        both plugin {"push.changes.0.new": "-"} => "refused: `push.changes[0].new` is missing";
        both plugin {"push.changes.0": {"new": null, "old": null}} => "refused: `push.changes[0].old` is null, expected an object";
        both plugin {"push.changes.0.new": {"target": {"hash": "-"}}} => "refused: `push.changes[0].new.target.hash` is missing";
        both plugin {"push.changes.0.new": {"type": "-"}} => "refused: `push.changes[0].new.type` is missing";
        off  plugin {"push.changes.0.new": {"name": null}} => "refused: `push.changes[0].new.name` is null, expected a text";
    }
}

#[test]
fn names_what_is_wrong_with_a_pull_request() {
    let integer = "expected an integer";
    cases! { FORGE;
        off  "pr:opened" {"pullRequest": "-"} => "refused: `pullRequest` is missing";
        off  "pr:opened" {"pullRequest": null} => "refused: `pullRequest` is null, expected an object";
        off  "pr:opened" {"pullRequest.id": "7"} => format!("refused: `pullRequest.id` is a text, {integer} that is not negative");
        off  "pr:opened" {"pullRequest.fromRef": "-"} => "refused: `pullRequest.fromRef` is missing";
        off  "pr:opened" {"pullRequest.fromRef": {"latestCommit": null}} => "refused: `pullRequest.fromRef.latestCommit` is null, expected a text";
        off  "pr:opened" {"pullRequest.fromRef": {"id": "-"}} => "refused: `pullRequest.fromRef.id` is missing";
        off  "old pr:opened" {"pullRequest.fromRef": {"repository": {"project": "-"}}} => "refused: `pullRequest.fromRef.repository.project` is missing";
        off  "pr:opened" {"pullRequest.toRef": {"repository": "-"}} => "refused: `pullRequest.toRef.repository` is missing";
        off  "pr:merged" {"pullRequest.toRef": {"id": null}} => "refused: `pullRequest.toRef.id` is null, expected a text";
        both "pullrequest:created" {"pullrequest": "-"} => "refused: `pullrequest` is missing";
        buildbot "pullrequest:created" {"pullrequest.link": "-"} => "refused: `pullrequest.link` is missing";
        both "pullrequest:created" {"pullrequest.id": "x"} => format!("refused: `pullrequest.id` is a text, {integer}");
        both "pullrequest:created" {"pullrequest.id": []} => format!("refused: `pullrequest.id` is a list, {integer}");
        both "pullrequest:fulfilled" {"pullrequest.toRef": "-"} => "refused: `pullrequest.toRef` is missing";
        off  "pullrequest:rejected" {"pullrequest.fromRef": {"branch": {"name": null}}} => "refused: `pullrequest.fromRef.branch.name` is null, expected a text";
    }
}

#[test]
fn takes_nothing_but_json() {
    let body = FORGE.payload("plugin repo:push", json!({})).to_string();
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
        assert_eq!(found(&nameless("{}")), "refused: Header X-Event-Key is not present");
        assert!(found(&nameless("{")).starts_with("refused: broken JSON: "));
        assert!(found(&named("")).starts_with("refused: broken JSON: "));
        assert_eq!(found(&named("[]")), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = FORGE.hook(Off, json!({}));
    let push = FORGE.request("repo:refs_changed", json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("repo:refs_changed"));
    assert_eq!(recognised.forge_id.as_deref(), Some("2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d"));
    let bare = HookRequest::post("/").with_header("x-request-id", "");
    assert_eq!(hook.recognise(&bare), Recognised::default());
    assert_eq!(hook.headers(), ["X-Event-Key", "X-Request-Id", "Content-Type"]);
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
        "repo:refs_changed",
        json!({}),
        &[
            "changes",
            "changes[]",
            "changes[].fromHash",
            "changes[].ref.id",
            "changes[].toHash",
            "commits",
            "commits[]",
            "commits[].id",
            "repository",
            "toCommit",
            "toCommit.id",
        ],
    );
    FORGE.assert_refusing_fields(
        "old repo:refs_changed",
        json!({}),
        &[
            "changes",
            "changes[]",
            "changes[].fromHash",
            "changes[].ref.id",
            "changes[].toHash",
            "repository",
            "repository.project",
            "repository.project.key",
            "repository.slug",
        ],
    );
    FORGE.assert_refusing_fields(
        "pr:opened",
        json!({}),
        &[
            "pullRequest",
            "pullRequest.fromRef",
            "pullRequest.fromRef.id",
            "pullRequest.fromRef.latestCommit",
            "pullRequest.fromRef.repository",
            "pullRequest.id",
            "pullRequest.toRef",
            "pullRequest.toRef.repository",
        ],
    );
    FORGE.assert_refusing_fields(
        "pr:merged",
        json!({}),
        &[
            "pullRequest",
            "pullRequest.fromRef",
            "pullRequest.fromRef.latestCommit",
            "pullRequest.id",
            "pullRequest.toRef",
            "pullRequest.toRef.id",
            "pullRequest.toRef.repository",
        ],
    );
    FORGE.assert_refusing_fields(
        "plugin repo:push",
        json!({}),
        &[
            "push",
            "push.changes",
            "push.changes[]",
            "push.changes[].new",
            "push.changes[].new.name",
            "push.changes[].new.target",
            "push.changes[].new.target.hash",
            "push.changes[].new.type",
            "repository",
            "repository.links",
            "repository.links.self",
            "repository.links.self[]",
            "repository.links.self[].href",
        ],
    );
    FORGE.assert_refusing_fields(
        "pullrequest:created",
        json!({}),
        &[
            "pullrequest",
            "pullrequest.fromRef",
            "pullrequest.fromRef.commit",
            "pullrequest.fromRef.commit.hash",
            "pullrequest.id",
            "repository",
            "repository.links",
            "repository.links.self",
            "repository.links.self[]",
            "repository.links.self[].href",
        ],
    );
}
