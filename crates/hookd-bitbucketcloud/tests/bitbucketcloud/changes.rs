//! What events come to: in one line each, then some of them field by field.

use hookd_core::Compat::Off;
use serde_json::{Value, json};

use crate::kit::{changes, edited, fixture, hook, only, pull, push, request, run, said};

#[test]
fn pushes_come_to_what_they_should() {
    let tag = json!({"old": null, "new": {"type": "tag", "name": "v1"}, "commits": "-"});
    for (update, expected) in [
        (json!({}), "push refs/heads/main@bbbb, push refs/heads/main@cccc"),
        (json!({"new": {"name": "a/b"}}), "push refs/heads/a/b@bbbb, push refs/heads/a/b@cccc"),
        // A new branch on a known commit, a reset, or commits that did not fit.
        (json!({"old": null, "commits": []}), "push refs/heads/main@cccc"),
        (json!({"forced": true, "commits": null}), "push refs/heads/main@cccc"),
        (json!({"truncated": true, "commits": "-"}), "push refs/heads/main@cccc"),
        // The head is there in any case.
        (
            json!({"new": {"target": {"hash": "eeeeeeee"}}}),
            "push refs/heads/main@bbbb, push refs/heads/main@cccc, push refs/heads/main@eeee",
        ),
        (tag.clone(), "push refs/tags/v1@cccc"),
        (edited(tag, json!({"commits": [{"hash": "x"}]})), "push refs/tags/v1@cccc"),
        (json!({"new": null}), "ref-deleted refs/heads/main@aaaa"),
        (json!({"new": "-"}), "ref-deleted refs/heads/main@aaaa"),
        (json!({"new": null, "old": {"type": "tag", "name": "v1"}}), "ref-deleted refs/tags/v1@aaaa"),
        (json!({"new": {"type": "bookmark"}}), "ignored: the push changes neither a branch nor a tag"),
    ] {
        let outcome = run(&*hook(Off, json!({})), &request("repo:push", &push(update.clone())));
        assert_eq!(said(&outcome), expected, "{update}");
    }
    let none = edited(fixture("repo:push"), json!({"push": {"changes": []}}));
    let outcome = run(&*hook(Off, json!({})), &request("repo:push", &none));
    assert_eq!(said(&outcome), "ignored: the push changes neither a branch nor a tag");
}

#[test]
fn other_events_make_no_change() {
    let events = ["repo:fork", "issue:created", "repo:commit_status_created", "pullrequest", "diagnostics:ping", ""];
    for event in events {
        let outcome = run(&*hook(Off, json!({})), &request(event, &fixture(event)));
        assert_eq!(said(&outcome), format!("ignored: event `{event}` makes no change"));
    }
}

#[test]
fn a_push_of_several_refs_is_told_ref_by_ref() {
    let update = fixture("repo:push")["push"]["changes"][0].clone();
    let updates = json!([
        update.clone(),
        edited(update.clone(), json!({"new": {"type": "tag", "name": "v1"}, "commits": "-"})),
        edited(update.clone(), json!({"new": {"type": "named_branch"}})),
        edited(update, json!({"old": {"name": "old"}, "new": null})),
    ]);
    let payload = edited(fixture("repo:push"), json!({"push": {"changes": updates}}));
    let outcome = run(&*hook(Off, json!({})), &request("repo:push", &payload));
    let expected = "push refs/heads/main@bbbb, push refs/heads/main@cccc, push refs/tags/v1@cccc, \
        ref-deleted refs/heads/old@aaaa";
    assert_eq!(said(&outcome), expected);
}

