//! What is refused, and with which words.

use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::HookRequest;
use serde_json::json;

use crate::kit::{MODES, edited, fixture, hook, pull, push, request, run, said};

const BOTH: &[Compat] = &MODES;

#[test]
fn names_what_is_wrong_with_a_push() {
    for (modes, patch, expected) in [
        (BOTH, json!({"repository": "-"}), "`repository` is missing"),
        (&[Off], json!({"repository": null}), "`repository` is null, expected an object"),
        (&[Off], json!({"repository": {"links": {}}}), "`repository.links.html` is missing"),
        (
            &[Buildbot],
            json!({"repository": {"links": {"self": {"href": null}}}}),
            "`repository.links.self.href` is null, expected a text",
        ),
        (&[Buildbot], json!({"repository": {"links": {"html": "-"}}}), "`repository.links.html` is missing"),
        (&[Buildbot], json!({"repository": {"project": null}}), "`repository.project` is null, expected an object"),
        (&[Buildbot], json!({"repository": {"scm": "-"}}), "`repository.scm` is missing"),
        (&[Buildbot], json!({"actor": {"nickname": "-"}}), "`actor.nickname` is missing"),
        (&[Off], json!({"actor": {"nickname": 5}}), "`actor.nickname` is a number, expected a text"),
        (BOTH, json!({"push": "-"}), "`push` is missing"),
        (BOTH, json!({"push": {"changes": null}}), "`push.changes` is null, expected a list"),
        (&[Buildbot], json!({"push": {"changes": [5]}}), "`push.changes[0]` is a number, expected an object"),
    ] {
        for mode in modes {
            let payload = edited(fixture("repo:push"), patch.clone());
            let outcome = run(&*hook(*mode, json!({})), &request("repo:push", &payload));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{patch}, {mode:?}");
        }
    }
    for (modes, update, expected) in [
        (&[Buildbot][..], json!({"new": "-"}), "`push.changes[0].new` is missing"),
        (BOTH, json!({"new": "x"}), "`push.changes[0].new` is a text, expected an object"),
        (BOTH, json!({"new": null, "old": null}), "`push.changes[0].old` is null, expected an object"),
        (BOTH, json!({"new": {"target": {"hash": "-"}}}), "`push.changes[0].new.target.hash` is missing"),
        (
            BOTH,
            json!({"new": {"target": {"hash": 5}}}),
            "`push.changes[0].new.target.hash` is a number, expected a text",
        ),
        (BOTH, json!({"new": {"type": "-"}}), "`push.changes[0].new.type` is missing"),
        (BOTH, json!({"new": {"name": "-"}}), "`push.changes[0].new.name` is missing"),
        (&[Off], json!({"new": {"name": null}}), "`push.changes[0].new.name` is null, expected a text"),
        (&[Off], json!({"commits": "x"}), "`push.changes[0].commits` is a text, expected a list"),
        (&[Off], json!({"commits": [{}]}), "`push.changes[0].commits[0].hash` is missing"),
        (
            &[Off],
            json!({"commits": {"0": {"author": {"raw": 5}}}}),
            "`push.changes[0].commits[0].author.raw` is a number, expected a text",
        ),
        (&[Off], json!({"commits": {"0": {"date": "soon"}}}), "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822"),
    ] {
        for mode in modes {
            let outcome = run(&*hook(*mode, json!({})), &request("repo:push", &push(update.clone())));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{update}, {mode:?}");
        }
    }
}

