//! What events come to: in one line each, then some of them field by field.

use hookd_core::Compat::{self, Buildbot, Off};
use serde_json::{Value, json};

use crate::kit::{api, changes, edited, fixture, hook, request, run, said};

#[test]
fn events_come_to_what_they_should() {
    let zero = "0".repeat(40);
    let head = |change: Value| json!({"head_commit": change});
    for (modes, event, patch, expected) in [
        // Pushes.
        (&[Off, Buildbot][..], "push", json!({}), "main@bbbb main@cccc"),
        (&[Off, Buildbot], "push", json!({"ref": "refs/heads/a/b"}), "a/b@bbbb a/b@cccc"),
        (&[Off], "push", json!({"created": true}), "main@bbbb main@cccc"),
        (&[Buildbot], "push", json!({"created": true}), "main@cccc"),
        (&[Off, Buildbot], "push", json!({"created": true, "commits": []}), "main@cccc"),
        (&[Off], "push", json!({"forced": true, "commits": []}), "main@cccc"),
        (&[Buildbot], "push", json!({"forced": true, "commits": []}), "ignored: the push has no commits"),
        (&[Off], "push", json!({"commits": null}), "main@cccc"),
        (&[Off], "push", json!({"head_commit": null}), "main@bbbb main@cccc"),
        (&[Off], "push", json!({"head_commit": "-"}), "main@bbbb main@cccc"),
        (&[Off], "push", json!({"head_commit": null, "commits": []}), "main@cccc"),
        (&[Buildbot], "push", json!({"head_commit": null, "commits": []}), "ignored: the push has no head commit"),
        (&[Off, Buildbot], "push", json!({"deleted": true}), "ignored: branch `main` was deleted"),
        (&[Off, Buildbot], "push", json!({"deleted": true, "head_commit": null}), "ignored: branch `main` was deleted"),
        (&[Off], "push", json!({"after": zero}), "ignored: branch `main` was deleted"),
        (
            &[Off, Buildbot],
            "push",
            json!({"ref": "refs/notes/x"}),
            "ignored: ref `refs/notes/x` is neither a branch nor a tag",
        ),
        (
            &[Off, Buildbot],
            "push",
            json!({"ref": "refs/heads/"}),
            "ignored: ref `refs/heads/` is neither a branch nor a tag",
        ),
        (
            &[Off, Buildbot],
            "push",
            head(json!({"message": "x [skip ci]"})),
            r"ignored: head commit matches the skip pattern \[ *skip *ci *\]",
        ),
        (
            &[Off, Buildbot],
            "push",
            head(json!({"message": "x [ ci skip ]"})),
            r"ignored: head commit matches the skip pattern \[ *ci *skip *\]",
        ),
        (&[Off, Buildbot], "push", head(json!({"message": null})), "main@bbbb main@cccc"),
        (&[Off, Buildbot], "push", head(json!({"message": "-"})), "main@bbbb main@cccc"),
        // Tags.
        (&[Off, Buildbot], "tag", json!({}), "v1@cccc"),
        (&[Off], "tag", json!({"created": false, "forced": true}), "v1@cccc"),
        (&[Buildbot], "tag", json!({"created": false, "forced": true}), "ignored: the push has no commits"),
        (&[Off], "tag", json!({"created": false, "commits": [{"id": "x"}]}), "v1@cccc"),
        (&[Off], "tag", json!({"head_commit": null}), "v1@cccc"),
        (&[Off, Buildbot], "tag", json!({"deleted": true}), "ignored: tag `v1` was deleted"),
        (
            &[Off, Buildbot],
            "tag",
            head(json!({"message": "[skip ci]"})),
            r"ignored: head commit matches the skip pattern \[ *skip *ci *\]",
        ),
        // Pull requests.
        (&[Off, Buildbot], "pull_request", json!({}), "refs/pull/7/merge@dddd"),
        (&[Off, Buildbot], "pull_request", json!({"action": "reopened"}), "refs/pull/7/merge@dddd"),
        (&[Off, Buildbot], "pull_request", json!({"action": "synchronize"}), "refs/pull/7/merge@dddd"),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"action": "labeled"}),
            "ignored: pull request action \"labeled\" is not built",
        ),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"action": "closed"}),
            "ignored: pull request action \"closed\" is not built",
        ),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"action": null}),
            "ignored: pull request event without an action is not built",
        ),
        (
            &[Off, Buildbot],
            "pull_request",
            json!({"action": "-"}),
            "ignored: pull request event without an action is not built",
        ),
        (
            &[Off],
            "pull_request",
            json!({"action": "edited", "changes": {"base": {"ref": {"from": "x"}}}}),
            "refs/pull/7/merge@dddd",
        ),
        (
            &[Buildbot],
            "pull_request",
            json!({"action": "edited", "changes": {"base": {"ref": {"from": "x"}}}}),
            "ignored: pull request action \"edited\" is not built",
        ),
        (
            &[Off],
            "pull_request",
            json!({"action": "edited", "changes": {"title": {"from": "x"}}}),
            "ignored: pull request action \"edited\" is not built unless the base branch changed",
        ),
        (&[Buildbot], "pull_request", json!({"pull_request": {"head": {"sha": null}}}), "refs/pull/7/merge@-"),
        (&[Buildbot], "pull_request", json!({"repository": {"full_name": null}}), "refs/pull/7/merge@dddd"),
        (&[Buildbot], "pull_request", json!({"number": null}), "refs/pull/None/merge@dddd"),
        // Merge queues.
        (&[Off], "merge_group", json!({}), "gh-readonly-queue/main/pr-7-cccccccccccccccccccccccccccccccccccccccc@eeee"),
        (
            &[Buildbot],
            "merge_group",
            json!({}),
            "ignored: event `merge_group` makes no change with `compat = \"buildbot\"`",
        ),
        (
            &[Off],
            "merge_group",
            json!({"action": "destroyed", "reason": "merged"}),
            "ignored: merge group action \"destroyed\" is not built",
        ),
        (&[Off], "merge_group", json!({"action": "-"}), "ignored: merge group event without an action is not built"),
        (
            &[Off],
            "merge_group",
            json!({"merge_group": {"head_commit": null}}),
            "gh-readonly-queue/main/pr-7-cccccccccccccccccccccccccccccccccccccccc@eeee",
        ),
    ] {
        for mode in modes {
            let request = request(event, &edited(fixture(event), patch.clone()));
            let outcome = run(&*hook(*mode, json!({})), &request, api).0;
            assert_eq!(said(&outcome), expected, "{event} with {patch}, {mode:?}");
        }
    }
    for event in ["ping", "workflow_run", "star", "create", "check_suite"] {
        for mode in [Off, Buildbot] {
            let outcome = run(&*hook(mode, json!({})), &request(event, &json!({})), api).0;
            assert_eq!(said(&outcome), format!("ignored: event `{event}` makes no change"));
        }
    }
}

