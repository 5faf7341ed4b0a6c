//! What events become: in one line each, then some of them field by field.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{assert_change, assert_fields, cases, json, sign};

use crate::{FORGE, change};

const ZERO: &str = "0000000000000000000000000000000000000000";

#[test]
fn pushes_become_what_they_should() {
    let (new, old, plugin) = ("repo:refs_changed", "old repo:refs_changed", "plugin repo:push");
    let tag = json!({"ref": {"id": "refs/tags/v1", "type": "TAG"}, "fromHash": ZERO, "type": "ADD"});
    let annotated =
        json!({"ref": {"id": "refs/tags/v1", "type": "TAG"}, "fromHash": ZERO, "type": "ADD", "toHash": "eeeeeeee"});
    let deleted = json!({"type": "DELETE", "toHash": ZERO});
    let neither = "ignored: the push changes neither a branch nor a tag";
    cases! { FORGE;
        off new {} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off old {} => "push refs/heads/main@cccc";
        off old {"changes.0": {"ref": "-", "refId": "refs/heads/a/b"}} => "push refs/heads/a/b@cccc";
        // Of what is new the head alone.
        off new {"changes.0": {"fromHash": ZERO, "type": "ADD"}} => "push refs/heads/main@cccc";
        off new {"changes.0": {"fromHash": ZERO}} => "push refs/heads/main@cccc";
        // The head is there in any case.
        off new {"changes.0.toHash": "eeeeeeee"} => "push refs/heads/main@bbbb, push refs/heads/main@cccc, push refs/heads/main@eeee";
        off new {"changes.0": tag} => "push refs/tags/v1@cccc";
        off old {"changes.0": tag} => "push refs/tags/v1@cccc";
        // The hash of an annotated tag is that of the tag; newer versions name its commit.
        off new {"changes.0": annotated} => "push refs/tags/v1@cccc";
        off old {"changes.0": annotated} => "push refs/tags/v1@eeee";
        off new {"changes.0": deleted} => "ref-deleted refs/heads/main@aaaa";
        off old {"changes.0": deleted} => "ref-deleted refs/heads/main@aaaa";
        off old {"changes.0.toHash": ZERO} => "ref-deleted refs/heads/main@aaaa";
        off old {"changes.0.ref": {"id": "refs/notes/x"}} => neither;
        off old {"changes.0.ref": {"id": "refs/pull-requests/7/from"}} => neither;
        // The plugin's shape.
        off plugin {} => "push refs/heads/main@cccc";
        off "plugin repo:refs_changed" {} => "push refs/heads/main@cccc";
        off plugin {"push.changes.0": {"old": null, "new": {"type": "tag", "name": "v1"}}} => "push refs/tags/v1@cccc";
        off plugin {"push.changes.0.new": null} => "ref-deleted refs/heads/main@aaaa";
        off plugin {"push.changes.0.new": {"type": "other"}} => neither;
        off new {"changes": []} => neither;
        off new {"changes": null} => neither;
        // Wrong descriptions are left out.
        off new {"date": "soon", "actor": {"displayName": 5}, "repository": {"links": {"self": 5}}} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off new {"date": 1e300, "commits": {"0": {"message": 5, "committerTimestamp": true}}} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off new {"date": 9_000_000_000_000_000_i64, "changes.0.type": 5} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
    }
}

