//! What events become: in one line each, then some of them field by field.

use hookd_core::Change;
use hookd_core::Compat::{self, Buildbot, Off};
use hookd_testkit::{BOTH, assert_change, assert_fields, cases, json};
use serde_json::Value;

use crate::{FORGE, fixture, nameless};

const NO_COMMITS: &str = "ignored: the push names no commit, and `compat = \"buildbot\"` builds nothing else";
const NO_ACTION: &str = "ignored: merge request event without an action is not built";

#[test]
fn pushes_become_what_they_should() {
    let zero = "0".repeat(40);
    cases! { FORGE;
        both     "push" {} => "push main@bbbb, push main@cccc";
        both     "push" {"ref": "refs/heads/a/b"} => "push a/b@bbbb, push a/b@cccc";
        // New branches and resets.
        off      "push" {"before": zero, "commits": []} => "push main@cccc";
        buildbot "push" {"before": zero, "commits": []} => NO_COMMITS;
        off      "push" {"commits": null} => "push main@cccc";
        off      "push" {"commits": "-", "checkout_sha": "-", "after": "e".repeat(40)} => "push main@eeee";
        // Deletions.
        both     "push" {"deleted": true} => "ignored: branch `main` was deleted";
        both     "push" {"after": zero, "checkout_sha": null, "commits": []} => "ignored: branch `main` was deleted";
        off      "push" {"after": zero} => "ignored: branch `main` was deleted";
        buildbot "push" {"after": zero} => "push main@bbbb, push main@cccc";
        off      "push" {"after": "-", "checkout_sha": null, "commits": []} => "ignored: branch `main` was deleted, or does not point to a commit";
        both     "push" {"ref": "refs/notes/x"} => "ignored: ref `refs/notes/x` is neither a branch nor a tag";
        both     "push" {"ref": "refs/heads/"} => "ignored: ref `refs/heads/` is neither a branch nor a tag";
        // Tags.
        off      "tag_push" {} => "tag_push v1@cccc";
        buildbot "tag_push" {} => NO_COMMITS;
        both     "tag_push" {"commits": fixture("push")["commits"]} => "tag_push v1@bbbb, tag_push v1@cccc";
        both     "tag_push" {"after": zero, "checkout_sha": null} => "ignored: tag `v1` was deleted";
        off      "tag_push" {"checkout_sha": null} => "ignored: tag `v1` was deleted, or does not point to a commit";
        // System hooks.
        off      "system_push" {} => "push main@cccc";
        off      "system_push" {"event_name": "tag_push", "ref": "refs/tags/v1"} => "tag_push v1@cccc";
        off      "system_push" {"repository": "-"} => "push main@cccc";
        buildbot "system_push" {} => "ignored: event `System Hook` makes no change";
    }
}

#[test]
fn commits_that_are_not_distinct_are_left_out() {
    let none = "ignored: none of the commits is distinct";
    cases! { FORGE;
        both "push" {"commits": {"0": {"distinct": false}, "1": {"distinct": true}}} => "push main@cccc";
        both "push" {"commits": {"0": {"distinct": true}, "1": {"distinct": null}}} => "push main@bbbb";
        both "push" {"commits": {"0": {"distinct": 0}, "1": {"distinct": false}}} => none;
    }
}

