//! What events come to: in one line each, then some of them field by field.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use serde_json::{Value, json};

use crate::kit::{changes, edited, fixture, hook, only, pull, push, request, run, said};

const ZERO: &str = "0000000000000000000000000000000000000000";

#[test]
fn pushes_come_to_what_they_should() {
    let (new, old, plugin) = ("repo:refs_changed", "old repo:refs_changed", "plugin repo:push");
    let tag = json!({"ref": {"id": "refs/tags/v1", "type": "TAG"}, "fromHash": ZERO, "type": "ADD"});
    let annotated = edited(tag.clone(), json!({"toHash": "eeeeeeee"}));
    let deleted = json!({"type": "DELETE", "toHash": ZERO});
    let neither = "ignored: the push changes neither a branch nor a tag";
    for (event, update, expected) in [
        (new, json!({}), "push refs/heads/main@bbbb, push refs/heads/main@cccc"),
        (old, json!({}), "push refs/heads/main@cccc"),
        (old, json!({"ref": "-", "refId": "refs/heads/a/b"}), "push refs/heads/a/b@cccc"),
        (new, json!({"fromHash": ZERO, "type": "ADD"}), "push refs/heads/main@bbbb, push refs/heads/main@cccc"),
        // The head is there in any case.
        (
            new,
            json!({"toHash": "eeeeeeee"}),
            "push refs/heads/main@bbbb, push refs/heads/main@cccc, push refs/heads/main@eeee",
        ),
        (new, tag.clone(), "push refs/tags/v1@cccc"),
        (old, tag, "push refs/tags/v1@cccc"),
        // The hash of an annotated tag is that of the tag; its commit is told by newer versions.
        (new, annotated.clone(), "push refs/tags/v1@cccc"),
        (old, annotated, "push refs/tags/v1@eeee"),
        (new, deleted.clone(), "ref-deleted refs/heads/main@aaaa"),
        (old, deleted, "ref-deleted refs/heads/main@aaaa"),
        (old, json!({"toHash": ZERO}), "ref-deleted refs/heads/main@aaaa"),
        (old, json!({"ref": {"id": "refs/notes/x"}}), neither),
        (old, json!({"ref": {"id": "refs/pull-requests/7/from"}}), neither),
        // The plugin's shape.
        (plugin, json!({}), "push refs/heads/main@cccc"),
        ("plugin repo:refs_changed", json!({}), "push refs/heads/main@cccc"),
        (plugin, json!({"old": null, "new": {"type": "tag", "name": "v1"}}), "push refs/tags/v1@cccc"),
        (plugin, json!({"new": null}), "ref-deleted refs/heads/main@aaaa"),
        (plugin, json!({"new": {"type": "other"}}), neither),
    ] {
        let outcome = run(&*hook(Off, json!({})), &request(event, &push(event, update.clone())));
        assert_eq!(said(&outcome), expected, "{event} with {update}");
    }
    let none = edited(fixture(new), json!({"changes": []}));
    assert_eq!(said(&run(&*hook(Off, json!({})), &request(new, &none))), neither);
}

#[test]
fn commits_are_found_as_far_as_they_are_told() {
    for (patch, expected) in [
        (json!({"commits": "-"}), "push refs/heads/main@cccc"),
        (json!({"commits": []}), "push refs/heads/main@cccc"),
        (json!({"toCommit": "-"}), "push refs/heads/main@bbbb, push refs/heads/main@cccc"),
        (json!({"toCommit": null, "commits": null}), "push refs/heads/main@cccc"),
        (json!({"commits": {"0": {"parents": "-"}}}), "push refs/heads/main@bbbb, push refs/heads/main@cccc"),
    ] {
        let payload = edited(fixture("repo:refs_changed"), patch.clone());
        let outcome = run(&*hook(Off, json!({})), &request("repo:refs_changed", &payload));
        assert_eq!(said(&outcome), expected, "{patch}");
    }
}