#[test]
fn commits_are_found_as_far_as_they_are_sent() {
    cases! { FORGE;
        off "repo:refs_changed" {"commits": "-"} => "push refs/heads/main@cccc";
        off "repo:refs_changed" {"commits": []} => "push refs/heads/main@cccc";
        off "repo:refs_changed" {"toCommit": "-"} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off "repo:refs_changed" {"toCommit": null, "commits": null} => "push refs/heads/main@cccc";
        off "repo:refs_changed" {"commits": {"0": {"parents": "-"}}} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
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
    let run = FORGE.hook(Off, json!({})).run(&FORGE.request("repo:refs_changed", patch));
    let expected = "push refs/heads/main@a2, push refs/heads/main@a3, push refs/heads/new@b1, \
        push refs/heads/known@a0, push refs/tags/v1@a2, push refs/tags/v2@t2, \
        ref-deleted refs/heads/old@o1";
    assert_eq!(run.summary(), expected);
}

#[test]
fn pull_requests_become_what_they_should() {
    let merged = json!({"state": "MERGED", "properties": {"mergeCommit": {"id": "eeeeeeee"}}});
    cases! { FORGE;
        off "pr:opened" {} => "pull-created refs/heads/feature/milk@dddd";
        off "old pr:opened" {} => "pull-created refs/heads/feature/milk@dddd";
        off "pr:opened" {"pullRequest.fromRef": {"id": "refs/tags/v1"}} => "pull-created refs/tags/v1@dddd";
        off "pr:reopened" {} => "pull-created refs/heads/feature/milk@dddd";
        off "pr:from_ref_updated" {} => "pull-updated refs/heads/feature/milk@dddd";
        off "pr:merged" {"pullRequest": merged} => "pull-fulfilled refs/heads/main@eeee";
        off "old pr:merged" {"pullRequest": merged} => "pull-fulfilled refs/heads/main@eeee";
        off "pr:merged" {} => "pull-fulfilled refs/heads/main@dddd";
        off "pr:declined" {} => "pull-rejected refs/heads/feature/milk@dddd";
        off "pr:deleted" {} => "pull-rejected refs/heads/feature/milk@dddd";
        // The plugin's shape.
        off "pullrequest:created" {} => "pull-created refs/pull-requests/7/merge@dddd";
        off "pullrequest:updated" {"pullrequest.id": 8} => "pull-updated refs/pull-requests/8/merge@dddd";
        off "pullrequest:fulfilled" {} => "pull-fulfilled refs/heads/main@dddd";
        off "pullrequest:rejected" {} => "pull-rejected refs/heads/feature/milk@dddd";
    }
}

#[test]
fn a_modified_pull_request_is_built_for_another_target() {
    let no = "ignored: event `pr:modified` makes no change unless the pull request got another target branch";
    cases! { FORGE;
        off "pr:modified" {"previousTarget": {"id": "refs/heads/old", "displayId": "old"}} => "pull-updated refs/heads/feature/milk@dddd";
        off "pr:modified" {"previousTitle": "Milk", "previousTarget": {"id": "refs/heads/main"}} => no;
        off "pr:modified" {"previousTitle": "Milk"} => no;
        off "pr:modified" {"previousTarget": null} => no;
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
        let run = FORGE.hook(Off, json!({})).run(&FORGE.request(event, json!({})));
        assert_eq!(run.summary(), format!("ignored: event `{event}` makes no change"));
    }
    cases! { FORGE;
        off "mirror:repo_synchronized" {} => "ignored: event `mirror:repo_synchronized` makes no change, since \
            `repo:refs_changed` reports the same push";
    }
}

#[test]
fn a_test_of_the_connection_makes_no_change() {
    for (header, value) in [("Content-Type", "application/json"), ("X-Other", "")] {
        let ping = HookRequest::post("/").with_header("X-Event-Key", "diagnostics:ping").with_body(r#"{"test": true}"#);
        let run = FORGE.hook(Off, json!({})).run(&ping.with_header(header, value));
        assert_eq!(run.summary(), "ignored: event `diagnostics:ping` is a test of the connection");
    }
}

#[test]
fn a_test_of_the_connection_needs_no_proof_but_no_wrong_one_either() {
    let body = r#"{"test": true}"#;
    let ping = || HookRequest::post("/").with_header("X-Event-Key", "diagnostics:ping").with_body(body);
    let signed = |secret: &str| ping().with_header("X-Hub-Signature", sign::sha256(secret, body));
    for (options, request, is_ping) in [
        (json!({}), ping(), true),
        (json!({"secret": "s"}), ping(), true),
        (json!({"secret": "s"}), signed("s"), true),
        (json!({"secret": "s"}), signed("t"), false),
        (json!({"secret": "s"}), FORGE.request("repo:refs_changed", json!({})), false),
    ] {
        assert_eq!(FORGE.hook(Off, options.clone()).is_ping(&request), is_ping, "{options}");
    }
}

#[test]
fn skips_count_for_each_branch() {
    cases! { FORGE, {"skips": ["no build"]};
        off "repo:refs_changed" {"toCommit.message": "no build", "commits.0.message": "no build"} => "ignored: head commit matches the skip pattern no build";
        off "repo:refs_changed" {"commits.1.message": "no build"} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off "pr:opened" {"pullRequest.title": "x no build"} => "ignored: head commit matches the skip pattern no build";
        off "plugin repo:push" {"push.changes.0.new.target.commitMessage": "no build"} => "ignored: head commit matches the skip pattern no build";
    }
}

#[test]
fn a_push_has_all_fields() {
    let options = json!({"bitbucket_property_whitelist": ["*"], "codebase": "pots"});
    let changes = FORGE.hook(Off, options).changes(&FORGE.request("repo:refs_changed", json!({})));
    assert_change!(&changes[0], {
        "author": "Ada L. <ada@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Warm the pot\n\nIt matters.",
        "committer": "Grace <grace@example.org>",
        "project": "Drinks",
        "repository": "https://git.example.org/scm/dri/tea.git",
        "revision": "b".repeat(40),
        "revlink": format!("https://git.example.org/projects/DRI/repos/tea/commits/{}", "b".repeat(40)),
        "src": "git",
        "when_timestamp": 1_714_550_400,
    });
    assert_fields!(&changes[1], {"author": "Ada <ada@example.org>", "when_timestamp": 1_714_737_600});
}

#[test]
fn an_old_push_has_the_fields_that_are_known() {
    assert_change!(&change(Off, json!({}), "old repo:refs_changed", json!({})), {
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "comments": format!("Bitbucket Server commit {}", "c".repeat(40)),
        "project": "Drinks",
        "repository": "DRI/tea",
        "revision": "c".repeat(40),
        "src": "git",
        "when_timestamp": 1_525_348_805,
    });
}

#[test]
fn a_pull_request_has_all_fields() {
    let whitelist = ["bitbucket.id", "bitbucket.toRef.displayId", "bitbucket.reviewers"];
    let options = json!({"bitbucket_property_whitelist": whitelist, "codebase": "pots"});
    assert_change!(&change(Off, options.clone(), "pr:opened", json!({})), {
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "codebase": "pots",
        "comments": "Bitbucket Server Pull Request #7\nAdd milk\nOnly after the tea.",
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.id": 7,
            "bitbucket.toRef.displayId": "main",
            "bitbucket.reviewers": [],
        },

        "repository": "https://git.example.org/scm/~ada/tea.git",
        "revision": "d".repeat(40),
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": 1_714_644_000,
    });
    let merged = json!({"pullRequest": {"properties": {"mergeCommit": {"id": "eeeeeeee"}}}});
    let merged = change(Off, options, "pr:merged", merged);
    assert_eq!(merged.repository, "https://git.example.org/scm/dri/tea.git");
}

#[test]
fn an_old_pull_request_has_the_fields_that_are_known() {
    assert_change!(&change(Off, json!({}), "old pr:opened", json!({})), {
        "author": "Grace <grace@example.org>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "comments": "Bitbucket Server Pull Request #7\nAdd milk",
        "project": "DRI",
        "repository": "~ada/tea",
        "revision": "d".repeat(40),
        "src": "git",
        "when_timestamp": 1_525_255_200,
    });
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
        let mut payload = FORGE.payload("repo:refs_changed", json!({}));
        payload["repository"]["links"] = links.clone();
        let request = FORGE.send("repo:refs_changed", &payload);
        let change = FORGE.hook(Off, json!({})).changes(&request).remove(0);
        assert_eq!(change.repository, repository, "{links}");
        assert_eq!(change.revlink.is_some(), revlink.is_some(), "{links}");
        let named = revlink.is_none_or(|part| change.revlink.as_ref().is_some_and(|link| link.contains(part)));
        assert!(named, "{:?}", change.revlink);
    }
    let page = "https://git.example.org/projects/DRI/repos/tea/pull-requests/7";
    let change = change(Off, json!({}), "pr:opened", json!({"pullRequest.links": {"self": [null]}}));
    assert_fields!(&change, {"revlink": page, "properties": {"pullrequesturl": page}});
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
            assert_eq!(change(Off, json!({}), event, json!({"actor": actor})).author, author, "{actor}");
        }
    }
}

