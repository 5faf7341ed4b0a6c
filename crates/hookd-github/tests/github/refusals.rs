//! What is refused, and with which words.

use hookd_core::Compat::{Buildbot, Off};
use hookd_core::{HookRequest, Recognised};
use hookd_testkit::{BOTH, cases, json};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_payload() {
    cases! { FORGE;
        both     "push" {"ref": "-"} => "refused: `ref` is missing";
        both     "push" {"ref": null} => "refused: `ref` is null, expected a text";
        both     "push" {"repository": null} => "refused: `repository` is null, expected an object";
        both     "push" {"repository": {"html_url": null}} => "refused: `repository.html_url` is null, expected a text";
        both     "push" {"repository": {"full_name": "-"}} => "refused: `repository.full_name` is missing";
        buildbot "push" {"head_commit": "-"} => "refused: `head_commit` is missing";
        both     "push" {"head_commit": 5} => "refused: `head_commit` is a number, expected an object";
        buildbot "push" {"commits": null} => "refused: `commits` is null, expected a list";
        both     "push" {"commits": [5]} => "refused: `commits[0]` is a number, expected an object";
        off      "push" {"head_commit": null, "commits": [], "after": "-"} => "refused: `after` is missing";
        both     "push" {"created": true, "commits": [], "head_commit": {"id": "-"}} => "refused: `head_commit.id` is missing";
        both     "push" {"created": true, "commits": [], "head_commit": {"id": 5}} => "refused: `head_commit.id` is a number, expected a text";
        buildbot "push" {"created": true, "head_commit": {"author": {"name": "-"}}} => "refused: `head_commit.author.name` is missing";
        buildbot "push" {"created": true, "head_commit": {"committer": null}} => "refused: `head_commit.committer` is null, expected an object";
        buildbot "push" {"created": true, "commits": [], "head_commit": {"timestamp": null}} => "refused: `head_commit.timestamp` is null, expected a text";
        buildbot "push" {"created": true, "commits": [], "head_commit": {"added": null}} => "refused: `head_commit.added` is null, expected a list of texts";
        both     "pull_request" {"pull_request": "-"} => "refused: `pull_request` is missing";
        both     "pull_request" {"number": "-"} => "refused: `number` is missing";
        off      "pull_request" {"number": -7} => "refused: `number` is a number, expected an integer that is not negative";
        off      "pull_request" {"number": "7"} => "refused: `number` is a text, expected an integer that is not negative";
        buildbot "pull_request" {"pull_request": {"commits": "-"}} => "refused: `pull_request.commits` is missing";
        buildbot "pull_request" {"pull_request": {"title": "-"}} => "refused: `pull_request.title` is missing";
        buildbot "pull_request" {"pull_request": {"body": "-"}} => "refused: `pull_request.body` is missing";
        buildbot "pull_request" {"pull_request": {"base": {"repo": null}}} => "refused: `pull_request.base.repo` is null, expected an object";
        buildbot "pull_request" {"pull_request": {"created_at": null}} => "refused: `pull_request.created_at` is null, expected a text";
        buildbot "pull_request" {"pull_request": {"_links": {}}} => "refused: `pull_request._links.html` is missing";
        buildbot "pull_request" {"sender": "-"} => "refused: `sender` is missing";
    }
    cases! { FORGE, {"merge_queue": "merge_group"};
        off "merge_group" {"merge_group": "-"} => "refused: `merge_group` is missing";
        off "merge_group" {"merge_group": {"head_sha": null}} => "refused: `merge_group.head_sha` is null, expected a text";
    }
}

#[test]
fn what_describes_is_left_out_and_noted() {
    let wrong = json!({
        "commits.0": {"timestamp": "soon", "author": "Ada", "committer": {"name": 5}, "message": [], "url": 5, "added": [5]},
        "pusher": 5, "head_commit.message": {},
    });
    let request = FORGE.request("push", wrong);
    assert_eq!(FORGE.hook(Off, json!({})).run(&request).summary(), "main@bbbb, main@cccc");
    let noted = request.left_out().unwrap_or_default();
    assert!(noted.starts_with("left out: `head_commit.message` is an object, expected a text; "), "{noted}");
    let wrong = json!({"pull_request": {
        "title": 5, "body": [], "commits": "two", "created_at": "soon", "_links": null, "html_url": {}, "user": null,
    }, "sender": "ada"});
    let request = FORGE.request("pull_request", wrong);
    let change = FORGE.hook(Off, json!({})).change(&request);
    assert_eq!((&*change.comments, &*change.author), ("GitHub Pull Request #7\n\n", ""));
    assert_eq!(change.revlink.as_deref(), Some("https://github.com/octo/tea/pull/7"));
    assert!(request.left_out().is_some());
    // Buildbot reads more dates, and nothing else that is wrong.
    let request = FORGE.request("push", json!({"commits.0.timestamp": "May 1st, 2024"}));
    assert_eq!(FORGE.hook(Buildbot, json!({})).run(&request).summary(), "main@bbbb, main@cccc");
    let noted = "left out: `commits[0].timestamp`: `May 1st, 2024` is not a date of ISO 8601, RFC 3339 or RFC 2822";
    assert_eq!(request.left_out().as_deref(), Some(noted));
}