#[test]
fn of_a_push_of_several_refs_each_gets_its_own_commits() {
    let update = |id: &str, from: &str, to: &str, kind: &str| json!({"ref": {"id": id}, "fromHash": from, "toHash": to, "type": kind});
    let commit = |id: &str, parent: &str| json!({"id": id, "message": id, "parents": [{"id": parent}]});
    let patch = json!({
        "changes": [
            update("refs/heads/main", "a1", "a3", "UPDATE"),
            update("refs/heads/new", ZERO, "b1", "ADD"),
            update("refs/heads/known", ZERO, "a0", "ADD"),
            update("refs/tags/v1", ZERO, "a2", "ADD"),
            update("refs/tags/v2", ZERO, "t2", "ADD"),
            update("refs/heads/old", "o1", ZERO, "DELETE"),
            update("refs/notes/x", ZERO, "n1", "ADD"),
        ],
        "commits": [commit("b1", "a2"), commit("a3", "a2"), commit("a2", "a1"), commit("a1", "a0")],
        "toCommit": "-",
    });
    let payload = edited(fixture("repo:refs_changed"), patch);
    let outcome = run(&*hook(Off, json!({})), &request("repo:refs_changed", &payload));
    let expected = "push refs/heads/main@a2, push refs/heads/main@a3, push refs/heads/new@a1, push refs/heads/new@a2, \
        push refs/heads/new@b1, push refs/heads/known@a0, push refs/tags/v1@a2, push refs/tags/v2@t2, \
        ref-deleted refs/heads/old@o1";
    assert_eq!(said(&outcome), expected);
}

#[test]
fn pull_requests_come_to_what_they_should() {
    let merged = json!({"state": "MERGED", "properties": {"mergeCommit": {"id": "eeeeeeee"}}});
    for (event, patch, expected) in [
        ("pr:opened", json!({}), "pull-created refs/heads/feature/milk@dddd"),
        ("old pr:opened", json!({}), "pull-created refs/heads/feature/milk@dddd"),
        ("pr:opened", json!({"fromRef": {"id": "refs/tags/v1"}}), "pull-created refs/tags/v1@dddd"),
        ("pr:reopened", json!({}), "pull-created refs/heads/feature/milk@dddd"),
        ("pr:from_ref_updated", json!({}), "pull-updated refs/heads/feature/milk@dddd"),
        ("pr:merged", merged.clone(), "pull-fulfilled refs/heads/main@eeee"),
        ("old pr:merged", merged, "pull-fulfilled refs/heads/main@eeee"),
        ("pr:merged", json!({}), "pull-fulfilled refs/heads/main@dddd"),
        ("pr:declined", json!({}), "pull-rejected refs/heads/feature/milk@dddd"),
        ("pr:deleted", json!({}), "pull-rejected refs/heads/feature/milk@dddd"),
        // The plugin's shape.
        ("pullrequest:created", json!({}), "pull-created refs/pull-requests/7/merge@dddd"),
        ("pullrequest:updated", json!({"id": 8}), "pull-updated refs/pull-requests/8/merge@dddd"),
        ("pullrequest:fulfilled", json!({}), "pull-fulfilled refs/heads/main@dddd"),
        ("pullrequest:rejected", json!({}), "pull-rejected refs/heads/feature/milk@dddd"),
    ] {
        let outcome = run(&*hook(Off, json!({})), &request(event, &pull(event, patch.clone())));
        assert_eq!(said(&outcome), expected, "{event} with {patch}");
    }
}

#[test]
fn a_modified_pull_request_is_built_for_another_target() {
    let no = "ignored: event `pr:modified` makes no change unless the pull request got another target branch";
    for (patch, expected) in [
        (
            json!({"previousTarget": {"id": "refs/heads/old", "displayId": "old"}}),
            "pull-updated refs/heads/feature/milk@dddd",
        ),
        (json!({"previousTitle": "Milk", "previousTarget": {"id": "refs/heads/main"}}), no),
        (json!({"previousTitle": "Milk"}), no),
        (json!({"previousTarget": null}), no),
    ] {
        let payload = edited(fixture("pr:modified"), patch.clone());
        let outcome = run(&*hook(Off, json!({})), &request("pr:modified", &payload));
        assert_eq!(said(&outcome), expected, "{patch}");
    }
}

#[test]
fn other_events_make_no_change() {
    let events = [
        "pr:reviewer:approved",
        "pr:reviewer:updated",
        "pr:comment:added",
        "pr:to_ref_updated",
        "repo:forked",
        "repo:comment:added",
        "project:modified",
        "pullrequest:comment_created",
        "pullrequest",
        "",
    ];
    for event in events {
        let outcome = run(&*hook(Off, json!({})), &request(event, &fixture(event)));
        assert_eq!(said(&outcome), format!("ignored: event `{event}` makes no change"));
    }
    let mirrored = run(&*hook(Off, json!({})), &request("mirror:repo_synchronized", &fixture("repo:refs_changed")));
    let expected = "ignored: event `mirror:repo_synchronized` makes no change, since `repo:refs_changed` reports the \
        same push";
    assert_eq!(said(&mirrored), expected);
}

