//! What events come to: in one line each, then some of them field by field.

use hookd_core::Compat::{self, Buildbot, Off};
use serde_json::{Value, json};

use crate::kit::{MODES, bare, changes, edited, fixture, hook, request, said};

const NO_COMMITS: &str = "ignored: the push names no commit, and `compat = \"buildbot\"` builds nothing else";
const NO_ACTION: &str = "ignored: merge request event without an action is not built";

#[test]
fn pushes_come_to_what_they_should() {
    let zero = "0".repeat(40);
    let both = &MODES[..];
    for (modes, event, patch, expected) in [
        (both, "push", json!({}), "main@bbbb main@cccc"),
        (both, "push", json!({"ref": "refs/heads/a/b"}), "a/b@bbbb a/b@cccc"),
        // New branches and resets.
        (&[Off], "push", json!({"before": zero, "commits": []}), "main@cccc"),
        (&[Buildbot], "push", json!({"before": zero, "commits": []}), NO_COMMITS),
        (&[Off], "push", json!({"commits": null}), "main@cccc"),
        (&[Off], "push", json!({"commits": "-", "checkout_sha": "-", "after": "e".repeat(40)}), "main@eeee"),
        // Deletions.
        (both, "push", json!({"deleted": true}), "ignored: branch `main` was deleted"),
        (
            both,
            "push",
            json!({"after": zero, "checkout_sha": null, "commits": []}),
            "ignored: branch `main` was deleted",
        ),
        (&[Off], "push", json!({"after": zero}), "ignored: branch `main` was deleted"),
        (&[Buildbot], "push", json!({"after": zero}), "main@bbbb main@cccc"),
        (
            &[Off],
            "push",
            json!({"after": "-", "checkout_sha": null, "commits": []}),
            "ignored: branch `main` was deleted, or does not point to a commit",
        ),
        (both, "push", json!({"ref": "refs/notes/x"}), "ignored: ref `refs/notes/x` is neither a branch nor a tag"),
        (both, "push", json!({"ref": "refs/heads/"}), "ignored: ref `refs/heads/` is neither a branch nor a tag"),
        // Tags.
        (&[Off], "tag_push", json!({}), "v1@cccc"),
        (&[Buildbot], "tag_push", json!({}), NO_COMMITS),
        (both, "tag_push", json!({"commits": fixture("push")["commits"]}), "v1@bbbb v1@cccc"),
        (both, "tag_push", json!({"after": zero, "checkout_sha": null}), "ignored: tag `v1` was deleted"),
        (
            &[Off],
            "tag_push",
            json!({"checkout_sha": null}),
            "ignored: tag `v1` was deleted, or does not point to a commit",
        ),
        // System hooks.
        (&[Off], "system_push", json!({}), "main@cccc"),
        (&[Off], "system_push", json!({"event_name": "tag_push", "ref": "refs/tags/v1"}), "v1@cccc"),
        (&[Off], "system_push", json!({"repository": "-"}), "main@cccc"),
        (&[Buildbot], "system_push", json!({}), "ignored: event `System Hook` makes no change"),
    ] {
        for mode in modes {
            let outcome = hook(*mode, json!({})).translate(&request(event, &edited(fixture(event), patch.clone())));
            assert_eq!(said(&outcome), expected, "{event} with {patch}, {mode:?}");
        }
    }
}

#[test]
fn commits_that_are_not_distinct_are_left_out() {
    let mut payload = fixture("push");
    for (first, second, expected) in [
        (json!(false), json!(true), "main@cccc"),
        (json!(true), Value::Null, "main@bbbb"),
        (json!(0), json!(false), "ignored: none of the commits is distinct"),
    ] {
        payload["commits"][0]["distinct"] = first;
        payload["commits"][1]["distinct"] = second;
        for mode in MODES {
            assert_eq!(said(&hook(mode, json!({})).translate(&request("push", &payload))), expected);
        }
    }
}