fn typed(content_type: &str, body: &str) -> HookRequest {
    HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", "push")
        .with_header("Content-Type", content_type)
        .with_body(body.to_owned())
}

fn tag() -> String {
    FORGE.payload("tag", json!({})).to_string()
}

fn form(json: &str) -> String {
    let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("a=b&payload={escaped}")
}

#[test]
fn takes_the_content_types_of_github() {
    let (json, form) = (tag(), form(&tag()));
    for (content_type, body, is_taken, is_taken_by_buildbot) in [
        ("application/json", &json, true, true),
        ("application/json; charset=utf-8", &json, true, false),
        ("Application/JSON", &json, true, false),
        ("application/x-www-form-urlencoded", &form, true, true),
        ("Application/X-WWW-Form-Urlencoded;charset=UTF-8", &form, true, false),
        ("text/plain", &json, false, false),
        ("", &json, false, false),
    ] {
        for (mode, is_taken) in [(Off, is_taken), (Buildbot, is_taken_by_buildbot)] {
            let refused = format!("refused: Unknown content type: {content_type}");
            let found = FORGE.hook(mode, json!({})).run(&typed(content_type, body)).summary();
            assert_eq!(found, if is_taken { "tag v1@cccc" } else { &refused }, "{content_type}, {mode:?}");
        }
    }
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let without = HookRequest::post("/").with_header("X-GitHub-Event", "push").with_body(json.clone());
        assert_eq!(hook.run(&without).summary(), "refused: Unknown content type: none");
        let empty = typed("application/x-www-form-urlencoded", "a=b");
        assert_eq!(hook.run(&empty).summary(), "refused: argument `payload` is missing in the form");
    }
}

#[test]
fn a_form_is_not_taken_from_the_query() {
    let request = typed("application/x-www-form-urlencoded", "").with_query(form(&tag()));
    let refused = "refused: argument `payload` is missing in the form";
    for (mode, options, expected) in [
        (Off, json!({}), refused),
        (Off, json!({"secret": "s"}), refused),
        (Off, json!({"secret": "s", "strict": true}), refused),
        (Buildbot, json!({"secret": "s"}), refused),
        (Buildbot, json!({"secret": "s", "strict": true}), refused),
        // Nothing is verified here, and so it is as in Buildbot.
        (Buildbot, json!({}), "tag v1@cccc"),
    ] {
        assert_eq!(FORGE.hook(mode, options.clone()).run(&request).summary(), expected, "{mode:?}, {options}");
    }
}

#[test]
fn refuses_what_is_no_event() {
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let found = |request: &HookRequest| hook.run(request).summary();
        let nameless = |body| HookRequest::post("/").with_header("Content-Type", "application/json").with_body(body);
        assert_eq!(found(&nameless("{}")), "refused: header `X-GitHub-Event` is missing");
        assert!(found(&nameless("{")).starts_with("refused: broken JSON: "));
        assert!(found(&typed("application/json", "")).starts_with("refused: broken JSON: "));
        assert_eq!(found(&typed("application/json", "[]")), "refused: the payload is a list, expected an object");
    }
}

#[test]
fn recognises_event_and_delivery() {
    let hook = FORGE.hook(Off, json!({}));
    let push = FORGE.request("push", json!({}));
    let recognised = hook.recognise(&push);
    assert_eq!(recognised.event.as_deref(), Some("push"));
    assert_eq!(recognised.forge_id.as_deref(), Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    let bare = HookRequest::post("/").with_header("x-github-delivery", "");
    assert_eq!(hook.recognise(&bare), Recognised::default());
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
    FORGE.assert_refusing_fields(
        "push",
        json!({}),
        &[
            "after",
            "commits",
            "commits[]",
            "commits[].id",
            "head_commit",
            "head_commit.id",
            "ref",
            "repository",
            "repository.full_name",
            "repository.html_url",
        ],
    );
    FORGE.assert_refusing_fields(
        "tag",
        json!({}),
        &[
            "after",
            "commits",
            "head_commit",
            "head_commit.id",
            "ref",
            "repository",
            "repository.full_name",
            "repository.html_url",
        ],
    );
    FORGE.assert_refusing_fields(
        "pull_request",
        json!({}),
        &[
            "number",
            "pull_request",
            "pull_request.base",
            "pull_request.base.ref",
            "pull_request.head",
            "pull_request.head.sha",
            "repository",
            "repository.full_name",
            "repository.html_url",
        ],
    );
    FORGE.assert_refusing_fields(
        "merge_group",
        json!({"merge_queue": "merge_group"}),
        &[
            "merge_group",
            "merge_group.base_ref",
            "merge_group.head_ref",
            "merge_group.head_sha",
            "repository",
            "repository.full_name",
            "repository.html_url",
        ],
    );
}
