//! What events become: in one line each, then some of them field by field.

use hookd_core::Compat::Off;
use hookd_testkit::{assert_change, assert_fields, cases, json, patched};
use serde_json::Value;

use crate::{FORGE, change};

#[test]
fn pushes_become_what_they_should() {
    let tag = json!({"old": null, "new": {"type": "tag", "name": "v1"}, "commits": "-"});
    let tag_with_commits = json!({"old": null, "new": {"type": "tag", "name": "v1"}, "commits": [{"hash": "x"}]});
    let neither = "ignored: the push changes neither a branch nor a tag";
    cases! { FORGE;
        off "repo:push" {} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
        off "repo:push" {"push.changes.0.new": {"name": "a/b"}} => "push refs/heads/a/b@bbbb, push refs/heads/a/b@cccc";
        // A new branch on a known commit, a reset, or commits that did not fit.
        off "repo:push" {"push.changes.0": {"old": null, "commits": []}} => "push refs/heads/main@cccc";
        off "repo:push" {"push.changes.0": {"forced": true, "commits": null}} => "push refs/heads/main@cccc";
        off "repo:push" {"push.changes.0": {"truncated": true, "commits": "-"}} => "push refs/heads/main@cccc";
        // The head is there in any case.
        off "repo:push" {"push.changes.0.new": {"target": {"hash": "eeeeeeee"}}} => "push refs/heads/main@bbbb, push refs/heads/main@cccc, push refs/heads/main@eeee";
        off "repo:push" {"push.changes.0": tag} => "push refs/tags/v1@cccc";
        off "repo:push" {"push.changes.0": tag_with_commits} => "push refs/tags/v1@cccc";
        off "repo:push" {"push.changes.0.new": null} => "ref-deleted refs/heads/main@aaaa";
        off "repo:push" {"push.changes.0.new": "-"} => "ref-deleted refs/heads/main@aaaa";
        off "repo:push" {"push.changes.0": {"new": null, "old": {"type": "tag", "name": "v1"}}} => "ref-deleted refs/tags/v1@aaaa";
        off "repo:push" {"push.changes.0.new": {"type": "bookmark"}} => "ignored: the push changes neither a branch nor a tag";
        off "repo:push" {"push": {"changes": []}} => neither;
        off "repo:push" {"push": {"changes": null}} => neither;
        // Of what is new the head alone.
        off "repo:push" {"push.changes.0.old": null} => "push refs/heads/main@cccc";
        // Wrong descriptions are left out.
        off "repo:push" {"actor": {"nickname": 5}, "push.changes.0.commits": "x"} => "push refs/heads/main@cccc";
        off "repo:push" {"push.changes.0.commits": {"0": {"author": {"raw": 5}, "date": "soon", "message": 5}}} => "push refs/heads/main@bbbb, push refs/heads/main@cccc";
    }
}

#[test]
fn other_events_make_no_change() {
    for event in ["repo:fork", "issue:created", "repo:commit_status_created", "pullrequest", "diagnostics:ping", ""] {
        let run = FORGE.hook(Off, json!({})).run(&FORGE.request(event, json!({})));
        assert_eq!(run.summary(), format!("ignored: event `{event}` makes no change"));
    }
}

#[test]
fn a_push_of_several_refs_becomes_changes_ref_by_ref() {
    let update = || FORGE.payload("repo:push", json!({}))["push"]["changes"][0].take();
    let updates = json!([
        update(),
        patched(update(), json!({"new": {"type": "tag", "name": "v1"}, "commits": "-"})),
        patched(update(), json!({"new": {"type": "named_branch"}})),
        patched(update(), json!({"old": {"name": "old"}, "new": null})),
    ]);
    cases! { FORGE;
        off "repo:push" {"push.changes": updates} => "push refs/heads/main@bbbb, push refs/heads/main@cccc, \
            push refs/tags/v1@cccc, ref-deleted refs/heads/old@aaaa";
    }
}