fn only(compat: Compat, options: Value, event: &str, patch: Value) -> Value {
    let request = request(event, &edited(fixture(event), patch));
    let changes = changes(&*hook(compat, options), &request);
    assert_eq!(changes.len(), 1);
    serde_json::to_value(&changes[0]).unwrap()
}

#[test]
fn a_push_is_told_in_full() {
    let options = json!({"github_property_whitelist": ["github.repository.t*", "github.base_ref", "github.*.login"]});
    for mode in [Off, Buildbot] {
        let changes = changes(&*hook(mode, options.clone()), &request("push", &fixture("push")));
        let expected = json!({
            "author": "Ada <ada@example.org>",
            "branch": "main",
            "category": null,
            "codebase": "",
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
            "revision": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "revlink": "https://github.com/octo/tea/commit/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "src": "git",
            "when_timestamp": 1_714_550_400,
        });
        assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected, "{mode:?}");
        assert_eq!(changes[1].properties["github_distinct"], json!(true));
    }
}

#[test]
fn a_tag_has_its_category() {
    for mode in [Off, Buildbot] {
        let tag = only(mode, json!({}), "tag", json!({}));
        assert_eq!((&tag["category"], &tag["branch"]), (&json!("tag"), &json!("v1")), "{mode:?}");
    }
}

#[test]
fn null_is_none_for_buildbot_and_nothing_for_us() {
    let patch = json!({"commits": [], "created": true, "head_commit": {
        "author": {"name": null}, "committer": {"name": null, "email": null}, "url": null, "message": null,
        "distinct": "-",
    }});
    let compat = only(Buildbot, json!({}), "push", patch.clone());
    assert_eq!(compat["author"], "None <ada@example.org>");
    assert_eq!(compat["committer"], "None <None>");
    assert_eq!(compat["revlink"], Value::Null);
    assert_eq!(compat["comments"], "");
    assert_eq!(compat["properties"], json!({"github_distinct": true, "event": "push"}));
    let ours = only(Off, json!({}), "push", patch);
    assert_eq!(ours["author"], "<ada@example.org>");
    assert_eq!(ours["committer"], Value::Null);
    assert_eq!(ours["revlink"], "https://github.com/octo/tea/commit/cccccccccccccccccccccccccccccccccccccccc");
    assert_eq!(ours["comments"], "");
    let named = only(Off, json!({}), "tag", json!({"head_commit": {"author": {"email": "-"}, "committer": "-"}}));
    assert_eq!((&named["author"], &named["committer"]), (&json!("Ada"), &Value::Null));
}

