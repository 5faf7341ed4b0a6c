//! What is refused, and with which words.

use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::HookRequest;
use serde_json::json;

use crate::kit::{MODES, edited, fixture, hook, pull, push, request, run, said};

const BOTH: &[Compat] = &MODES;

#[test]
fn names_what_is_wrong_with_a_push() {
    let (new, plugin) = ("repo:refs_changed", "plugin repo:push");
    for (modes, event, patch, expected) in [
        (&[Off][..], new, json!({"changes": "-"}), "`changes` is missing"),
        (&[Off], new, json!({"changes": null}), "`changes` is null, expected a list"),
        (&[Off], new, json!({"changes": [5]}), "`changes[0]` is a number, expected an object"),
        (&[Off], new, json!({"repository": "-"}), "`repository` is missing"),
        (&[Off], new, json!({"repository": {"links": "-", "slug": "-"}}), "`repository.slug` is missing"),
        (
            &[Off],
            new,
            json!({"repository": {"links": "-", "project": null}}),
            "`repository.project` is null, expected an object",
        ),
        (
            &[Off],
            new,
            json!({"repository": {"links": {"self": 5}}}),
            "`repository.links.self` is a number, expected a list",
        ),
        (&[Off], new, json!({"date": "soon"}), "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822"),
        (&[Off], new, json!({"date": true}), "`date` is a boolean, expected a date"),
        (&[Off], new, json!({"date": 1e300}), "`date` is a number, expected a date"),
        (&[Off], new, json!({"date": 9_000_000_000_000_000_i64}), "`date` is a number, expected a date"),
        (&[Off], new, json!({"commits": {"0": {"id": "-"}}}), "`commits[0].id` is missing"),
        (&[Off], new, json!({"commits": {"0": {"message": 5}}}), "`commits[0].message` is a number, expected a text"),
        (&[Off], new, json!({"toCommit": {"id": "-"}}), "`toCommit.id` is missing"),
        (&[Off], new, json!({"actor": {"displayName": 5}}), "`actor.displayName` is a number, expected a text"),
        (BOTH, plugin, json!({"repository": "-"}), "`repository` is missing"),
        (BOTH, plugin, json!({"repository": {"links": {"self": "-"}}}), "`repository.links.self` is missing"),
        (BOTH, plugin, json!({"repository": {"links": {"self": []}}}), "`repository.links.self[0]` is missing"),
        (
            BOTH,
            plugin,
            json!({"repository": {"links": {"self": [{"href": null}]}}}),
            "`repository.links.self[0].href` is null, expected a text",
        ),
        (&[Buildbot], plugin, json!({"repository": {"project": "-"}}), "`repository.project` is missing"),
        (
            &[Buildbot],
            plugin,
            json!({"repository": {"project": {"name": null}}}),
            "`repository.project.name` is null, expected a text",
        ),
        (&[Buildbot], plugin, json!({"repository": {"scmId": "-"}}), "`repository.scmId` is missing"),
        (&[Buildbot], plugin, json!({"actor": {"username": "-"}}), "`actor.username` is missing"),
        (&[Buildbot], plugin, json!({"push": "-"}), "`push` is missing"),
        (&[Off], plugin, json!({"push": "-"}), "`changes` is missing"),
        (BOTH, plugin, json!({"push": null}), "`push` is null, expected an object"),
        (BOTH, plugin, json!({"push": {"changes": [5]}}), "`push.changes[0]` is a number, expected an object"),
    ] {
        for mode in modes {
            let payload = edited(fixture(event), patch.clone());
            let outcome = run(&*hook(*mode, json!({})), &request(event, &payload));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {patch}, {mode:?}");
        }
    }
    for (modes, event, update, expected) in [
        (&[Off][..], new, json!({"toHash": "-"}), "`changes[0].toHash` is missing"),
        (&[Off], new, json!({"ref": null, "refId": "-"}), "`changes[0].refId` is missing"),
        (&[Off], new, json!({"type": "DELETE", "fromHash": "-"}), "`changes[0].fromHash` is missing"),
        (&[Off], new, json!({"type": 5}), "`changes[0].type` is a number, expected a text"),
        (BOTH, plugin, json!({"new": "-"}), "`push.changes[0].new` is missing"),
        (BOTH, plugin, json!({"new": null, "old": null}), "`push.changes[0].old` is null, expected an object"),
        (BOTH, plugin, json!({"new": {"target": {"hash": "-"}}}), "`push.changes[0].new.target.hash` is missing"),
        (BOTH, plugin, json!({"new": {"type": "-"}}), "`push.changes[0].new.type` is missing"),
        (&[Off], plugin, json!({"new": {"name": null}}), "`push.changes[0].new.name` is null, expected a text"),
    ] {
        for mode in modes {
            let outcome = run(&*hook(*mode, json!({})), &request(event, &push(event, update.clone())));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {update}, {mode:?}");
        }
    }
}

