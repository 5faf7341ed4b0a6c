//! `compat = "buildbot"`: Buildbot's changes, omissions included.

use hookd_core::Compat::Buildbot;
use hookd_testkit::{assert_change, assert_fields, cases, json};

use crate::{FORGE, change};

#[test]
fn events_become_what_buildbot_makes_of_them() {
    let plugin = "plugin repo:push";
    cases! { FORGE;
        buildbot plugin {} => "push refs/heads/main@cccc";
        buildbot "plugin repo:refs_changed" {} => "push refs/heads/main@cccc";
        buildbot "repo_push" {} => "push refs/heads/main@cccc";
        buildbot plugin {"push.changes.0.new": {"type": "tag", "name": "v1"}} => "push refs/tags/v1@cccc";
        buildbot plugin {"push.changes.0.new": {"type": "other", "name": "-"}} => "push -@cccc";
        buildbot plugin {"push.changes.0.new": {"name": null}} => "push refs/heads/None@cccc";
        buildbot plugin {"push.changes.0.new": null} => "ref-deleted refs/heads/main@aaaa";
        buildbot plugin {"push": {"changes": []}} => "ignored: the push changes neither a branch nor a tag";
        buildbot "pullrequest:created" {} => "pull-created refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:updated" {} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:fulfilled" {} => "pull-fulfilled refs/heads/main@dddd";
        buildbot "pullrequest:rejected" {} => "pull-rejected refs/heads/feature/milk@dddd";
        // What Buildbot cannot read.
        buildbot "pr:opened" {} => "ignored: event `pr:opened` makes no change with `compat = \"buildbot\"`";
        buildbot "pullrequest" {} => "ignored: event `pullrequest` makes no change";
        buildbot "diagnostics:ping" {"test": true} => "ignored: event `diagnostics:ping` is a test of the connection";
        buildbot "" {} => "ignored: event `` makes no change";
    }
    for event in ["repo:refs_changed", "old repo:refs_changed"] {
        let found = FORGE.hook(Buildbot, json!({})).run(&FORGE.request(event, json!({}))).summary();
        let expected = "ignored: with `compat = \"buildbot\"`, a push in the shape that Bitbucket";
        assert!(found.starts_with(expected), "{event}: {found}");
    }
}

#[test]
fn a_push_loses_its_message() {
    let options = json!({"codebase": "pots", "bitbucket_property_whitelist": ["*"]});
    assert_change!(&change(Buildbot, options, "plugin repo:push", json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": format!("Bitbucket Server commit {}", "c".repeat(40)),
        "project": "Drinks",
        "repository": "https://git.example.org/projects/DRI/repos/tea/",
        "revision": "c".repeat(40),
        "revlink": format!("https://git.example.org/projects/DRI/repos/tea/commits/{}", "c".repeat(40)),
        "src": "git",
    });
}

#[test]
fn a_pull_request_has_the_fields_of_buildbots() {
    let options = json!({"bitbucket_property_whitelist": ["bitbucket.*Ref.commit.message", "bitbucket.i[ed]"]});
    assert_change!(&change(Buildbot, options, "pullrequest:created", json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/pull-requests/7/merge",
        "category": "pull-created",
        "comments": "Bitbucket Server Pull Request #7",
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.id": "7",
            "bitbucket.fromRef.commit.message": null,
            "bitbucket.toRef.commit.message": null,
        },
        "repository": "https://git.example.org/projects/DRI/repos/tea/",
        "revision": "d".repeat(40),
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
    });
}

#[test]
fn letters_of_browse_are_lost() {
    for (link, repository) in [
        ("https://h/repos/tea/browse", "https://h/repos/tea/"),
        ("https://h/repos/tea", "https://h/repos/tea"),
        ("https://h/repos/browser", "https://h/repos/"),
        ("browse", ""),
    ] {
        let change =
            change(Buildbot, json!({}), "plugin repo:push", json!({"repository.links.self": [{"href": link}]}));
        let page = format!("{repository}commits/{}", "c".repeat(40));
        assert_fields!(&change, {"repository": repository, "revlink": page});
    }
}

#[test]
fn the_number_of_a_pull_request_is_what_python_makes_of_it() {
    cases! { FORGE;
        buildbot "pullrequest:updated" {"pullrequest.id": "7"} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": " 007 "} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": "-7"} => "pull-updated refs/pull-requests/-7/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": 7} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": 7.9} => "pull-updated refs/pull-requests/7/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": (-0.5)} => "pull-updated refs/pull-requests/0/merge@dddd";
        buildbot "pullrequest:updated" {"pullrequest.id": true} => "pull-updated refs/pull-requests/1/merge@dddd";
    }
}

#[test]
fn null_is_none() {
    let patch = json!({
        "push.changes.0.new.target.hash": null,
        "actor": {"displayName": null, "username": 5},
        "repository.scmId": null,
    });
    assert_fields!(&change(Buildbot, json!({}), "plugin repo:push", patch), {
        "author": "None <5>",
        "src": null,
        "comments": "Bitbucket Server commit None",
        "revlink": "https://git.example.org/projects/DRI/repos/tea/commits/None",
        "revision": null,
    });
    let patch = json!({"link": null, "fromRef": {"branch": {"name": null}, "commit": {"hash": null}}});
    assert_fields!(&change(Buildbot, json!({}), "pullrequest:rejected", json!({"pullrequest": patch})), {
        "branch": "refs/heads/None", "revision": null, "revlink": null, "properties": {"pullrequesturl": null},
    });
}

#[test]
fn arguments_of_the_url_do_not_count() {
    for event in ["plugin repo:push", "pullrequest:created"] {
        let request = FORGE.request(event, json!({})).with_query("project=p&codebase=c");
        let change = FORGE.hook(Buildbot, json!({"codebase": "pots"})).changes(&request).remove(0);
        assert_fields!(&change, {"project": "Drinks", "codebase": "pots"});
    }
}