#[test]
fn a_push_without_commits_tells_where_the_ref_points() {
    let change = only(Off, json!({}), "push", json!({"head_commit": null, "commits": []}));
    let expected = json!({
        "author": "grace <grace@example.org>",
        "branch": "main",
        "category": null,
        "codebase": "",
        "comments": "",
        "committer": null,
        "files": [],
        "project": "octo/tea",
        "properties": {"github_distinct": true, "event": "push"},
        "repository": "https://github.com/octo/tea",
        "revision": "cccccccccccccccccccccccccccccccccccccccc",
        "revlink": "https://github.com/octo/tea/commit/cccccccccccccccccccccccccccccccccccccccc",
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(change, expected);
    let patch = json!({"head_commit": null, "commits": [], "pusher": "-"});
    assert_eq!(only(Off, json!({}), "push", patch)["author"], "grace");
}

#[test]
fn a_pull_request_is_told_in_full() {
    let options = json!({"github_property_whitelist": ["github.head.*", "github.labels"], "codebase": "kitchen"});
    for mode in [Off, Buildbot] {
        let expected = json!({
            "author": "ada",
            "branch": "refs/pull/7/merge",
            "category": "pull",
            "codebase": "kitchen",
            "comments": "GitHub Pull Request #7 (2 commits)\nAdd milk\nOnly after the tea.",
            "committer": null,
            "files": ["milk.txt", "tea.txt", "water.txt"],
            "project": "octo/tea",
            "properties": {
                "pullrequesturl": "https://github.com/octo/tea/pull/7",
                "event": "pull_request",
                "basename": "main",
                "github.head.ref": "milk",
                "github.head.sha": "dddddddddddddddddddddddddddddddddddddddd",
                "github.head.repo.full_name": "ada/tea",
                "github.labels": [{"name": "taste"}],
            },
            "repository": "https://github.com/octo/tea",
            "revision": "dddddddddddddddddddddddddddddddddddddddd",
            "revlink": "https://github.com/octo/tea/pull/7",
            "src": "git",
            "when_timestamp": 1_714_636_800,
        });
        assert_eq!(only(mode, options.clone(), "pull_request", json!({})), expected, "{mode:?}");
    }
}

#[test]
fn a_pull_request_without_a_body_says_so_to_buildbot_alone() {
    let patch = json!({"pull_request": {"body": null, "commits": 1}});
    let comments = |mode| only(mode, json!({}), "pull_request", patch.clone())["comments"].clone();
    assert_eq!(comments(Buildbot), "GitHub Pull Request #7 (1 commit)\nAdd milk\nNone");
    assert_eq!(comments(Off), "GitHub Pull Request #7 (1 commit)\nAdd milk\n");
}

#[test]
fn a_pull_request_falls_back_to_what_is_there() {
    let patch = json!({"pull_request": {"_links": "-"}, "sender": "-"});
    let change = only(Off, json!({"pullrequest_ref": "head"}), "pull_request", patch);
    assert_eq!(change["revlink"], "https://github.com/octo/tea/pull/7");
    assert_eq!(change["author"], "ada");
    assert_eq!(change["branch"], "refs/pull/7/head");
}

#[test]
fn a_merge_group_is_told_in_full() {
    let options = json!({"github_property_whitelist": ["github.*_sha"]});
    let expected = json!({
        "author": "Ada <ada@example.org>",
        "branch": "gh-readonly-queue/main/pr-7-cccccccccccccccccccccccccccccccccccccccc",
        "category": "merge_group",
        "codebase": "",
        "comments": "Merge pull request #7 from ada/milk\n\nAdd milk [skip ci]",
        "committer": "GitHub <noreply@github.com>",
        "files": [],
        "project": "octo/tea",
        "properties": {
            "event": "merge_group",
            "basename": "main",
            "github.head_sha": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "github.base_sha": "cccccccccccccccccccccccccccccccccccccccc",
        },
        "repository": "https://github.com/octo/tea",
        "revision": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "revlink": "https://github.com/octo/tea/commit/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "src": "git",
        "when_timestamp": 1_714_824_000,
    });
    assert_eq!(only(Off, options, "merge_group", json!({})), expected);
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["push", "pull_request", "merge_group"] {
        let patched = edited(fixture(event), json!({"ref": "refs/tags/v1"}));
        for (query, project, codebase) in [
            ("", "octo/tea", "kitchen"),
            ("project=p%20q&codebase=c", "p q", "c"),
            ("project=&codebase=", "octo/tea", "kitchen"),
        ] {
            let request = request(event, &patched).with_query(query);
            let change = changes(&*hook(Off, json!({"codebase": "kitchen"})), &request).remove(0);
            assert_eq!((&*change.project, &*change.codebase), (project, codebase), "{event} with `{query}`");
            if event != "merge_group" {
                let change = changes(&*hook(Buildbot, json!({"codebase": "kitchen"})), &request).remove(0);
                assert_eq!((&*change.project, &*change.codebase), ("octo/tea", "kitchen"), "{event} with `{query}`");
            }
        }
    }
}

#[test]
fn skips_are_the_configured_ones() {
    let push = edited(fixture("push"), json!({"head_commit": {"message": "[skip ci] no-build"}}));
    for (skips, expected) in [
        (json!([]), "main@bbbb main@cccc"),
        (json!(["no-build$"]), "ignored: head commit matches the skip pattern no-build$"),
        (json!(["nothing"]), "main@bbbb main@cccc"),
    ] {
        for mode in [Off, Buildbot] {
            let outcome = run(&*hook(mode, json!({"skips": skips})), &request("push", &push), api).0;
            assert_eq!(said(&outcome), expected);
        }
    }
}