#[test]
fn a_test_of_the_connection_makes_no_change() {
    let expected = "ignored: event `diagnostics:ping` is a test of the connection";
    for (header, value) in [("Content-Type", "application/json"), ("X-Other", "")] {
        let ping = HookRequest::post("/").with_header("X-Event-Key", "diagnostics:ping").with_body(r#"{"test": true}"#);
        assert_eq!(said(&run(&*hook(Off, json!({})), &ping.with_header(header, value))), expected);
    }
}

#[test]
fn a_push_is_told_in_full() {
    let event = "repo:refs_changed";
    let options = json!({"bitbucket_property_whitelist": ["*"], "codebase": "pots"});
    let changes = changes(&*hook(Off, options), &request(event, &fixture(event)));
    let expected = json!({
        "author": "Ada L. <ada@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Warm the pot\n\nIt matters.",
        "committer": "Grace <grace@example.org>",
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "https://git.example.org/scm/dri/tea.git",
        "revision": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/commits/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "src": "git",
        "when_timestamp": 1_714_550_400,
    });
    assert_eq!(serde_json::to_value(&changes[0]).unwrap(), expected);
    assert_eq!((&*changes[1].author, changes[1].when_timestamp), ("Ada <ada@example.org>", Some(1_714_737_600)));
}

#[test]
fn an_old_push_is_told_as_far_as_it_is_known() {
    let event = "old repo:refs_changed";
    let expected = json!({
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "",
        "comments": "Bitbucket Server commit cccccccccccccccccccccccccccccccccccccccc",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "DRI/tea",
        "revision": "cccccccccccccccccccccccccccccccccccccccc",
        "revlink": null,
        "src": "git",
        "when_timestamp": 1_525_348_805,
    });
    assert_eq!(only(Off, json!({}), event, &fixture(event)), expected);
}

#[test]
fn a_pull_request_is_told_in_full() {
    let whitelist = ["bitbucket.id", "bitbucket.toRef.displayId", "bitbucket.reviewers"];
    let options = json!({"bitbucket_property_whitelist": whitelist, "codebase": "pots"});
    let expected = json!({
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "codebase": "pots",
        "comments": "Bitbucket Server Pull Request #7\nAdd milk\nOnly after the tea.",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.id": 7,
            "bitbucket.toRef.displayId": "main",
            "bitbucket.reviewers": [],
        },
        // The fork, where the branch is.
        "repository": "https://git.example.org/scm/~ada/tea.git",
        "revision": "dddddddddddddddddddddddddddddddddddddddd",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": 1_714_644_000,
    });
    assert_eq!(only(Off, options.clone(), "pr:opened", &fixture("pr:opened")), expected);
    let merged = pull("pr:merged", json!({"properties": {"mergeCommit": {"id": "eeeeeeee"}}}));
    let merged = only(Off, options, "pr:merged", &merged);
    assert_eq!(merged["repository"], "https://git.example.org/scm/dri/tea.git");
}

#[test]
fn an_old_pull_request_is_told_as_far_as_it_is_known() {
    let event = "old pr:opened";
    let expected = json!({
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "codebase": "",
        "comments": "Bitbucket Server Pull Request #7\nAdd milk",
        "committer": null,
        "files": [],
        "project": "DRI",
        "properties": {},
        "repository": "~ada/tea",
        "revision": "dddddddddddddddddddddddddddddddddddddddd",
        "revlink": null,
        "src": "git",
        "when_timestamp": 1_525_255_200,
    });
    assert_eq!(only(Off, json!({}), event, &fixture(event)), expected);
}

#[test]
fn links_are_taken_as_they_come() {
    let page = json!([{"href": "https://git.example.org/projects/DRI/repos/web-browser/browse"}]);
    let ssh = json!([{"href": "ssh://git@git.example.org:7999/dri/tea.git", "name": "ssh"}]);
    for (links, repository, revlink) in [
        (json!({"clone": ssh, "self": page}), "ssh://git@git.example.org:7999/dri/tea.git", Some("web-browser")),
        (json!({"self": page}), "https://git.example.org/projects/DRI/repos/web-browser", Some("web-browser")),
        (json!({"self": [{"href": "https://h/repos/tea/"}]}), "https://h/repos/tea", Some("https://h/repos/tea/c")),
        (
            json!({"clone": [null, {"href": null}], "self": page}),
            "https://git.example.org/projects/DRI/repos/web-browser",
            Some(""),
        ),
        (json!({"clone": [], "self": [null]}), "DRI/tea", None),
        (json!({"clone": null, "self": []}), "DRI/tea", None),
        (json!(null), "DRI/tea", None),
    ] {
        let event = "repo:refs_changed";
        let mut payload = fixture(event);
        payload["repository"]["links"] = links.clone();
        let change = changes(&*hook(Off, json!({})), &request(event, &payload)).remove(0);
        assert_eq!(change.repository, repository, "{links}");
        assert_eq!(change.revlink.is_some(), revlink.is_some(), "{links}");
        let named = revlink.is_none_or(|part| change.revlink.as_ref().is_some_and(|link| link.contains(part)));
        assert!(named, "{:?}", change.revlink);
    }
    let mut payload = fixture("pr:opened");
    payload["pullRequest"]["links"] = json!({"self": [null]});
    let change = only(Off, json!({}), "pr:opened", &payload);
    assert_eq!(change["revlink"], "https://git.example.org/projects/DRI/repos/tea/pull-requests/7");
    assert_eq!(change["properties"]["pullrequesturl"], change["revlink"]);
}

