//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::HookRequest;
use serde_json::json;

use crate::kit::{MODES, SECRET, api, edited, fixture, hook, request, run, said};

#[test]
fn names_what_is_wrong_with_a_payload() {
    for (modes, event, patch, expected) in [
        (&[Off, Buildbot][..], "push", json!({"ref": "-"}), "`ref` is missing"),
        (&[Off, Buildbot], "push", json!({"ref": null}), "`ref` is null, expected a text"),
        (&[Off, Buildbot], "push", json!({"repository": null}), "`repository` is null, expected an object"),
        (
            &[Off, Buildbot],
            "push",
            json!({"repository": {"html_url": null}}),
            "`repository.html_url` is null, expected a text",
        ),
        (&[Off, Buildbot], "push", json!({"repository": {"full_name": "-"}}), "`repository.full_name` is missing"),
        (&[Buildbot], "push", json!({"head_commit": "-"}), "`head_commit` is missing"),
        (&[Off, Buildbot], "push", json!({"head_commit": 5}), "`head_commit` is a number, expected an object"),
        (&[Buildbot], "push", json!({"commits": null}), "`commits` is null, expected a list"),
        (&[Off, Buildbot], "push", json!({"commits": [5]}), "`commits[0]` is a number, expected an object"),
        (&[Off], "push", json!({"head_commit": null, "commits": [], "after": "-"}), "`after` is missing"),
        (
            &[Off, Buildbot],
            "push",
            json!({"created": true, "commits": [], "head_commit": {"id": "-"}}),
            "`head_commit.id` is missing",
        ),
        (
            &[Off, Buildbot],
            "push",
            json!({"created": true, "commits": [], "head_commit": {"id": 5}}),
            "`head_commit.id` is a number, expected a text",
        ),
        (
            &[Buildbot],
            "push",
            json!({"created": true, "head_commit": {"author": {"name": "-"}}}),
            "`head_commit.author.name` is missing",
        ),
        (
            &[Buildbot],
            "push",
            json!({"created": true, "head_commit": {"committer": null}}),
            "`head_commit.committer` is null, expected an object",
        ),
        (
            &[Off, Buildbot],
            "push",
            json!({"created": true, "commits": [], "head_commit": {"timestamp": "soon"}}),
            "`soon` is not a date of ISO 8601, RFC 3339 or RFC 2822",
        ),
        (
            &[Off, Buildbot],
            "push",
            json!({"created": true, "commits": [], "head_commit": {"added": null}}),
            "`head_commit.added` is null, expected a list of texts",
        ),
        (&[Off, Buildbot], "pull_request", json!({"pull_request": "-"}), "`pull_request` is missing"),
        (&[Off, Buildbot], "pull_request", json!({"number": "-"}), "`number` is missing"),
        (
            &[Off],
            "pull_request",
            json!({"number": -7}),
            "`number` is a number, expected an integer that is not negative",
        ),
        (
            &[Off],
            "pull_request",
            json!({"number": "7"}),
            "`number` is a text, expected an integer that is not negative",
        ),
        (
            &[Off],
            "pull_request",
            json!({"pull_request": {"commits": null}}),
            "`pull_request.commits` is null, expected an integer that is not negative",
        ),
        (&[Off, Buildbot], "pull_request", json!({"pull_request": {"title": "-"}}), "`pull_request.title` is missing"),
        (&[Buildbot], "pull_request", json!({"pull_request": {"body": "-"}}), "`pull_request.body` is missing"),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"pull_request": {"base": {"repo": null}}}),
            "`pull_request.base.repo` is null, expected an object",
        ),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"pull_request": {"created_at": null}}),
            "`pull_request.created_at` is null, expected a text",
        ),
        (&[Buildbot], "pull_request", json!({"pull_request": {"_links": {}}}), "`pull_request._links.html` is missing"),
        (
            &[Off],
            "pull_request",
            json!({"pull_request": {"_links": {}, "html_url": "-"}}),
            "`pull_request.html_url` is missing",
        ),
        (&[Buildbot], "pull_request", json!({"sender": "-"}), "`sender` is missing"),
        (&[Off], "merge_group", json!({"merge_group": "-"}), "`merge_group` is missing"),
        (
            &[Off],
            "merge_group",
            json!({"merge_group": {"head_sha": null}}),
            "`merge_group.head_sha` is null, expected a text",
        ),
        (&[Off], "merge_group", json!({"action": 5}), "`action` is a number, expected a text"),
    ] {
        for mode in modes {
            let payload = edited(fixture(event), patch.clone());
            let (outcome, rounds) = run(&*hook(*mode, json!({})), &request(event, &payload), api);
            assert_eq!(said(&outcome), format!("refused: {expected}"), "{event} with {patch}, {mode:?}");
            assert!(rounds.is_empty(), "{event} with {patch} is refused late");
        }
    }
}

