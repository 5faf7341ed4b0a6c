//! `compat = "buildbot"`: Buildbot's changes, omissions included.

use hookd_core::Compat::Buildbot;
use hookd_testkit::{assert_change, assert_fields, cases, json};

use crate::{FORGE, change};

#[test]
fn events_become_what_buildbot_makes_of_them() {
    let real = "ignored: with `compat = \"buildbot\"`, a pull request in the shape that Bitbucket Cloud sends makes no \
        change";
    cases! { FORGE;
        buildbot "repo:push" {} => "push refs/heads/main@cccc";
        buildbot "repo_push" {} => "push refs/heads/main@cccc";
        buildbot "repo:push" {"push.changes.0.new": {"type": "tag", "name": "v1"}} => "push refs/tags/v1@cccc";
        buildbot "repo:push" {"push.changes.0.new": {"type": "named_branch"}} => "push -@cccc";
        buildbot "repo:push" {"push.changes.0.new": {"type": null, "name": "-"}} => "push -@cccc";
        buildbot "repo:push" {"push.changes.0.new": {"name": null}} => "push refs/heads/None@cccc";
        buildbot "repo:push" {"push.changes.0.new": {}} => "ref-deleted refs/heads/main@aaaa";
        buildbot "repo:push" {"push.changes.0.new": null} => "ref-deleted refs/heads/main@aaaa";
        buildbot "repo:push" {"push": {"changes": []}} => "ignored: the push has no changes";
        buildbot "pullrequest:created" {} => real;
        buildbot "pullrequest:rejected" {} => real;
        buildbot "pullrequest" {} => "ignored: event `pullrequest` makes no change";
        buildbot "diagnostics:ping" {"test": true} => "ignored: event `diagnostics:ping` makes no change";
        buildbot "" {} => "ignored: event `` makes no change";
    }
}

#[test]
fn the_number_of_a_pull_request_is_what_python_makes_of_it() {
    cases! { FORGE;
        buildbot "legacy pullrequest:updated" {"pullrequest.id": "7"} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": " 007 "} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": "-7"} => "pull-updated refs/pull-requests/-7/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": 7} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": 7.9} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": (-0.5)} => "pull-updated refs/pull-requests/0/merge@dddd";
        buildbot "legacy pullrequest:updated" {"pullrequest.id": true} => "pull-updated refs/pull-requests/1/merge@dddd";
    }
}

#[test]
fn a_push_loses_its_commits() {
    let options = json!({"codebase": "pots", "bitbucket_property_whitelist": ["*"]});
    assert_change!(&change(Buildbot, options, "repo:push", json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": format!("Bitbucket Cloud commit {}", "c".repeat(40)),
        "project": "Drinks",
        "repository": "https://api.bitbucket.org/2.0/repositories/kitchen/tea",
        "revision": "c".repeat(40),
        "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "c".repeat(40)),
        "src": "git",
    });
}

#[test]
fn null_is_none() {
    let patch = json!({
        "push.changes.0.new.target.hash": null,
        "actor": {"display_name": null, "nickname": 5},
        "repository": {"project": "-", "scm": null, "links": {"html": {"href": null}}},
    });
    assert_fields!(&change(Buildbot, json!({}), "repo:push", patch), {
        "author": "None <5>",
        "project": "none",
        "src": null,
        "comments": "Bitbucket Cloud commit None",
        "revlink": "None/commits/None",
        "revision": null,
    });
    let patch = json!({"link": null, "fromRef": {"branch": {"name": null}, "commit": {"hash": null}}});
    assert_fields!(&change(Buildbot, json!({}), "legacy pullrequest:rejected", json!({"pullrequest": patch})), {
        "branch": "refs/heads/None", "revision": null, "revlink": null, "properties": {"pullrequesturl": null},
    });
}

#[test]
fn a_pull_request_has_neither_title_nor_arguments() {
    let request = FORGE.request("legacy pullrequest:created", json!({})).with_query("project=p&codebase=c");
    assert_fields!(&FORGE.hook(Buildbot, json!({"codebase": "pots"})).change(&request), {
        "comments": "Bitbucket Cloud Pull Request #7",
        "project": "Drinks",
        "codebase": "pots",
        "repository": "https://git.example.org/projects/DRI/repos/tea",
    });
}
