//! What events become: in one line each, then some of them field by field.

use hookd_core::Change;
use hookd_core::Compat::{self, Buildbot, Off};
use hookd_testkit::{BOTH, assert_change, assert_fields, cases, json};
use serde_json::Value;

use crate::FORGE;

#[test]
fn events_become_what_they_should() {
    let zero = "0".repeat(40);
    cases! { FORGE;
        // Pushes.
        both     "push" {} => "main@bbbb, main@cccc";
        both     "push" {"ref": "refs/heads/a/b"} => "a/b@bbbb, a/b@cccc";
        off      "push" {"created": true} => "main@bbbb, main@cccc";
        off      "push" {"head_commit.id": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"} => "main@cccc, main@bbbb";
        off      "push" {"head_commit.id": "ffff"} => "main@bbbb, main@cccc, main@ffff";
        off      "push" {"head_commit": null, "after": "ffff"} => "main@bbbb, main@cccc, main@ffff";
        buildbot "push" {"created": true} => "main@cccc";
        both     "push" {"created": true, "commits": []} => "main@cccc";
        off      "push" {"forced": true, "commits": []} => "main@cccc";
        buildbot "push" {"forced": true, "commits": []} => "ignored: the push has no commits";
        off      "push" {"commits": null} => "main@cccc";
        off      "push" {"head_commit": null} => "main@bbbb, main@cccc";
        off      "push" {"head_commit": "-"} => "main@bbbb, main@cccc";
        off      "push" {"head_commit": null, "commits": []} => "main@cccc";
        buildbot "push" {"head_commit": null, "commits": []} => "ignored: the push has no head commit";
        both     "push" {"deleted": true} => "ignored: branch `main` was deleted";
        both     "push" {"deleted": true, "head_commit": null} => "ignored: branch `main` was deleted";
        off      "push" {"after": zero} => "ignored: branch `main` was deleted";
        both     "push" {"ref": "refs/notes/x"} => "ignored: ref `refs/notes/x` is neither a branch nor a tag";
        both     "push" {"ref": "refs/heads/"} => "ignored: ref `refs/heads/` is neither a branch nor a tag";
        both     "push" {"head_commit.message": "x [skip ci]"} => r"ignored: head commit matches the skip pattern \[ *skip *ci *\]";
        both     "push" {"head_commit.message": "x [ ci skip ]"} => r"ignored: head commit matches the skip pattern \[ *ci *skip *\]";
        both     "push" {"head_commit.message": null} => "main@bbbb, main@cccc";
        both     "push" {"head_commit.message": "-"} => "main@bbbb, main@cccc";
        // Tags.
        both     "tag" {} => "tag v1@cccc";
        off      "tag" {"created": false, "forced": true} => "tag v1@cccc";
        buildbot "tag" {"created": false, "forced": true} => "ignored: the push has no commits";
        off      "tag" {"created": false, "commits": [{"id": "x"}]} => "tag v1@cccc";
        off      "tag" {"head_commit": null} => "tag v1@cccc";
        both     "tag" {"deleted": true} => "ignored: tag `v1` was deleted";
        both     "tag" {"head_commit.message": "[skip ci]"} => r"ignored: head commit matches the skip pattern \[ *skip *ci *\]";
        // Pull requests.
        both     "pull_request" {} => "pull refs/pull/7/merge@dddd";
        both     "pull_request" {"action": "reopened"} => "pull refs/pull/7/merge@dddd";
        both     "pull_request" {"action": "synchronize"} => "pull refs/pull/7/merge@dddd";
        off      "pull_request" {"action": "synchronized"} => "pull refs/pull/7/merge@dddd";
        both     "pull_request" {"action": "labeled"} => "ignored: pull request action \"labeled\" is not built";
        both     "pull_request" {"action": "closed"} => "ignored: pull request action \"closed\" is not built";
        both     "pull_request" {"action": null} => "ignored: pull request event without an action is not built";
        both     "pull_request" {"action": "-"} => "ignored: pull request event without an action is not built";
        off      "pull_request" {"action": "edited", "changes": {"base": {"ref": {"from": "x"}}}} => "pull refs/pull/7/merge@dddd";
        buildbot "pull_request" {"action": "edited", "changes": {"base": {"ref": {"from": "x"}}}} => "ignored: pull request action \"edited\" is not built";
        off      "pull_request" {"action": "edited", "changes": {"title": {"from": "x"}}} => "ignored: pull request action \"edited\" is not built unless the base branch changed";
        buildbot "pull_request" {"pull_request": {"head": {"sha": null}}} => "pull refs/pull/7/merge@-";
        buildbot "pull_request" {"repository": {"full_name": null}} => "pull refs/pull/7/merge@dddd";
        buildbot "pull_request" {"number": null} => "pull refs/pull/None/merge@dddd";
        // Merge queues: the push of the branch, and not the event.
        off      "push" {"ref": "refs/heads/gh-readonly-queue/main/pr-7-cc"} => "merge_group gh-readonly-queue/main/pr-7-cc@cccc";
        off      "push" {"ref": "refs/heads/gh-readonly-queue/main/pr-7-cc", "head_commit": null} => "merge_group gh-readonly-queue/main/pr-7-cc@cccc";
        off      "push" {"ref": "refs/heads/gh-readonly-queue/main/pr-7-cc", "head_commit.message": "[skip ci]"} => "merge_group gh-readonly-queue/main/pr-7-cc@cccc";
        off      "push" {"ref": "refs/tags/gh-readonly-queue/main/pr-7-cc"} => "tag gh-readonly-queue/main/pr-7-cc@cccc";
        buildbot "push" {"ref": "refs/heads/gh-readonly-queue/main/pr-7-cc"} => "gh-readonly-queue/main/pr-7-cc@bbbb, gh-readonly-queue/main/pr-7-cc@cccc";
        buildbot "merge_group" {} => "ignored: event `merge_group` makes no change with `compat = \"buildbot\"`";
        off      "merge_group" {"action": "destroyed", "reason": "merged"} => "ignored: merge group action \"destroyed\" is not built";
        off      "merge_group" {"action": "-"} => "ignored: merge group event without an action is not built";
        off      "merge_group" {"action": 5} => "ignored: merge group event without an action is not built";
        off      "merge_group" {} => r#"ignored: with `merge_queue = "push"`, the push of the merge queue's branch is built and not this event"#;
        both "ping" {} => "ignored: event `ping` makes no change";
        both "workflow_run" {} => "ignored: event `workflow_run` makes no change";
        both "star" {} => "ignored: event `star` makes no change";
        both "create" {} => "ignored: event `create` makes no change";
        both "check_suite" {} => "ignored: event `check_suite` makes no change";
    }
    cases! { FORGE, {"merge_queue": "merge_group"};
        off "merge_group" {} => "merge_group gh-readonly-queue/main/pr-7-cccccccccccccccccccccccccccccccccccccccc@eeee";
        off "merge_group" {"merge_group": {"head_commit": null}} => "merge_group gh-readonly-queue/main/pr-7-cccccccccccccccccccccccccccccccccccccccc@eeee";
        off "push" {"ref": "refs/heads/gh-readonly-queue/main/pr-7-cc"} => r#"ignored: with `merge_queue = "merge_group"`, the event `merge_group` is built and not the push of branch `gh-readonly-queue/main/pr-7-cc`"#;
    }
}

fn change(compat: Compat, options: Value, event: &str, patch: Value) -> Change {
    FORGE.hook(compat, options).change(&FORGE.request(event, patch))
}

#[test]
fn a_push_has_all_fields() {
    let options = json!({"github_property_whitelist": ["github.repository.t*", "github.base_ref", "github.*.login"]});
    for mode in BOTH {
        let changes = FORGE.hook(mode, options.clone()).changes(&FORGE.request("push", json!({})));
        assert_change!(&changes[0], {
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "comments": "Warm the pot",
            "committer": "Grace <grace@example.org>",
            "files": ["pot.txt", "README.md", "doc/ö.md", "cup.txt"],
            "project": "octo/tea",
            "properties": {
                "github_distinct": false,
                "event": "push",
                "github.repository.topics": ["tea", "pots"],
                "github.base_ref": null,
                "github.repository.owner.login": "octo",
                "github.sender.login": "grace",
            },
            "repository": "https://github.com/octo/tea",
            "revision": "b".repeat(40),
            "revlink": format!("https://github.com/octo/tea/commit/{}", "b".repeat(40)),
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(changes[1].properties["github_distinct"], json!(true));
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_otherwise() {
    let patch = json!({"commits": [], "created": true, "head_commit": {
        "author": {"name": null}, "committer": {"name": null, "email": null}, "url": null, "message": null,
        "distinct": "-",
    }});
    assert_fields!(&change(Buildbot, json!({}), "push", patch.clone()), {
        "author": "None <ada@example.org>", "committer": "None <None>", "revlink": null, "comments": "",
        "properties": {"github_distinct": true, "event": "push"},
    });
    assert_fields!(&change(Off, json!({}), "push", patch), {
        "author": "<ada@example.org>", "committer": null, "comments": "",
        "revlink": format!("https://github.com/octo/tea/commit/{}", "c".repeat(40)),
    });
    let named = change(Off, json!({}), "tag", json!({"head_commit": {"author": {"email": "-"}, "committer": "-"}}));
    assert_fields!(&named, {"author": "Ada", "committer": null});
}

#[test]
fn a_push_without_commits_shows_where_the_ref_points() {
    let empty = || json!({"head_commit": null, "commits": []});
    assert_change!(&change(Off, json!({}), "push", empty()), {
        "author": "grace <grace@example.org>",
        "branch": "main",
        "project": "octo/tea",
        "properties": {"github_distinct": true, "event": "push"},
        "repository": "https://github.com/octo/tea",
        "revision": "c".repeat(40),
        "revlink": format!("https://github.com/octo/tea/commit/{}", "c".repeat(40)),
        "src": "git",
    });
    let patch = json!({"head_commit": null, "commits": [], "pusher": "-"});
    assert_eq!(change(Off, json!({}), "push", patch).author, "grace");
}

#[test]
fn a_pull_request_has_all_fields() {
    let options = json!({"github_property_whitelist": ["github.head.*", "github.labels"], "codebase": "kitchen"});
    for mode in BOTH {
        assert_change!(&change(mode, options.clone(), "pull_request", json!({})), {
            "author": "ada",
            "branch": "refs/pull/7/merge",
            "category": "pull",
            "codebase": "kitchen",
            "comments": "GitHub Pull Request #7 (2 commits)\nAdd milk\nOnly after the tea.",
            "files": ["milk.txt", "tea.txt", "water.txt"],
            "project": "octo/tea",
            "properties": {
                "pullrequesturl": "https://github.com/octo/tea/pull/7",
                "event": "pull_request",
                "basename": "main",
                "github.head.ref": "milk",
                "github.head.sha": "d".repeat(40),
                "github.head.repo.full_name": "ada/tea",
                "github.labels": [{"name": "taste"}],
            },
            "repository": "https://github.com/octo/tea",
            "revision": "d".repeat(40),
            "revlink": "https://github.com/octo/tea/pull/7",
            "src": "git",
            "when_timestamp": 1_714_636_800,
        });
    }
}

#[test]
fn a_pull_request_without_a_body_says_so_to_buildbot_alone() {
    let patch = json!({"pull_request": {"body": null, "commits": 1}});
    let comments = |mode| change(mode, json!({}), "pull_request", patch.clone()).comments;
    assert_eq!(comments(Buildbot), "GitHub Pull Request #7 (1 commit)\nAdd milk\nNone");
    assert_eq!(comments(Off), "GitHub Pull Request #7 (1 commit)\nAdd milk\n");
}

#[test]
fn a_pull_request_falls_back_to_what_is_there() {
    let patch = json!({"pull_request": {"_links": "-"}, "sender": "-"});
    let change = change(Off, json!({"pullrequest_ref": "head"}), "pull_request", patch);
    let page = "https://github.com/octo/tea/pull/7";
    assert_fields!(&change, {"revlink": page, "author": "ada", "branch": "refs/pull/7/head"});
}

#[test]
fn a_merge_group_has_all_fields() {
    let options = json!({"github_property_whitelist": ["github.*_sha"], "merge_queue": "merge_group"});
    assert_change!(&change(Off, options, "merge_group", json!({})), {
        "author": "Ada <ada@example.org>",
        "branch": format!("gh-readonly-queue/main/pr-7-{}", "c".repeat(40)),
        "category": "merge_group",
        "comments": "Merge pull request #7 from ada/milk\n\nAdd milk [skip ci]",
        "committer": "GitHub <noreply@github.com>",
        "project": "octo/tea",
        "properties": {
            "event": "merge_group",
            "basename": "main",
            "github.head_sha": "e".repeat(40),
            "github.base_sha": "c".repeat(40),
        },
        "repository": "https://github.com/octo/tea",
        "revision": "e".repeat(40),
        "revlink": format!("https://github.com/octo/tea/commit/{}", "e".repeat(40)),
        "src": "git",
        "when_timestamp": 1_714_824_000,
    });
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["tag", "pull_request", "merge_group"] {
        for (query, project, codebase) in [
            ("", "octo/tea", "kitchen"),
            ("project=p%20q&codebase=c", "p q", "c"),
            ("project=&codebase=", "octo/tea", "kitchen"),
        ] {
            let request = FORGE.request(event, json!({})).with_query(query);
            let change =
                |mode| FORGE.hook(mode, json!({"codebase": "kitchen", "merge_queue": "merge_group"})).change(&request);
            assert_fields!(&change(Off), {"project": project, "codebase": codebase});
            if event != "merge_group" {
                assert_fields!(&change(Buildbot), {"project": "octo/tea", "codebase": "kitchen"});
            }
        }
    }
}

#[test]
fn skips_are_the_configured_ones() {
    cases! { FORGE, {"skips": []};
        both "push" {"head_commit.message": "[skip ci] no-build"} => "main@bbbb, main@cccc";
    }
    cases! { FORGE, {"skips": ["no-build$"]};
        both "push" {"head_commit.message": "[skip ci] no-build"} => "ignored: head commit matches the skip pattern no-build$";
    }
    cases! { FORGE, {"skips": ["nothing"]};
        both "push" {"head_commit.message": "[skip ci] no-build"} => "main@bbbb, main@cccc";
    }
}
