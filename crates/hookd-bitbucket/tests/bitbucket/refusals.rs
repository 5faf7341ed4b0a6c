//! What is refused, and with which words.

use hookd_core::HookRequest;
use hookd_testkit::{BOTH, cases, json};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_payload() {
    cases! { FORGE;
        both     "push" {"canon_url": "-"} => "refused: `canon_url` is missing";
        off      "push" {"canon_url": null} => "refused: `canon_url` is null, expected a text";
        both     "push" {"repository": "-"} => "refused: `repository` is missing";
        both     "push" {"repository": null} => "refused: `repository` is null, expected an object";
        both     "push" {"repository.absolute_url": "-"} => "refused: `repository.absolute_url` is missing";
        buildbot "push" {"repository.scm": "-"} => "refused: `repository.scm` is missing";
        buildbot "push" {"repository.scm": 5} => "refused: `repository.scm` is a number, expected a text";
        both     "push" {"commits": "-"} => "refused: `commits` is missing";
        buildbot "push" {"commits": null} => "refused: `commits` is null, expected a list";
        both     "push" {"commits.1": 5} => "refused: `commits[1]` is a number, expected an object";
        both     "push" {"commits.1.raw_node": "-"} => "refused: `commits[1].raw_node` is missing";
        off      "push" {"commits.1.raw_node": null} => "refused: `commits[1].raw_node` is null, expected a text";
        buildbot "push" {"commits.1.node": "-"} => "refused: `commits[1].node` is missing";
        buildbot "push" {"commits.1.raw_author": "-"} => "refused: `commits[1].raw_author` is missing";
        buildbot "push" {"commits.1.files": "-"} => "refused: `commits[1].files` is missing";
        buildbot "push" {"commits.0.files.1": "x"} => "refused: `commits[0].files[1]` is a text, expected an object";
        buildbot "push" {"commits.0.files.1.file": null} => "refused: `commits[0].files[1].file` is null, expected a text";
        buildbot "push" {"commits.1.utctimestamp": "-"} => "refused: `commits[1].utctimestamp` is missing";
        buildbot "push" {"commits.1.branch": 5} => "refused: `commits[1].branch` is a number, expected a text";
    }
}

#[test]
fn refuses_what_is_not_a_payload() {
    let elsewhere = "refused: argument `payload` is missing: \
        webhooks with JSON are for the dialects `bitbucketcloud` and `bitbucketserver`";
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let found = |request: HookRequest| hook.run(&request).summary();
        let post = || HookRequest::post("/change_hook/bitbucket");
        assert_eq!(found(post()), "refused: argument `payload` is missing");
        let json = FORGE.payload("push", json!({})).to_string();
        let json = post().with_header("Content-Type", "application/json; charset=utf-8").with_body(json);
        assert_eq!(found(json), elsewhere);
        for payload in ["", "{", "{} x"] {
            let found = found(FORGE.send_bytes("push", payload.as_bytes()));
            assert!(found.starts_with("refused: broken JSON: "), "{found}");
        }
        let list = found(FORGE.send_bytes("push", b"[]"));
        assert_eq!(list, "refused: the payload is a list, expected an object");
        assert_eq!(found(FORGE.send_bytes("push", b"\xff")), "refused: argument `payload` is not UTF-8");
        let project = FORGE.request("push", json!({})).with_query("project=%ff");
        assert_eq!(found(project), "refused: argument `project` is not UTF-8");
    }
}

#[test]
fn takes_one_option() {
    let problems = FORGE.problems(json!({"secret": "x"}));
    assert_eq!(problems, ["secret: unknown option `secret`, expected one of `skips`"]);
    FORGE.assert_options(json!({"skips": []}));
}

#[test]
fn only_what_identifies_refuses() {
    FORGE.assert_refusing_fields(
        "push",
        json!({}),
        &["canon_url", "commits", "commits[]", "commits[].raw_node", "repository", "repository.absolute_url"],
    );
}
