//! The dialect as hookd uses it, without a server.

use gitea as _;
use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{Forge, Scheme, assert_change, assert_fields, cases, contract_tests, json, patched};
use serde_json::Value;

mod conformance;

const FORGE: Forge = Forge::new("gitea", &["push", "tag", "pull_request", "release"], fixture, send)
    .with_options(&[r#"{"onlyIncludePushCommit": true, "onlyMergeablePullRequest": true, "codebase": "tea"}"#])
    .signed(&[
        Scheme::Sha256("X-Hub-Signature-256"),
        Scheme::HexSha256("X-Forgejo-Signature"),
        Scheme::HexSha256("X-Gitea-Signature"),
    ]);

contract_tests!(FORGE);

/// The zeros that stand for no object.
const NOTHING: &str = "0000000000000000000000000000000000000000";

fn fixture(event: &str) -> Value {
    let json = |text: &str| text.parse().expect("the fixture is JSON");
    match event {
        "push" => json(include_str!("fixtures/push.json")),
        "tag" => patched(fixture("push"), json!({"ref": "refs/tags/v1.0.0", "before": NOTHING, "commits": []})),
        "pull_request" => json(include_str!("fixtures/pull_request.json")),
        "release" => json(include_str!("fixtures/release.json")),
        _ => json!({}),
    }
}

/// As Gitea 1.24 and Forgejo 11 send it.
fn send(event: &str, body: &[u8]) -> HookRequest {
    let event = if event == "tag" { "push" } else { event };
    HookRequest::post("/change_hook/gitea")
        .with_header("Content-Type", "application/json")
        .with_header("X-Gitea-Delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473")
        .with_header("X-Gitea-Event", event)
        .with_header("X-Gitea-Event-Type", event)
        .with_header("X-Gogs-Event", event)
        .with_header("X-GitHub-Event", event)
        .with_body(body.to_vec())
}

#[test]
fn events_become_changes() {
    cases! { FORGE;
        off "push" {} => "push main@1a0b, push main@bffe";
        off "push" {"ref": "refs/pull/4/head"} => "ignored: ref `refs/pull/4/head` is neither a branch nor a tag";
        off "push" {"after": NOTHING, "commits": [], "head_commit": null} => "ignored: branch `main` was deleted";
        off "push" {"commits": null, "head_commit": null} => "push main@bffe";
        off "tag" {} => "push v1.0.0@bffe";
        off "tag" {"head_commit": "-"} => "push v1.0.0@bffe";
        off "tag" {"after": NOTHING, "head_commit": null} => "ignored: tag `v1.0.0` was deleted";
        off "pull_request" {} => "pull_request main@449a";
        off "pull_request" {"action": "synchronized"} => "pull_request main@449a";
        off "pull_request" {"action": "reopened", "pull_request.mergeable": false} => "pull_request main@449a";
        off "pull_request" {"action": "edited", "changes": {"ref": {"from": "next"}}} => "pull_request main@449a";
        off "pull_request" {"action": "edited", "changes": {"title": {"from": "x"}}} =>
            "ignored: pull request action \"edited\" is not built";
        off "pull_request" {"action": "closed"} => "ignored: pull request action \"closed\" is not built";
        off "pull_request" {"pull_request.merged": true} => "ignored: the pull request is merged";
        off "pull_request" {"pull_request.head.sha": "-"} => "refused: `pull_request.head.sha` is missing";
        off "release" {} => "release v1.0.0@-";
        off "release" {"action": "updated"} => "ignored: release action \"updated\" is not built";
        off "release" {"release.draft": true} => "ignored: release action \"published\" is not built";
        off "issue_comment" {} => "ignored: event `issue_comment` makes no change";
    }
    cases! { FORGE, {"onlyIncludePushCommit": true, "onlyMergeablePullRequest": true, "skips": "(?i)add milk"};
        off "push" {} => "push main@bffe";
        off "pull_request" {} => "ignored: head commit matches the skip pattern (?i)add milk";
        off "pull_request" {"pull_request.mergeable": false} => "ignored: the pull request is not mergeable";
    }
}

#[test]
fn what_identifies_refuses_and_nothing_else() {
    let repository = ["repository", "repository.full_name", "repository.ssh_url"];
    let and = |fields: &[&'static str]| [fields, &repository[..]].concat();
    FORGE.assert_refusing_fields("push", json!({}), &and(&["after", "commits", "commits[]", "commits[].id", "ref"]));
}

#[test]
fn changes_have_all_fields() {
    let hook = FORGE.hook(Off, json!({}));
    let [_, head] = &hook.changes(&FORGE.request("push", json!({})))[..] else { panic!("expected two changes") };
    assert_change!(head, {
        "author": "Ada <ada@example.org>",
        "branch": "main",
        "category": "push",
        "comments": "Steep longer\n",
        "files": ["README.md", "milk.txt"],
        "project": "kitchen/tea",
        "properties": {"event": "push", "owner": "kitchen", "repository_name": "tea"},
        "repository": "git@git.example.org:kitchen/tea.git",
        "revision": "bffeb74224043ba2feb48d137756c8a9331c449a",
        "revlink": "https://git.example.org/kitchen/tea/commit/bffeb74224043ba2feb48d137756c8a9331c449a",
        "src": "git",
        "when_timestamp": 1_773_424_331,
    });
    assert_change!(&hook.change(&FORGE.request("release", json!({}))), {
        "author": "Ada <ada@example.org>",
        "branch": "v1.0.0",
        "category": "release",
        "comments": "First cup\n\nWith milk.",
        "project": "kitchen/tea",
        "properties": {"event": "release", "owner": "kitchen", "repository_name": "tea"},
        "repository": "git@git.example.org:kitchen/tea.git",
        "revlink": "https://git.example.org/kitchen/tea/releases/tag/v1.0.0",
        "src": "git",
        "when_timestamp": 1_773_568_800,
    });
    let nameless = FORGE.request("pull_request", json!({"pull_request.user.full_name": ""}));
    let nameless = nameless.with_query("project=pots&codebase=green");
    assert_fields!(&hook.change(&nameless), {
        "author": "ada <ada@example.org>", "codebase": "green", "project": "pots",
    });
}

#[test]
fn a_secret_that_the_forge_does_not_know_is_refused() {
    let hook = FORGE.hook(Off, json!({"secret": "s3cret"}));
    // Without a secret, both forges send these headers empty.
    let request = FORGE.request("push", json!({}));
    let unsigned = ["X-Gitea-Signature", "X-Hub-Signature", "X-Hub-Signature-256"];
    let request = unsigned.iter().fold(request, |request, name| request.with_header(name, ""));
    assert_eq!(hook.proof(&request), "refused: the signature in header `X-Gitea-Signature` is not valid");
}