#[test]
fn pull_requests_come_to_what_they_should() {
    let merged = json!({"state": "MERGED", "merge_commit": {"hash": "eeeeeeeeeeee"}});
    let gone = json!({"source": {"repository": null, "commit": null}});
    for (event, patch, expected) in [
        ("pullrequest:created", json!({}), "pull-created refs/heads/feature/milk@dddd"),
        ("pullrequest:updated", json!({}), "pull-updated refs/heads/feature/milk@dddd"),
        ("pullrequest:fulfilled", merged, "pull-fulfilled refs/heads/main@eeee"),
        ("pullrequest:fulfilled", json!({}), "pull-fulfilled refs/heads/main@dddd"),
        ("pullrequest:rejected", json!({"state": "DECLINED"}), "pull-rejected refs/heads/feature/milk@dddd"),
        ("pullrequest:created", gone.clone(), "ignored: the source of pull request #7 is gone"),
        ("pullrequest:updated", json!({"source": {"commit": null}}), "ignored: the source of pull request #7 is gone"),
        ("pullrequest:rejected", gone.clone(), "pull-rejected refs/heads/feature/milk@-"),
        ("pullrequest:fulfilled", gone, "pull-fulfilled refs/heads/main@-"),
        ("pullrequest:approved", json!({}), "ignored: event `pullrequest:approved` makes no change"),
        ("pullrequest:comment_created", json!({}), "ignored: event `pullrequest:comment_created` makes no change"),
        // The shape that Buildbot expects.
        ("legacy pullrequest:created", json!({}), "pull-created refs/pull-requests/7/merge@dddd"),
        ("legacy pullrequest:updated", json!({"id": 8}), "pull-updated refs/pull-requests/8/merge@dddd"),
        ("legacy pullrequest:fulfilled", json!({}), "pull-fulfilled refs/heads/main@dddd"),
        ("legacy pullrequest:rejected", json!({}), "pull-rejected refs/heads/feature/milk@dddd"),
    ] {
        let payload = pull(event, patch.clone());
        let outcome = run(&*hook(Off, json!({})), &request(event, &payload));
        assert_eq!(said(&outcome), expected, "{event} with {patch}");
    }
}

#[test]
fn a_push_is_told_in_full() {
    let options = json!({"bitbucket_property_whitelist": ["*"], "codebase": "pots"});
    let changes = changes(&*hook(Off, options), &request("repo:push", &fixture("repo:push")));
    let expected = json!({
        "author": "Ada <ada@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Warm the pot\n\nIt matters.\n",
        "committer": "Grace <grace@example.org>",
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "https://bitbucket.org/kitchen/tea",
        "revision": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "revlink": "https://bitbucket.org/kitchen/tea/commits/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "src": "git",
        "when_timestamp": 1_714_550_400,
    });
    assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected);
    assert_eq!((&*changes[1].comments, &changes[1].committer), ("Pour slowly\n", &None));
}

#[test]
fn a_deletion_names_who_deleted() {
    let deleted = only(Off, json!({}), "repo:push", &push(json!({"new": null})));
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "ref-deleted",
        "codebase": "",
        "comments": "Bitbucket Cloud commit aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "https://bitbucket.org/kitchen/tea",
        "revision": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "revlink": "https://bitbucket.org/kitchen/tea/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(deleted, expected);
}

#[test]
fn what_a_commit_does_not_tell_is_told_otherwise() {
    let bare = json!({"type": "branch", "name": "main", "target": {"hash": "cccc"}});
    let payload = edited(fixture("repo:push"), json!({"push": {"changes": [{"old": null, "new": bare}]}}));
    let change = only(Off, json!({}), "repo:push", &payload);
    assert_eq!(change["author"], "Grace <grace>");
    assert_eq!(change["comments"], "Bitbucket Cloud commit cccc");
    assert_eq!(change["revlink"], "https://bitbucket.org/kitchen/tea/commits/cccc");
    assert_eq!(change["when_timestamp"], Value::Null);
    for (actor, author) in [
        (json!({"display_name": "Kitchen", "nickname": "-"}), "Kitchen"),
        (json!({"display_name": null}), "<grace>"),
        (json!({"display_name": "", "nickname": null}), ""),
        (json!(null), ""),
    ] {
        let payload = edited(payload.clone(), json!({"actor": actor}));
        assert_eq!(only(Off, json!({}), "repo:push", &payload)["author"], author, "{actor}");
    }
    let repository = json!({"repository": {"project": "-", "scm": "-", "links": {"html": "-"}}});
    let change = only(Off, json!({}), "repo:push", &edited(payload.clone(), repository));
    assert_eq!(change["project"], "none");
    assert_eq!(change["src"], "git");
    assert_eq!(change["repository"], "https://api.bitbucket.org/2.0/repositories/kitchen/tea");
    let payload = edited(payload, json!({"repository": {"project": null}}));
    assert_eq!(only(Off, json!({}), "repo:push", &payload)["project"], "none");
}