#[test]
fn people_are_named_as_far_as_they_are_known() {
    for (actor, author) in [
        (json!({"emailAddress": "-"}), "Grace <grace>"),
        (json!({"emailAddress": null, "name": null}), "Grace"),
        (json!({"displayName": ""}), "grace <grace@example.org>"),
        (json!({"displayName": "-", "name": "-"}), "<grace@example.org>"),
        (json!(null), ""),
        (json!("-"), ""),
    ] {
        for event in ["old repo:refs_changed", "old pr:opened"] {
            let payload = edited(fixture(event), json!({"actor": actor}));
            assert_eq!(only(Off, json!({}), event, &payload)["author"], author, "{actor}");
        }
    }
}

#[test]
fn dates_are_milliseconds_or_iso() {
    for (patch, expected) in [
        (json!({"updatedDate": "2024-05-02T10:00:00.999Z"}), json!(1_714_644_000)),
        (json!({"updatedDate": "2024-05-02T12:00:00+0200"}), json!(1_714_644_000)),
        (json!({"updatedDate": null}), json!(1_714_636_800)),
        (json!({"updatedDate": "-", "createdDate": "-"}), json!(1_714_644_001)),
        (json!({"updatedDate": -1}), json!(-1)),
    ] {
        let change = only(Off, json!({}), "pr:opened", &pull("pr:opened", patch.clone()));
        assert_eq!(change["when_timestamp"], expected, "{patch}");
    }
    let undated = edited(push("old repo:refs_changed", json!({})), json!({"date": "-"}));
    assert_eq!(only(Off, json!({}), "old repo:refs_changed", &undated)["when_timestamp"], Value::Null);
}

#[test]
fn the_shape_of_the_plugin_is_told_in_full() {
    let event = "plugin repo:push";
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "",
        "comments": "Pour slowly",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "https://git.example.org/projects/DRI/repos/tea/",
        "revision": "cccccccccccccccccccccccccccccccccccccccc",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/commits/cccccccccccccccccccccccccccccccccccccccc",
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(only(Off, json!({}), event, &fixture(event)), expected);
    for (link, repository, page) in [
        ("https://h/repos/browser/browse", "https://h/repos/browser/", "https://h/repos/browser/commits/cccc"),
        ("https://h/repos/browser", "https://h/repos/browser", "https://h/repos/browser/commits/cccc"),
        ("https://h/repos/nobrowse", "https://h/repos/nobrowse", "https://h/repos/nobrowse/commits/cccc"),
    ] {
        let payload = edited(fixture(event), json!({"repository": {"links": {"self": [{"href": link}]}}}));
        let change = only(Off, json!({}), event, &payload);
        assert_eq!(change["repository"], repository);
        assert!(change["revlink"].as_str().unwrap().starts_with(page), "{change}");
    }
    let patch = json!({"repository": {"project": {"name": "-"}}, "actor": {"username": "-"}});
    let change = only(Off, json!({}), event, &edited(fixture(event), patch));
    assert_eq!((&change["project"], &change["author"]), (&json!("DRI"), &json!("Grace <grace@example.org>")));
    let opened = only(Off, json!({}), "pullrequest:created", &fixture("pullrequest:created"));
    assert_eq!(opened["comments"], "Bitbucket Server Pull Request #7\nAdd milk");
    let page = "https://git.example.org/projects/DRI/repos/tea/pull-requests/7";
    assert_eq!((&opened["revlink"], &opened["properties"]), (&json!(page), &json!({"pullrequesturl": page})));
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["repo:refs_changed", "pr:opened", "plugin repo:push", "pullrequest:created"] {
        for (query, project, codebase) in
            [("", "Drinks", "pots"), ("project=p%20q&codebase=c", "p q", "c"), ("project=&codebase=", "Drinks", "pots")]
        {
            let request = request(event, &fixture(event)).with_query(query);
            let change = changes(&*hook(Off, json!({"codebase": "pots"})), &request).remove(0);
            assert_eq!((&*change.project, &*change.codebase), (project, codebase), "{event} with `{query}`");
        }
    }
}