#[test]
fn merge_requests_become_what_they_should() {
    let not_built = |action: &str| format!("ignored: merge request action \"{action}\" is not built");
    let unless = " unless it brings new commits or another target branch";
    cases! { FORGE;
        both     "merge_request" {} => "merge_request main@dddd";
        both     "merge_request" {"object_attributes.action": "reopen"} => "merge_request main@dddd";
        both     "merge_request" {"object_attributes": {"action": "update", "oldrev": "e".repeat(40)}} => "merge_request main@dddd";
        buildbot "merge_request" {"object_attributes.action": "update"} => not_built("update") + " unless it brings new commits";
        off      "merge_request" {"object_attributes.action": "update"} => not_built("update") + unless;
        off      "merge_request" {"object_attributes.action": "update", "changes": {"target_branch": {"previous": "x", "current": "main"}}} => "merge_request main@dddd";
        off      "merge_request" {"object_attributes.action": "update", "changes": {"target_branch": null, "title": {"previous": "x"}}} => not_built("update") + unless;
        buildbot "merge_request" {"object_attributes.action": "update", "changes": {"target_branch": {"previous": "x", "current": "main"}}} => not_built("update") + " unless it brings new commits";
        buildbot "merge_request" {"object_attributes": {"action": "update", "oldrev": null}} => "merge_request main@dddd";
        off      "merge_request" {"object_attributes": {"action": "update", "oldrev": null}} => not_built("update") + unless;
        both     "merge_request" {"object_attributes.action": "approved"} => not_built("approved");
        both     "merge_request" {"object_attributes.action": "unapproval"} => not_built("unapproval");
        both     "merge_request" {"object_attributes.action": "close"} => not_built("close");
        both     "merge_request" {"object_attributes": {"action": "close", "state": "closed"}} => "ignored: the merge request is closed";
        both     "merge_request" {"object_attributes": {"action": "merge", "state": "merged"}} => "ignored: the merge request is merged";
        both     "merge_request" {"object_attributes.last_commit": null} => "ignored: merge request !7 has no commit";
        // As system hooks send them, and tests of hooks.
        off      "merge_request" {"object_attributes": {"action": "-", "url": "-"}} => "merge_request main@dddd";
        off      "merge_request" {"object_attributes": {"action": "-", "state": "locked"}} => NO_ACTION.to_owned();
        off      "merge_request" {"object_attributes": {"action": "-", "state": "-"}} => NO_ACTION.to_owned();
        off      "merge_request" {"object_attributes": {"action": "-", "state": "merged"}} => "ignored: the merge request is merged";
        buildbot "merge_request" {"object_attributes.action": "-"} => NO_ACTION.to_owned();
        off      "merge_request" {"repository": "-", "object_attributes": {"source": null, "target": "-"}} => "merge_request main@dddd";
        off      "merge_request" {"object_kind": "-", "event_name": "merge_request"} => "merge_request main@dddd";
    }
}

#[test]
fn comments_become_what_they_should() {
    let elsewhere = "ignored: the comment is not on a merge request";
    cases! { FORGE;
        both     "note" {} => "note main@dddd";
        both     "note" {"object_attributes.action": "-"} => "note main@dddd";
        off      "note" {"object_attributes.action": "update"} => "ignored: the comment was only edited";
        off      "note" {"object_attributes.system": true} => "ignored: the comment was written by GitLab itself";
        buildbot "note" {"object_attributes": {"action": "update", "system": true}} => "note main@dddd";
        both     "note" {"merge_request": "-"} => elsewhere;
        both     "note" {"merge_request": "-", "issue": {"iid": 7}} => elsewhere;
        both     "note" {"merge_request": null} => elsewhere;
        both     "note" {"merge_request": {"last_commit": null}} => "ignored: merge request !7 has no commit";
        both     "note" {"merge_request": {"state": "merged"}} => "note main@dddd";
        off      "note" {"merge_request": {"url": "-", "target": "-", "source": null}} => "note main@dddd";
    }
}

#[test]
fn other_events_make_no_change() {
    let unnamed =
        "ignored: what kind of event it is stands neither in `object_kind` nor in the header `X-Gitlab-Event`";
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let found = |payload: Value| hook.run(&nameless(payload.to_string())).summary();
        for kind in ["pipeline", "build", "deployment", "issue", "work_item", "wiki_page", "release", "emoji"] {
            assert_eq!(found(json!({"object_kind": kind})), format!("ignored: event `{kind}` makes no change"));
        }
        assert_eq!(found(json!({})), unnamed);
        let job = |payload: Value| nameless(payload.to_string()).with_header("X-Gitlab-Event", "Job Hook");
        let named = "ignored: event `Job Hook` makes no change";
        assert_eq!(hook.run(&job(json!({}))).summary(), named);
        let expected = if mode == Off { named } else { unnamed };
        assert_eq!(hook.run(&job(json!({"object_kind": null}))).summary(), expected);
    }
    let update = nameless(json!({"event_name": "repository_update", "changes": []}).to_string());
    let reason = "ignored: event `repository_update` makes no change: \
        let the system hook trigger on push events and tag push events";
    assert_eq!(FORGE.hook(Off, json!({})).run(&update).summary(), reason);
}

#[test]
fn the_header_stands_in_for_what_the_payload_does_not_say() {
    let request = FORGE.request("push", json!({"object_kind": "-", "event_name": "-"}));
    for mode in BOTH {
        let change = FORGE.hook(mode, json!({})).changes(&request).remove(0);
        assert_fields!(&change, {"category": "Push Hook", "properties": {"event": "Push Hook"}});
    }
}

fn change(compat: Compat, event: &str, patch: Value) -> Change {
    FORGE.hook(compat, json!({})).change(&FORGE.request(event, patch))
}