#[test]
fn pull_requests_become_what_they_should() {
    let merged = json!({"state": "MERGED", "merge_commit": {"hash": "eeeeeeeeeeee"}});
    let gone = json!({"source": {"repository": null, "commit": null}});
    cases! { FORGE;
        off "pullrequest:created" {} => "pull-created refs/heads/feature/milk@dddd";
        off "pullrequest:created" {"pullrequest.links": "-", "pullrequest.updated_on": "soon"} => "pull-created refs/heads/feature/milk@dddd";
        off "pullrequest:updated" {} => "pull-updated refs/heads/feature/milk@dddd";
        off "pullrequest:fulfilled" {"pullrequest": merged} => "pull-fulfilled refs/heads/main@eeee";
        off "pullrequest:fulfilled" {} => "pull-fulfilled refs/heads/main@dddd";
        off "pullrequest:rejected" {"pullrequest.state": "DECLINED"} => "pull-rejected refs/heads/feature/milk@dddd";
        off "pullrequest:created" {"pullrequest": gone} => "ignored: the source of pull request #7 is gone";
        off "pullrequest:updated" {"pullrequest.source": {"commit": null}} => "ignored: the source of pull request #7 is gone";
        off "pullrequest:rejected" {"pullrequest": gone} => "pull-rejected refs/heads/feature/milk@-";
        off "pullrequest:fulfilled" {"pullrequest": gone} => "pull-fulfilled refs/heads/main@-";
        off "pullrequest:approved" {} => "ignored: event `pullrequest:approved` makes no change";
        off "pullrequest:comment_created" {} => "ignored: event `pullrequest:comment_created` makes no change";
        // The shape that Buildbot expects.
        off "legacy pullrequest:created" {} => "pull-created refs/pull-requests/7/merge@dddd";
        off "legacy pullrequest:updated" {"pullrequest.id": 8} => "pull-updated refs/pull-requests/8/merge@dddd";
        off "legacy pullrequest:fulfilled" {} => "pull-fulfilled refs/heads/main@dddd";
        off "legacy pullrequest:rejected" {} => "pull-rejected refs/heads/feature/milk@dddd";
    }
}

#[test]
fn a_push_has_all_fields() {
    let options = json!({"bitbucket_property_whitelist": ["*"], "codebase": "pots"});
    let changes = FORGE.hook(Off, options).changes(&FORGE.request("repo:push", json!({})));
    assert_change!(&changes[0], {
        "author": "Ada <ada@example.org>",
        "branch": "refs/heads/main",
        "category": "push",
        "codebase": "pots",
        "comments": "Warm the pot\n\nIt matters.\n",
        "committer": "Grace <grace@example.org>",
        "project": "Drinks",
        "repository": "https://bitbucket.org/kitchen/tea",
        "revision": "b".repeat(40),
        "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "b".repeat(40)),
        "src": "git",
        "when_timestamp": 1_714_550_400,
    });
    assert_fields!(&changes[1], {"comments": "Pour slowly\n", "committer": null});
}

#[test]
fn a_deletion_names_the_one_that_deleted() {
    let deleted = change(Off, json!({}), "repo:push", json!({"push.changes.0.new": null}));
    assert_change!(&deleted, {
        "author": "Grace <grace>",
        "branch": "refs/heads/main",
        "category": "ref-deleted",
        "comments": format!("Bitbucket Cloud commit {}", "a".repeat(40)),
        "project": "Drinks",
        "repository": "https://bitbucket.org/kitchen/tea",
        "revision": "a".repeat(40),
        "revlink": format!("https://bitbucket.org/kitchen/tea/commits/{}", "a".repeat(40)),
        "src": "git",
    });
}

#[test]
fn what_a_commit_does_not_contain_comes_from_elsewhere() {
    let bare = json!({"type": "branch", "name": "main", "target": {"hash": "cccc"}});
    let with = |patch: Value| {
        let bare = patched(patch, json!({"push": {"changes": [{"old": null, "new": bare}]}}));
        change(Off, json!({}), "repo:push", bare)
    };
    assert_fields!(&with(json!({})), {
        "author": "Grace <grace>",
        "comments": "Bitbucket Cloud commit cccc",
        "revlink": "https://bitbucket.org/kitchen/tea/commits/cccc",
        "when_timestamp": null,
    });
    for (actor, author) in [
        (json!({"display_name": "Kitchen", "nickname": "-"}), "Kitchen"),
        (json!({"display_name": null}), "<grace>"),
        (json!({"display_name": "", "nickname": null}), ""),
        (json!(null), ""),
    ] {
        assert_eq!(with(json!({"actor": actor})).author, author, "{actor}");
    }
    assert_fields!(&with(json!({"repository": {"project": "-", "scm": "-", "links": {"html": "-"}}})), {
        "project": "none", "src": "git", "repository": "https://api.bitbucket.org/2.0/repositories/kitchen/tea",
    });
    assert_eq!(with(json!({"repository": {"project": null}})).project, "none");
}