#[test]
fn names_what_is_wrong_with_a_pull_request() {
    let integer = "expected an integer";
    for (modes, event, patch, expected) in [
        (&[Off][..], "pr:opened", json!("-"), "`pullRequest` is missing".to_owned()),
        (&[Off], "pr:opened", json!(null), "`pullRequest` is null, expected an object".to_owned()),
        (
            &[Off],
            "pr:opened",
            json!({"id": "7"}),
            format!("`pullRequest.id` is a text, {integer} that is not negative"),
        ),
        (&[Off], "pr:opened", json!({"fromRef": "-"}), "`pullRequest.fromRef` is missing".to_owned()),
        (
            &[Off],
            "pr:opened",
            json!({"fromRef": {"latestCommit": null}}),
            "`pullRequest.fromRef.latestCommit` is null, expected a text".to_owned(),
        ),
        (&[Off], "pr:opened", json!({"fromRef": {"id": "-"}}), "`pullRequest.fromRef.id` is missing".to_owned()),
        (
            &[Off],
            "old pr:opened",
            json!({"fromRef": {"repository": {"project": "-"}}}),
            "`pullRequest.fromRef.repository.project` is missing".to_owned(),
        ),
        (
            &[Off],
            "pr:opened",
            json!({"toRef": {"repository": "-"}}),
            "`pullRequest.toRef.repository` is missing".to_owned(),
        ),
        (
            &[Off],
            "pr:merged",
            json!({"toRef": {"id": null}}),
            "`pullRequest.toRef.id` is null, expected a text".to_owned(),
        ),
        (
            &[Off],
            "pr:opened",
            json!({"updatedDate": [5]}),
            "`pullRequest.updatedDate` is a list, expected a date".to_owned(),
        ),
        (BOTH, "pullrequest:created", json!("-"), "`pullrequest` is missing".to_owned()),
        (BOTH, "pullrequest:created", json!({"link": "-"}), "`pullrequest.link` is missing".to_owned()),
        (BOTH, "pullrequest:created", json!({"id": "x"}), format!("`pullrequest.id` is a text, {integer}")),
        (BOTH, "pullrequest:created", json!({"id": []}), format!("`pullrequest.id` is a list, {integer}")),
        (BOTH, "pullrequest:fulfilled", json!({"toRef": "-"}), "`pullrequest.toRef` is missing".to_owned()),
        (
            &[Off],
            "pullrequest:rejected",
            json!({"fromRef": {"branch": {"name": null}}}),
            "`pullrequest.fromRef.branch.name` is null, expected a text".to_owned(),
        ),
    ] {
        for mode in modes {
            let outcome = run(&*hook(*mode, json!({})), &request(event, &pull(event, patch.clone())));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {patch}, {mode:?}");
        }
    }
}

#[test]
fn takes_nothing_but_json() {
    let body = fixture("plugin repo:push").to_string();
    for (content_type, taken_by) in [
        ("application/json", BOTH),
        ("application/json; charset=utf-8", BOTH),
        ("application/jsonx", BOTH),
        ("Application/JSON", &[Off]),
        ("text/json", &[]),
        ("application/x-www-form-urlencoded", &[]),
        ("", &[]),
    ] {
        for mode in MODES {
            let request = HookRequest::post("/").with_header("X-Event-Key", "repo:push").with_body(body.clone());
            let request = request.with_header("Content-Type", content_type);
            let said = said(&run(&*hook(mode, json!({})), &request));
            let is_taken = taken_by.contains(&mode);
            let refused = format!("refused: Unknown content type: {content_type}");
            assert!(if is_taken { said.starts_with("push ") } else { said == refused }, "{content_type}: {said}");
        }
    }
    for mode in MODES {
        let request = HookRequest::post("/").with_header("X-Event-Key", "repo:push").with_body(body.clone());
        assert_eq!(said(&run(&*hook(mode, json!({})), &request)), "refused: Unknown content type: none");
    }
}

#[test]
fn refuses_what_is_no_event() {
    for mode in MODES {
        let hook = hook(mode, json!({}));
        let request = |body: &str| {
            HookRequest::post("/").with_header("Content-Type", "application/json").with_body(body.to_owned())
        };
        assert_eq!(said(&run(&*hook, &request("{}"))), "refused: Header X-Event-Key is not present");
        assert!(said(&run(&*hook, &request("{"))).starts_with("refused: broken JSON: "));
        let named = |body| request(body).with_header("X-Event-Key", "repo:push");
        assert!(said(&run(&*hook, &named(""))).starts_with("refused: broken JSON: "));
        assert_eq!(said(&run(&*hook, &named("[]"))), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = hook(Off, json!({}));
    let push = request("repo:refs_changed", &json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("repo:refs_changed"));
    assert_eq!(recognised.forge_id.as_deref(), Some("2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d"));
    let bare = HookRequest::post("/").with_header("x-request-id", "");
    assert_eq!(hook.recognise(&bare), hookd_core::Recognised::default());
    assert_eq!(hook.headers(), ["X-Event-Key", "X-Request-Id", "Content-Type"]);
}

#[test]
fn reasons_are_one_line_of_bearable_length() {
    let event = format!("x{}\u{7}", "x".repeat(10_000));
    let reason = said(&run(&*hook(Off, json!({})), &request(&event, &json!({}))));
    assert!(reason.len() < 400 && !reason.contains('\u{7}'));
}