#[test]
fn a_push_has_all_fields() {
    for mode in BOTH {
        let changes = FORGE.hook(mode, json!({"codebase": "kitchen"})).changes(&FORGE.request("push", json!({})));
        assert_change!(&changes[0], {
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "category": "push",
            "codebase": "kitchen",
            "comments": "Warm the pot\n",
            "files": ["pot.txt", "README.md", "doc/ö.md", "cup.txt"],
            "project": "Tea",
            "properties": {"event": "push"},
            "repository": "git@gitlab.example.org:kitchen/tea.git",
            "revision": "b".repeat(40),
            "revlink": format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "b".repeat(40)),
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
    }
}

#[test]
fn a_tag_without_commits_has_all_fields() {
    assert_change!(&change(Off, "tag_push", json!({})), {
        "author": "Grace <grace@example.org>",
        "branch": "v1",
        "category": "tag_push",
        "comments": "First flush\n",
        "project": "Tea",
        "properties": {"event": "tag_push"},
        "repository": "git@gitlab.example.org:kitchen/tea.git",
        "revision": "c".repeat(40),
        "revlink": format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "c".repeat(40)),
        "src": "git",
    });
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
        assert_eq!(change(Off, "system_push", patch.clone()).author, author, "{patch}");
    }
    let repository = "git@gitlab.example.org:kitchen/tea.git";
    let bare = change(Off, "system_push", json!({"repository": "-"}));
    assert_fields!(&bare, {"project": "Tea", "repository": repository, "category": "push"});
    let change = change(Off, "system_push", json!({"project": "-", "repository.homepage": "-"}));
    assert_eq!(change.revlink, None);
}

#[test]
fn null_is_none_for_buildbot_and_nothing_otherwise() {
    let page = format!("https://gitlab.example.org/kitchen/tea/-/commit/{}", "b".repeat(40));
    let nulled = json!({"commits.1": "-", "commits.0.author.name": null, "commits.0.message": null, "commits.0.url": null, "checkout_sha": "b".repeat(40)});
    for (mode, author, revlink) in
        [(Buildbot, "None <ada@example.org>", json!(null)), (Off, "<ada@example.org>", json!(page))]
    {
        let change = change(mode, "push", nulled.clone());
        assert_fields!(&change, {"author": author, "comments": "", "revlink": revlink});
    }
    let patch = json!({"object_attributes": {
        "description": null, "last_commit": {"author": {"email": "[REDACTED]"}}, "url": null,
    }});
    assert_fields!(&change(Buildbot, "merge_request", patch.clone()), {
        "comments": "MR#7: Add milk\n\nNone", "author": "Ada <[REDACTED]>", "revlink": null,
    });
    assert_fields!(&change(Off, "merge_request", patch), {
        "comments": "MR#7: Add milk\n\n", "author": "Ada",
        "revlink": "https://gitlab.example.org/kitchen/tea/-/merge_requests/7",
    });
}

#[test]
fn a_merge_request_and_a_comment_on_it_have_all_fields() {
    for mode in BOTH {
        let mut expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "category": "merge_request",
            "comments": "MR#7: Add milk\n\nOnly after the tea.",
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
        assert_change(&change(mode, "merge_request", json!({})), expected.clone());
        expected["category"] = json!("note");
        expected["properties"]["event"] = json!("note");
        expected["properties"]["comments"] = json!("Please build this.");
        assert_change(&change(mode, "note", json!({})), expected);
    }
}

#[test]
fn what_a_merge_request_lacks_comes_from_its_project() {
    let patch = json!({"object_attributes": {"target": "-", "source": null, "url": "-"}});
    let (whole, change) = (change(Off, "merge_request", json!({})), change(Off, "merge_request", patch));
    let shared = |change: &Change| (change.project.clone(), change.repository.clone(), change.revlink.clone());
    assert_eq!(shared(&change), shared(&whole));
    for property in ["source_repository", "source_git_ssh_url", "target_repository", "target_git_ssh_url"] {
        assert_eq!(change.properties[property], Value::Null, "{property}");
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
            for mode in BOTH {
                let request = FORGE.request(event, json!({})).with_query(query);
                let change = FORGE.hook(mode, json!({"codebase": "kitchen"})).changes(&request).remove(0);
                // Buildbot promises `project` in its manual, and does not read it.
                let project = if mode == Off { project } else { "Tea" };
                assert_fields!(&change, {"project": project, "codebase": codebase});
            }
        }
    }
}