#[test]
fn a_pull_request_is_told_in_full() {
    let whitelist = ["bitbucket.id", "bitbucket.destination.branch.*", "bitbucket.reviewers", "bitbucket.merge_commit"];
    let options = json!({"bitbucket_property_whitelist": whitelist, "codebase": "pots"});
    let event = "pullrequest:created";
    let created = only(Off, options.clone(), event, &fixture(event));
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "codebase": "pots",
        "comments": "Bitbucket Cloud Pull Request #7\nAdd milk\nOnly after the tea.",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://bitbucket.org/kitchen/tea/pull-requests/7",
            "bitbucket.id": 7,
            "bitbucket.destination.branch.name": "main",
            "bitbucket.reviewers": [{"display_name": "Grace"}],
            "bitbucket.merge_commit": null,
        },
        // The fork, where the branch is.
        "repository": "https://bitbucket.org/ada/tea",
        "revision": "dddddddddddd",
        "revlink": "https://bitbucket.org/kitchen/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": 1_714_644_000,
    });
    assert_eq!(created, expected);
    let event = "pullrequest:fulfilled";
    let merged = pull(event, json!({"merge_commit": {"hash": "eeeeeeeeeeee"}}));
    let merged = only(Off, options, event, &merged);
    assert_eq!(merged["repository"], "https://bitbucket.org/kitchen/tea");
    assert_eq!((&merged["branch"], &merged["revision"]), (&json!("refs/heads/main"), &json!("eeeeeeeeeeee")));
}

#[test]
fn a_pull_request_falls_back_to_what_is_there() {
    let event = "pullrequest:created";
    let patch = json!({"description": "", "updated_on": null, "title": "-"});
    let change = only(Off, json!({}), event, &pull(event, patch));
    assert_eq!(change["comments"], "Bitbucket Cloud Pull Request #7");
    assert_eq!(change["when_timestamp"], 1_714_636_800);
    let patch = json!({"created_on": "-", "updated_on": "-"});
    let change = only(Off, json!({}), event, &pull(event, patch));
    assert_eq!(change["when_timestamp"], Value::Null);
    let event = "pullrequest:rejected";
    let patch = json!({"source": {"repository": null, "commit": null}});
    let change = only(Off, json!({}), event, &pull(event, patch));
    assert_eq!(change["repository"], "https://bitbucket.org/kitchen/tea");
    assert_eq!(change["revision"], Value::Null);
}

#[test]
fn a_pull_request_in_the_shape_that_buildbot_expects_is_told_in_full() {
    let event = "legacy pullrequest:created";
    let options = json!({"bitbucket_property_whitelist": ["bitbucket.title", "bitbucket.toRef.*.name"]});
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/pull-requests/7/merge",
        "category": "pull-created",
        "codebase": "",
        "comments": "Bitbucket Cloud Pull Request #7\nAdd milk",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.title": "Add milk",
            "bitbucket.toRef.branch.name": "main",
        },
        "repository": "https://git.example.org/projects/DRI/repos/tea",
        "revision": "dddddddddddddddddddddddddddddddddddddddd",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(only(Off, options, event, &fixture(event)), expected);
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["repo:push", "pullrequest:created", "legacy pullrequest:created"] {
        for (query, project, codebase) in
            [("", "Drinks", "pots"), ("project=p%20q&codebase=c", "p q", "c"), ("project=&codebase=", "Drinks", "pots")]
        {
            let request = request(event, &fixture(event)).with_query(query);
            let change = changes(&*hook(Off, json!({"codebase": "pots"})), &request).remove(0);
            assert_eq!((&*change.project, &*change.codebase), (project, codebase), "{event} with `{query}`");
        }
    }
}