#[test]
fn a_pull_request_has_all_fields() {
    let whitelist = ["bitbucket.id", "bitbucket.destination.branch.*", "bitbucket.reviewers", "bitbucket.merge_commit"];
    let options = json!({"bitbucket_property_whitelist": whitelist, "codebase": "pots"});
    assert_change!(&change(Off, options.clone(), "pullrequest:created", json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/heads/feature/milk",
        "category": "pull-created",
        "codebase": "pots",
        "comments": "Bitbucket Cloud Pull Request #7\nAdd milk\nOnly after the tea.",
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://bitbucket.org/kitchen/tea/pull-requests/7",
            "bitbucket.id": 7,
            "bitbucket.destination.branch.name": "main",
            "bitbucket.reviewers": [{"display_name": "Grace"}],
            "bitbucket.merge_commit": null,
        },

        "repository": "https://bitbucket.org/ada/tea",
        "revision": "dddddddddddd",
        "revlink": "https://bitbucket.org/kitchen/tea/pull-requests/7",
        "src": "git",
        "when_timestamp": 1_714_644_000,
    });
    let merged = json!({"pullrequest.merge_commit": {"hash": "eeeeeeeeeeee"}});
    assert_fields!(&change(Off, options, "pullrequest:fulfilled", merged), {
        "repository": "https://bitbucket.org/kitchen/tea", "branch": "refs/heads/main", "revision": "eeeeeeeeeeee",
    });
}

#[test]
fn a_pull_request_falls_back_to_what_is_there() {
    let repository = "https://bitbucket.org/kitchen/tea";
    for (event, patch, expected) in [
        (
            "pullrequest:created",
            json!({"description": "", "updated_on": null, "title": "-"}),
            json!({"comments": "Bitbucket Cloud Pull Request #7", "when_timestamp": 1_714_636_800}),
        ),
        ("pullrequest:created", json!({"created_on": "-", "updated_on": "-"}), json!({"when_timestamp": null})),
        (
            "pullrequest:rejected",
            json!({"source": {"repository": null, "commit": null}}),
            json!({"repository": repository, "revision": null}),
        ),
    ] {
        assert_fields(&change(Off, json!({}), event, json!({"pullrequest": patch})), expected);
    }
}

#[test]
fn a_pull_request_in_the_shape_that_buildbot_expects_has_all_fields() {
    let options = json!({"bitbucket_property_whitelist": ["bitbucket.title", "bitbucket.toRef.*.name"]});
    assert_change!(&change(Off, options, "legacy pullrequest:created", json!({})), {
        "author": "Grace <grace>",
        "branch": "refs/pull-requests/7/merge",
        "category": "pull-created",
        "comments": "Bitbucket Cloud Pull Request #7\nAdd milk",
        "project": "Drinks",
        "properties": {
            "pullrequesturl": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
            "bitbucket.title": "Add milk",
            "bitbucket.toRef.branch.name": "main",
        },
        "repository": "https://git.example.org/projects/DRI/repos/tea",
        "revision": "d".repeat(40),
        "revlink": "https://git.example.org/projects/DRI/repos/tea/pull-requests/7",
        "src": "git",
    });
}

#[test]
fn project_and_codebase_come_from_the_url_first() {
    for event in ["repo:push", "pullrequest:created", "legacy pullrequest:created"] {
        for (query, project, codebase) in
            [("", "Drinks", "pots"), ("project=p%20q&codebase=c", "p q", "c"), ("project=&codebase=", "Drinks", "pots")]
        {
            let request = FORGE.request(event, json!({})).with_query(query);
            let change = FORGE.hook(Off, json!({"codebase": "pots"})).changes(&request).remove(0);
            assert_fields!(&change, {"project": project, "codebase": codebase});
        }
    }
}