fn typed(content_type: &str, body: impl Into<String>) -> HookRequest {
    HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", "push")
        .with_header("Content-Type", content_type)
        .with_body(body.into())
}

fn form(json: &str) -> String {
    let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("a=b&payload={escaped}")
}

#[test]
fn takes_the_content_types_of_github() {
    let json = fixture("tag").to_string();
    let form = form(&json);
    let (found, unknown) = ("v1@cccc", "refused: Unknown content type: ");
    for (content_type, body, ours, buildbots) in [
        ("application/json", &json, found, found.to_owned()),
        ("application/json; charset=utf-8", &json, found, format!("{unknown}application/json; charset=utf-8")),
        ("Application/JSON", &json, found, format!("{unknown}Application/JSON")),
        ("application/x-www-form-urlencoded", &form, found, found.to_owned()),
        (
            "Application/X-WWW-Form-Urlencoded;charset=UTF-8",
            &form,
            found,
            format!("{unknown}Application/X-WWW-Form-Urlencoded;charset=UTF-8"),
        ),
        ("text/plain", &json, "refused: Unknown content type: text/plain", format!("{unknown}text/plain")),
        ("", &json, unknown, unknown.to_owned()),
        (
            "application/x-www-form-urlencoded",
            &"a=b".to_owned(),
            "refused: argument `payload` is missing in the form",
            "refused: argument `payload` is missing in the form".to_owned(),
        ),
    ] {
        let request = typed(content_type, body);
        assert_eq!(said(&hook(Off, json!({})).translate(&request)), ours, "{content_type}");
        assert_eq!(said(&hook(Buildbot, json!({})).translate(&request)), buildbots, "{content_type}, compat");
    }
    for mode in MODES {
        let without = HookRequest::post("/").with_header("X-GitHub-Event", "push").with_body(json.clone());
        assert_eq!(said(&hook(mode, json!({})).translate(&without)), "refused: Unknown content type: none");
    }
}

#[test]
fn a_form_is_not_taken_from_the_query() {
    let query = form(&fixture("tag").to_string());
    let request = typed("application/x-www-form-urlencoded", "").with_query(query);
    let refused = "refused: argument `payload` is missing in the form";
    for (mode, options, expected) in [
        (Off, json!({}), refused),
        (Off, json!({"secret": SECRET}), refused),
        (Off, json!({"secret": SECRET, "strict": true}), refused),
        (Buildbot, json!({"secret": SECRET}), refused),
        (Buildbot, json!({"secret": SECRET, "strict": true}), refused),
        // Nothing is proved here, and so it is as in Buildbot.
        (Buildbot, json!({}), "v1@cccc"),
    ] {
        assert_eq!(said(&hook(mode, options.clone()).translate(&request)), expected, "{mode:?}, {options}");
    }
}

#[test]
fn refuses_what_is_no_event() {
    for mode in MODES {
        let hook = hook(mode, json!({}));
        let request = |body: &str| {
            HookRequest::post("/").with_header("Content-Type", "application/json").with_body(body.to_owned())
        };
        assert_eq!(said(&hook.translate(&request("{}"))), "refused: header `X-GitHub-Event` is missing");
        assert!(said(&hook.translate(&request("{"))).starts_with("refused: broken JSON: "));
        let named = |body| request(body).with_header("X-GitHub-Event", "push");
        assert!(said(&hook.translate(&named(""))).starts_with("refused: broken JSON: "));
        assert_eq!(said(&hook.translate(&named("[]"))), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = hook(Off, json!({}));
    let push = request("push", &json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("push"));
    assert_eq!(recognised.forge_id.as_deref(), Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let bare = HookRequest::post("/").with_header("x-github-delivery", "");
    assert_eq!(hook.recognise(&bare), hookd_core::Recognised::default());
    assert!(hook.headers().iter().all(|name| !name.starts_with("X-Hub")));
}

#[test]
fn reasons_are_one_line_of_bearable_length() {
    let branch = format!("refs/heads/{}\u{7}", "x".repeat(10_000));
    let payload = edited(fixture("push"), json!({"ref": branch, "deleted": true}));
    let reason = said(&hook(Off, json!({})).translate(&request("push", &payload)));
    assert!(reason.len() < 400 && !reason.contains('\u{7}'));
}