#[test]
fn merge_requests_come_to_what_they_should() {
    let both = &MODES[..];
    let attributes = |patch: Value| json!({"object_attributes": patch});
    let not_built = |action: &str| format!("ignored: merge request action \"{action}\" is not built");
    for (modes, patch, expected) in [
        (both, json!({}), "main@dddd".to_owned()),
        (both, attributes(json!({"action": "reopen"})), "main@dddd".to_owned()),
        (both, attributes(json!({"action": "update", "oldrev": "e".repeat(40)})), "main@dddd".to_owned()),
        (both, attributes(json!({"action": "update"})), not_built("update") + " unless it brings new commits"),
        (&[Buildbot], attributes(json!({"action": "update", "oldrev": null})), "main@dddd".to_owned()),
        (
            &[Off],
            attributes(json!({"action": "update", "oldrev": null})),
            not_built("update") + " unless it brings new commits",
        ),
        (both, attributes(json!({"action": "approved"})), not_built("approved")),
        (both, attributes(json!({"action": "unapproval"})), not_built("unapproval")),
        (both, attributes(json!({"action": "close"})), not_built("close")),
        (
            both,
            attributes(json!({"action": "close", "state": "closed"})),
            "ignored: the merge request is closed".to_owned(),
        ),
        (
            both,
            attributes(json!({"action": "merge", "state": "merged"})),
            "ignored: the merge request is merged".to_owned(),
        ),
        (both, attributes(json!({"last_commit": null})), "ignored: merge request !7 has no commit".to_owned()),
        // As system hooks send them, and tests of hooks.
        (&[Off], attributes(json!({"action": "-", "url": "-"})), "main@dddd".to_owned()),
        (&[Off], attributes(json!({"action": "-", "state": "locked"})), NO_ACTION.to_owned()),
        (&[Off], attributes(json!({"action": "-", "state": "-"})), NO_ACTION.to_owned()),
        (
            &[Off],
            attributes(json!({"action": "-", "state": "merged"})),
            "ignored: the merge request is merged".to_owned(),
        ),
        (&[Buildbot], attributes(json!({"action": "-"})), NO_ACTION.to_owned()),
        (
            &[Off],
            json!({"repository": "-", "object_attributes": {"source": null, "target": "-"}}),
            "main@dddd".to_owned(),
        ),
        (&[Off], json!({"object_kind": "-", "event_name": "merge_request"}), "main@dddd".to_owned()),
    ] {
        for mode in modes {
            let payload = edited(fixture("merge_request"), patch.clone());
            let outcome = hook(*mode, json!({})).translate(&request("merge_request", &payload));
            assert_eq!(said(&outcome), expected, "{patch}, {mode:?}");
        }
    }
}

#[test]
fn comments_come_to_what_they_should() {
    let both = &MODES[..];
    let attributes = |patch: Value| json!({"object_attributes": patch});
    let elsewhere = "ignored: the comment is not on a merge request";
    for (modes, patch, expected) in [
        (both, json!({}), "main@dddd"),
        (both, attributes(json!({"action": "-"})), "main@dddd"),
        (&[Off], attributes(json!({"action": "update"})), "ignored: the comment was only edited"),
        (&[Off], attributes(json!({"system": true})), "ignored: the comment was written by GitLab itself"),
        (&[Buildbot], attributes(json!({"action": "update", "system": true})), "main@dddd"),
        (both, json!({"merge_request": "-"}), elsewhere),
        (both, json!({"merge_request": "-", "issue": {"iid": 7}}), elsewhere),
        (both, json!({"merge_request": null}), elsewhere),
        (both, json!({"merge_request": {"last_commit": null}}), "ignored: merge request !7 has no commit"),
        (both, json!({"merge_request": {"state": "merged"}}), "main@dddd"),
        (&[Off], json!({"merge_request": {"url": "-", "target": "-", "source": null}}), "main@dddd"),
    ] {
        for mode in modes {
            let outcome = hook(*mode, json!({})).translate(&request("note", &edited(fixture("note"), patch.clone())));
            assert_eq!(said(&outcome), expected, "{patch}, {mode:?}");
        }
    }
}

