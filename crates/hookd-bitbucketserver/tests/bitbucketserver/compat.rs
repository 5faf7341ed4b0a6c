//! `compat = "buildbot"`: Buildbot's changes, omissions included.

use hookd_core::Compat::Buildbot;
use serde_json::{Value, json};

use crate::kit::{changes, edited, fixture, hook, only, pull, push, request, run, said};

#[test]
fn events_come_to_what_buildbot_makes_of_them() {
    let (event, own) =
        ("plugin repo:push", "ignored: with `compat = \"buildbot\"`, a push in the shape that Bitbucket");
    for (event, payload, expected) in [
        (event, push(event, json!({})), "push refs/heads/main@cccc"),
        ("plugin repo:refs_changed", fixture(event), "push refs/heads/main@cccc"),
        ("repo_push", fixture(event), "push refs/heads/main@cccc"),
        (event, push(event, json!({"new": {"type": "tag", "name": "v1"}})), "push refs/tags/v1@cccc"),
        (event, push(event, json!({"new": {"type": "other", "name": "-"}})), "push -@cccc"),
        (event, push(event, json!({"new": {"name": null}})), "push refs/heads/None@cccc"),
        (event, push(event, json!({"new": null})), "ref-deleted refs/heads/main@aaaa"),
        (
            event,
            edited(fixture(event), json!({"push": {"changes": []}})),
            "ignored: the push changes neither a branch nor a tag",
        ),
        ("pullrequest:created", fixture("pullrequest:created"), "pull-created refs/pull-requests/7/merge@dddd"),
        ("pullrequest:updated", fixture("pullrequest:updated"), "pull-updated refs/pull-requests/7/merge@dddd"),
        ("pullrequest:fulfilled", fixture("pullrequest:fulfilled"), "pull-fulfilled refs/heads/main@dddd"),
        ("pullrequest:rejected", fixture("pullrequest:rejected"), "pull-rejected refs/heads/feature/milk@dddd"),
        // What Buildbot cannot read.
        ("repo:refs_changed", fixture("repo:refs_changed"), own),
        ("old repo:refs_changed", fixture("old repo:refs_changed"), own),
        ("pr:opened", fixture("pr:opened"), "ignored: event `pr:opened` makes no change with `compat = \"buildbot\"`"),
        ("pullrequest", fixture("pullrequest:created"), "ignored: event `pullrequest` makes no change"),
        ("diagnostics:ping", json!({"test": true}), "ignored: event `diagnostics:ping` is a test of the connection"),
        ("", json!({}), "ignored: event `` makes no change"),
    ] {
        let outcome = run(&*hook(Buildbot, json!({})), &request(event, &payload));
        let said = said(&outcome);
        assert!(if expected == own { said.starts_with(own) } else { said == expected }, "{event}: {said}");
    }
}

#[test]
fn a_push_loses_its_message() {
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Bitbucket Server commit cccccccccccccccccccccccccccccccccccccccc",
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
    let options = json!({"codebase": "pots", "bitbucket_property_whitelist": ["*"]});
    assert_eq!(only(Buildbot, options, "plugin repo:push", &fixture("plugin repo:push")), expected);
}

#[test]
fn a_pull_request_is_told_as_buildbot_does() {
    let options = json!({"bitbucket_property_whitelist": ["bitbucket.*Ref.commit.message", "bitbucket.i[ed]"]});
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/pull-requests/7/merge",
        "category": "pull-created",
        "codebase": "",
        "comments": "Bitbucket Server Pull Request #7",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.id": "7",
            "bitbucket.fromRef.commit.message": null,
            "bitbucket.toRef.commit.message": null,
        },
        "repository": "https://git.example.org/projects/DRI/repos/tea/",
        "revision": "dddddddddddddddddddddddddddddddddddddddd",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": null,
    });
    assert_eq!(only(Buildbot, options, "pullrequest:created", &fixture("pullrequest:created")), expected);
}

#[test]
fn letters_of_browse_are_lost() {
    for (link, repository) in [
        ("https://h/repos/tea/browse", "https://h/repos/tea/"),
        ("https://h/repos/tea", "https://h/repos/tea"),
        ("https://h/repos/browser", "https://h/repos/"),
        ("browse", ""),
    ] {
        let event = "plugin repo:push";
        let payload = edited(fixture(event), json!({"repository": {"links": {"self": [{"href": link}]}}}));
        let change = only(Buildbot, json!({}), event, &payload);
        assert_eq!(change["repository"], repository);
        let page = format!("{repository}commits/cccccccccccccccccccccccccccccccccccccccc");
        assert_eq!(change["revlink"], page);
    }
}

#[test]
fn the_number_of_a_pull_request_is_what_python_makes_of_it() {
    for (id, number) in [
        (json!("7"), "7"),
        (json!(" 007 "), "7"),
        (json!("-7"), "-7"),
        (json!(7), "7"),
        (json!(7.9), "7"),
        (json!(-0.5), "0"),
        (json!(true), "1"),
    ] {
        let event = "pullrequest:updated";
        let expected = format!("pull-updated refs/pull-requests/{number}/merge@dddd");
        let outcome = run(&*hook(Buildbot, json!({})), &request(event, &pull(event, json!({"id": id}))));
        assert_eq!(said(&outcome), expected, "{id}");
    }
}

#[test]
fn null_is_none() {
    let event = "plugin repo:push";
    let patch = json!({"actor": {"displayName": null, "username": 5}, "repository": {"scmId": null}});
    let payload = edited(push(event, json!({"new": {"target": {"hash": null}}})), patch);
    let change = only(Buildbot, json!({}), event, &payload);
    assert_eq!(change["author"], "None <5>");
    assert_eq!(change["src"], Value::Null);
    assert_eq!(change["comments"], "Bitbucket Server commit None");
    assert_eq!(change["revlink"], "https://git.example.org/projects/DRI/repos/tea/commits/None");
    assert_eq!(change["revision"], Value::Null);
    let event = "pullrequest:rejected";
    let patch = json!({"link": null, "fromRef": {"branch": {"name": null}, "commit": {"hash": null}}});
    let change = only(Buildbot, json!({}), event, &pull(event, patch));
    assert_eq!(change["branch"], "refs/heads/None");
    assert_eq!((&change["revision"], &change["revlink"]), (&Value::Null, &Value::Null));
    assert_eq!(change["properties"], json!({"pullrequesturl": null}));
}

#[test]
fn arguments_of_the_url_do_not_count() {
    for event in ["plugin repo:push", "pullrequest:created"] {
        let request = request(event, &fixture(event)).with_query("project=p&codebase=c");
        let change = changes(&*hook(Buildbot, json!({"codebase": "pots"})), &request).remove(0);
        assert_eq!((&*change.project, &*change.codebase), ("Drinks", "pots"));
    }
}