#[test]
fn names_what_is_wrong_with_a_pull_request() {
    let integer = "expected an integer";
    for (modes, event, patch, expected) in [
        (BOTH, "pullrequest:created", json!("-"), "`pullrequest` is missing".to_owned()),
        (BOTH, "pullrequest:created", json!(null), "`pullrequest` is null, expected an object".to_owned()),
        (&[Off], "pullrequest:created", json!({"id": "-"}), "`pullrequest.id` is missing".to_owned()),
        (
            &[Off],
            "pullrequest:created",
            json!({"id": "7"}),
            format!("`pullrequest.id` is a text, {integer} that is not negative"),
        ),
        (&[Off], "pullrequest:created", json!({"source": "-"}), "`pullrequest.source` is missing".to_owned()),
        (
            &[Off],
            "pullrequest:created",
            json!({"source": {"commit": {}}}),
            "`pullrequest.source.commit.hash` is missing".to_owned(),
        ),
        (
            &[Off],
            "pullrequest:created",
            json!({"source": {"repository": {}}}),
            "`pullrequest.source.repository.links` is missing".to_owned(),
        ),
        (
            &[Off],
            "pullrequest:rejected",
            json!({"source": {"branch": null}}),
            "`pullrequest.source.branch` is null, expected an object".to_owned(),
        ),
        (
            &[Off],
            "pullrequest:fulfilled",
            json!({"destination": "-"}),
            "`pullrequest.destination` is missing".to_owned(),
        ),
        (&[Off], "pullrequest:created", json!({"links": "-"}), "`pullrequest.links` is missing".to_owned()),
        (&[Buildbot], "pullrequest:created", json!({"source": "-"}), "`pullrequest.link` is missing".to_owned()),
        (BOTH, "legacy pullrequest:created", json!({"link": "-"}), "`pullrequest.link` is missing".to_owned()),
        (BOTH, "legacy pullrequest:created", json!({"id": "-"}), "`pullrequest.id` is missing".to_owned()),
        (BOTH, "legacy pullrequest:created", json!({"id": "x"}), format!("`pullrequest.id` is a text, {integer}")),
        (BOTH, "legacy pullrequest:created", json!({"id": "1_0"}), format!("`pullrequest.id` is a text, {integer}")),
        (BOTH, "legacy pullrequest:created", json!({"id": null}), format!("`pullrequest.id` is null, {integer}")),
        (BOTH, "legacy pullrequest:fulfilled", json!({"toRef": "-"}), "`pullrequest.toRef` is missing".to_owned()),
        (
            BOTH,
            "legacy pullrequest:created",
            json!({"fromRef": {"commit": {"hash": "-"}}}),
            "`pullrequest.fromRef.commit.hash` is missing".to_owned(),
        ),
        (
            &[Off],
            "legacy pullrequest:rejected",
            json!({"fromRef": {"branch": {"name": null}}}),
            "`pullrequest.fromRef.branch.name` is null, expected a text".to_owned(),
        ),
    ] {
        for mode in modes {
            let payload = pull(event, patch.clone());
            let outcome = run(&*hook(*mode, json!({})), &request(event, &payload));
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {patch}, {mode:?}");
        }
    }
}

#[test]
fn takes_nothing_but_json() {
    let body = fixture("repo:push").to_string();
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
        assert_eq!(said(&run(&*hook, &request("{}"))), "refused: Header X-Event-Key was not present");
        assert!(said(&run(&*hook, &request("{"))).starts_with("refused: broken JSON: "));
        let named = |body| request(body).with_header("X-Event-Key", "repo:push");
        assert!(said(&run(&*hook, &named(""))).starts_with("refused: broken JSON: "));
        assert_eq!(said(&run(&*hook, &named("[]"))), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = hook(Off, json!({}));
    let push = request("repo:push", &json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("repo:push"));
    assert_eq!(recognised.forge_id.as_deref(), Some("2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d"));
    let bare = HookRequest::post("/").with_header("x-request-uuid", "");
    assert_eq!(hook.recognise(&bare), hookd_core::Recognised::default());
    assert_eq!(hook.headers(), ["X-Event-Key", "X-Request-UUID", "X-Hook-UUID", "X-Attempt-Number", "Content-Type"]);
}

#[test]
fn reasons_are_one_line_of_bearable_length() {
    let event = format!("x{}\u{7}", "x".repeat(10_000));
    let reason = said(&run(&*hook(Off, json!({})), &request(&event, &json!({}))));
    assert!(reason.len() < 400 && !reason.contains('\u{7}'));
}