#[test]
fn other_events_make_no_change() {
    let unnamed =
        "ignored: what kind of event it is stands neither in `object_kind` nor in the header `X-Gitlab-Event`";
    for mode in MODES {
        let hook = hook(mode, json!({}));
        for kind in ["pipeline", "build", "deployment", "issue", "work_item", "wiki_page", "release", "emoji"] {
            let outcome = hook.translate(&bare(&json!({"object_kind": kind})));
            assert_eq!(said(&outcome), format!("ignored: event `{kind}` makes no change"));
        }
        assert_eq!(said(&hook.translate(&bare(&json!({})))), unnamed);
        let job = bare(&json!({})).with_header("X-Gitlab-Event", "Job Hook");
        assert_eq!(said(&hook.translate(&job)), "ignored: event `Job Hook` makes no change");
        let null = bare(&json!({"object_kind": null})).with_header("X-Gitlab-Event", "Job Hook");
        let expected = if mode == Off { "ignored: event `Job Hook` makes no change" } else { unnamed };
        assert_eq!(said(&hook.translate(&null)), expected);
    }
    let update = bare(&json!({"event_name": "repository_update", "changes": []}));
    let reason = "ignored: event `repository_update` makes no change: \
        let the system hook trigger on push events and tag push events";
    assert_eq!(said(&hook(Off, json!({})).translate(&update)), reason);
}

#[test]
fn the_header_stands_in_for_what_the_payload_does_not_say() {
    let payload = edited(fixture("push"), json!({"object_kind": "-", "event_name": "-"}));
    for mode in MODES {
        let changes = changes(&*hook(mode, json!({})), &request("push", &payload));
        assert_eq!(changes[0].category.as_deref(), Some("Push Hook"));
        assert_eq!(changes[0].properties["event"], json!("Push Hook"));
    }
}

fn only(compat: Compat, event: &str, patch: Value) -> Value {
    let changes = changes(&*hook(compat, json!({})), &request(event, &edited(fixture(event), patch)));
    assert_eq!(changes.len(), 1);
    serde_json::to_value(&changes[0]).unwrap()
}

#[test]
fn a_push_is_told_in_full() {
    for mode in MODES {
        let changes = changes(&*hook(mode, json!({"codebase": "kitchen"})), &request("push", &fixture("push")));
        let expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "category": "push",
            "codebase": "kitchen",
            "comments": "Warm the pot\n",
            "committer": null,
            "files": ["pot.txt", "README.md", "doc/ö.md", "cup.txt"],
            "project": "Tea",
            "properties": {"event": "push"},
            "repository": "git@gitlab.example.org:kitchen/tea.git",
            "revision": "b".repeat(40),
            "revlink": format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "b".repeat(40)),
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected, "{mode:?}");
    }
}

#[test]
fn a_tag_without_commits_is_told_in_full() {
    let expected = json!({
        "author": "Grace <grace@example.org>",
        "branch": "v1",
        "category": "tag_push",
        "codebase": "",
        "comments": "First flush\n",
        "committer": null,
        "files": [],
        "project": "Tea",
        "properties": {"event": "tag_push"},
        "repository": "git@gitlab.example.org:kitchen/tea.git",
        "revision": "c".repeat(40),
        "revlink": format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "c".repeat(40)),
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(only(Off, "tag_push", json!({})), expected);
}

#[test]
fn a_push_without_commits_falls_back_to_what_is_there() {
    for (patch, author) in [
        (json!({"user_email": "[REDACTED]"}), "Grace"),
        (json!({"user_email": ""}), "Grace"),
        (json!({"user_email": null}), "Grace"),
        (json!({"user_email": "-", "user_name": "-"}), "grace"),
        (json!({"user_name": null}), "<grace@example.org>"),
        (json!({"user_email": "-", "user_name": "", "user_username": "-"}), ""),
    ] {
        assert_eq!(only(Off, "system_push", patch.clone())["author"], author, "{patch}");
    }
    let change = only(Off, "system_push", json!({"repository": "-"}));
    assert_eq!(change["project"], "Tea");
    assert_eq!(change["repository"], "git@gitlab.example.org:kitchen/tea.git");
    assert_eq!(change["category"], "push");
    let change = only(Off, "system_push", json!({"project": "-", "repository": {"homepage": "-"}}));
    assert_eq!(change["revlink"], Value::Null);
}

#[test]
fn null_is_none_for_buildbot_and_nothing_for_us() {
    let mut payload = fixture("push");
    payload["commits"].as_array_mut().unwrap().truncate(1);
    let nulled = json!({"author": {"name": null}, "message": null, "url": null});
    payload["commits"][0] = edited(payload["commits"][0].clone(), nulled);
    let change = |mode| changes(&*hook(mode, json!({})), &request("push", &payload)).remove(0);
    let (compat, ours) = (change(Buildbot), change(Off));
    assert_eq!((compat.author.as_str(), compat.comments.as_str()), ("None <ada@example.org>", ""));
    assert_eq!(compat.revlink, None);
    assert_eq!((ours.author.as_str(), ours.comments.as_str()), ("<ada@example.org>", ""));
    let page = format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "b".repeat(40));
    assert_eq!(ours.revlink, Some(page));

    let patch = json!({"object_attributes": {
        "description": null, "last_commit": {"author": {"email": "[REDACTED]"}}, "url": null,
    }});
    let (compat, ours) = (only(Buildbot, "merge_request", patch.clone()), only(Off, "merge_request", patch));
    assert_eq!(compat["comments"], "MR#7: Add milk\n\nNone");
    assert_eq!(compat["author"], "Ada <[REDACTED]>");
    assert_eq!(compat["revlink"], Value::Null);
    assert_eq!(ours["comments"], "MR#7: Add milk\n\n");
    assert_eq!(ours["author"], "Ada");
    assert_eq!(ours["revlink"], "https://gitlab.example.org/kitchen/tea/-/merge_requests/7");
}