#[test]
fn dates_are_milliseconds_or_iso() {
    for (patch, expected) in [
        (json!({"updatedDate": "2024-05-02T10:00:00.999Z"}), Some(1_714_644_000)),
        (json!({"updatedDate": "2024-05-02T12:00:00+0200"}), Some(1_714_644_000)),
        (json!({"updatedDate": null}), Some(1_714_636_800)),
        (json!({"updatedDate": "-", "createdDate": "-"}), Some(1_714_644_001)),
        (json!({"updatedDate": -1}), Some(-1)),
    ] {
        let change = change(Off, json!({}), "pr:opened", json!({"pullRequest": patch}));
        assert_eq!(change.when_timestamp, expected, "{patch}");
    }
    assert_eq!(change(Off, json!({}), "old repo:refs_changed", json!({"date": "-"})).when_timestamp, None);
}

#[test]
fn the_shape_of_the_plugin_has_all_fields() {
    let event = "plugin repo:push";
    assert_change!(&change(Off, json!({}), event, json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "comments": "Pour slowly",
        "project": "Drinks",
        "repository": "https://git.example.org/projects/DRI/repos/tea/",
        "revision": "c".repeat(40),
        "revlink": format!("https://git.example.org/projects/DRI/repos/tea/commits/{}", "c".repeat(40)),
        "src": "git",
    });
    for (link, repository, page) in [
        ("https://h/repos/browser/browse", "https://h/repos/browser/", "https://h/repos/browser/commits/"),
        ("https://h/repos/browser", "https://h/repos/browser", "https://h/repos/browser/commits/"),
        ("https://h/repos/nobrowse", "https://h/repos/nobrowse", "https://h/repos/nobrowse/commits/"),
    ] {
        let change = change(Off, json!({}), event, json!({"repository.links.self": [{"href": link}]}));
        assert_fields!(&change, {"repository": repository, "revlink": format!("{page}{}", "c".repeat(40))});
    }
    let patch = json!({"repository.project.name": "-", "actor.username": "-"});
    let fallen_back = change(Off, json!({}), event, patch);
    assert_fields!(&fallen_back, {"project": "DRI", "author": "Grace <grace@example.org>"});
    let page = "https://git.example.org/projects/DRI/repos/tea/pull-requests/7";
    assert_fields!(&change(Off, json!({}), "pullrequest:created", json!({})), {
        "comments": "Bitbucket Server Pull Request #7\nAdd milk",
        "revlink": page,
        "properties": {"pullrequesturl": page},
    });
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["repo:refs_changed", "pr:opened", "plugin repo:push", "pullrequest:created"] {
        for (query, project, codebase) in
            [("", "Drinks", "pots"), ("project=p%20q&codebase=c", "p q", "c"), ("project=&codebase=", "Drinks", "pots")]
        {
            let request = FORGE.request(event, json!({})).with_query(query);
            let change = FORGE.hook(Off, json!({"codebase": "pots"})).changes(&request).remove(0);
            assert_fields!(&change, {"project": project, "codebase": codebase});
        }
    }
}
