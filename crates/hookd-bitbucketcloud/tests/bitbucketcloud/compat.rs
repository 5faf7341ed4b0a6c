//! `compat = "buildbot"`: Buildbot's changes, omissions included.

use hookd_core::Compat::Buildbot;
use serde_json::{Value, json};

use crate::kit::{changes, edited, fixture, hook, only, pull, push, request, run, said};

#[test]
fn events_come_to_what_buildbot_makes_of_them() {
    let real = "ignored: with `compat = \"buildbot\"`, a pull request in the shape that Bitbucket Cloud sends makes no \
        change";
    for (event, payload, expected) in [
        ("repo:push", push(json!({})), "push refs/heads/main@cccc"),
        ("repo_push", push(json!({})), "push refs/heads/main@cccc"),
        ("repo:push", push(json!({"new": {"type": "tag", "name": "v1"}})), "push refs/tags/v1@cccc"),
        ("repo:push", push(json!({"new": {"type": "named_branch"}})), "push -@cccc"),
        ("repo:push", push(json!({"new": {"type": null, "name": "-"}})), "push -@cccc"),
        ("repo:push", push(json!({"new": {"name": null}})), "push refs/heads/None@cccc"),
        ("repo:push", push(json!({"new": {}})), "ref-deleted refs/heads/main@aaaa"),
        ("repo:push", push(json!({"new": null})), "ref-deleted refs/heads/main@aaaa"),
        (
            "repo:push",
            edited(fixture("repo:push"), json!({"push": {"changes": []}})),
            "ignored: the push has no changes",
        ),
        ("pullrequest:created", fixture("pullrequest:created"), real),
        ("pullrequest:rejected", fixture("pullrequest:rejected"), real),
        ("pullrequest", fixture("pullrequest:created"), "ignored: event `pullrequest` makes no change"),
        ("diagnostics:ping", json!({"test": true}), "ignored: event `diagnostics:ping` makes no change"),
        ("", json!({}), "ignored: event `` makes no change"),
    ] {
        let outcome = run(&*hook(Buildbot, json!({})), &request(event, &payload));
        assert_eq!(said(&outcome), expected, "{event} with {payload}");
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
        let event = "legacy pullrequest:updated";
        let payload = pull(event, json!({"id": id}));
        let expected = format!("pull-updated refs/pull-requests/{number}/merge@dddd");
        assert_eq!(said(&run(&*hook(Buildbot, json!({})), &request(event, &payload))), expected, "{id}");
    }
}

#[test]
fn a_push_loses_its_commits() {
    let expected = json!({
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Bitbucket Cloud commit cccccccccccccccccccccccccccccccccccccccc",
        "committer": null,
        "files": [],
        "project": "Drinks",
        "properties": {},
        "repository": "https://api.bitbucket.org/2.0/repositories/kitchen/tea",
        "revision": "cccccccccccccccccccccccccccccccccccccccc",
        "revlink": "https://bitbucket.org/kitchen/tea/commits/cccccccccccccccccccccccccccccccccccccccc",
        "src": "git",
        "when_timestamp": null,
    });
    let options = json!({"codebase": "pots", "bitbucket_property_whitelist": ["*"]});
    assert_eq!(only(Buildbot, options, "repo:push", &fixture("repo:push")), expected);
}

#[test]
fn null_is_none() {
    let patch = json!({
        "actor": {"display_name": null, "nickname": 5},
        "repository": {"project": "-", "scm": null, "links": {"html": {"href": null}}},
    });
    let payload = edited(push(json!({"new": {"target": {"hash": null}}})), patch);
    let change = only(Buildbot, json!({}), "repo:push", &payload);
    assert_eq!(change["author"], "None <5>");
    assert_eq!(change["project"], "none");
    assert_eq!(change["src"], Value::Null);
    assert_eq!(change["comments"], "Bitbucket Cloud commit None");
    assert_eq!(change["revlink"], "None/commits/None");
    assert_eq!(change["revision"], Value::Null);
    let event = "legacy pullrequest:rejected";
    let patch = json!({"link": null, "fromRef": {"branch": {"name": null}, "commit": {"hash": null}}});
    let change = only(Buildbot, json!({}), event, &pull(event, patch));
    assert_eq!(change["branch"], "refs/heads/None");
    assert_eq!((&change["revision"], &change["revlink"]), (&Value::Null, &Value::Null));
    assert_eq!(change["properties"], json!({"pullrequesturl": null}));
}

#[test]
fn a_pull_request_has_neither_title_nor_arguments() {
    let event = "legacy pullrequest:created";
    let request = request(event, &fixture(event)).with_query("project=p&codebase=c");
    let change = changes(&*hook(Buildbot, json!({"codebase": "pots"})), &request).remove(0);
    assert_eq!(change.comments, "Bitbucket Cloud Pull Request #7");
    assert_eq!((&*change.project, &*change.codebase), ("Drinks", "pots"));
    assert_eq!(change.repository, "https://git.example.org/projects/DRI/repos/tea");
}