#[test]
fn a_merge_request_and_a_comment_on_it_are_told_in_full() {
    for mode in MODES {
        let mut expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "category": "merge_request",
            "codebase": "",
            "comments": "MR#7: Add milk\n\nOnly after the tea.",
            "committer": null,
            "files": [],
            "project": "Tea",
            "properties": {
                "event": "merge_request",
                "source_branch": "milk",
                "source_project_id": 43,
                "source_repository": "https://gitlab.example.org/ada/tea.git",
                "source_git_ssh_url": "git@gitlab.example.org:ada/tea.git",
                "target_branch": "main",
                "target_project_id": 42,
                "target_repository": "https://gitlab.example.org/kitchen/tea.git",
                "target_git_ssh_url": "git@gitlab.example.org:kitchen/tea.git",
            },
            "repository": "https://gitlab.example.org/kitchen/tea.git",
            "revision": "d".repeat(40),
            "revlink": "https://gitlab.example.org/kitchen/tea/-/merge_requests/7",
            "src": "git",
            "when_timestamp": 1_714_636_800,
        });
        assert_eq!(only(mode, "merge_request", json!({})), expected, "{mode:?}");
        expected["category"] = json!("note");
        expected["properties"]["event"] = json!("note");
        expected["properties"]["comments"] = json!("Please build this.");
        assert_eq!(only(mode, "note", json!({})), expected, "{mode:?}");
    }
}

#[test]
fn what_a_merge_request_lacks_comes_from_its_project() {
    let patch = json!({"object_attributes": {"target": "-", "source": null, "url": "-"}});
    let whole = only(Off, "merge_request", json!({}));
    let change = only(Off, "merge_request", patch);
    for field in ["project", "repository", "revlink"] {
        assert_eq!(change[field], whole[field], "{field}");
    }
    for property in ["source_repository", "source_git_ssh_url", "target_repository", "target_git_ssh_url"] {
        assert_eq!(change["properties"][property], Value::Null, "{property}");
    }
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["push", "merge_request", "note"] {
        for (query, project, codebase) in [
            ("", "Tea", "kitchen"),
            ("project=p%20q&codebase=c", "p q", "c"),
            ("project=&codebase=", "Tea", "kitchen"),
            ("codebase=a&codebase=b", "Tea", "a"),
        ] {
            for mode in MODES {
                let request = request(event, &fixture(event)).with_query(query);
                let change = changes(&*hook(mode, json!({"codebase": "kitchen"})), &request).remove(0);
                // Buildbot promises `project` in its manual, and does not read it.
                let project = if mode == Off { project } else { "Tea" };
                assert_eq!((&*change.project, &*change.codebase), (project, codebase), "{event} with `{query}`");
            }
        }
    }
}
