//! What is refused, and with which words.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{BOTH, cases, json};

use crate::FORGE;

#[test]
fn names_what_is_wrong_with_a_payload() {
    cases! { FORGE;
        both     "push" {"repository": "-"} => "refused: `repository` is missing";
        both     "push" {"repository": null} => "refused: `repository` is null, expected an object";
        both     "push" {"repository.url": "-"} => "refused: `repository.url` is missing";
        buildbot "push" {"project": "-"} => "refused: `project` is missing";
        buildbot "push" {"project.name": null} => "refused: `project.name` is null, expected a text";
        buildbot "push" {"repository.owner": "-"} => "refused: `repository.owner` is missing";
        buildbot "push" {"repository.name": "-"} => "refused: `repository.name` is missing";
        buildbot "push" {"after": "-"} => "refused: `after` is missing";
        buildbot "push" {"after": null} => "refused: `after` is null, expected a text";
        buildbot "push" {"ref": "-"} => "refused: `ref` is missing";
        buildbot "push" {"ref": 5} => "refused: `ref` is a number, expected a text";
        both     "push" {"commits": "-"} => "refused: `commits` is missing";
        buildbot "push" {"commits": null} => "refused: `commits` is null, expected a list";
        both     "push" {"commits.1": "x"} => "refused: `commits[1]` is a text, expected an object";
        both     "push" {"commits.1.id": "-"} => "refused: `commits[1].id` is missing";
        both     "push" {"commits.1.id": null} => "refused: `commits[1].id` is null, expected a text";
        buildbot "push" {"commits.1.author.email": "-"} => "refused: `commits[1].author.email` is missing";
        buildbot "push" {"commits.1.url": "-"} => "refused: `commits[1].url` is missing";
        buildbot "push" {"commits.1.timestamp": null} => "refused: `commits[1].timestamp` is null, expected a text";
    }
}

#[test]
fn refuses_what_is_not_a_payload() {
    for mode in BOTH {
        let hook = FORGE.hook(mode, json!({}));
        let found = |request: HookRequest| hook.run(&request).summary();
        let post = || HookRequest::post("/change_hook/gitorious");
        let json = FORGE.payload("push", json!({})).to_string();
        for request in [post(), post().with_header("Content-Type", "application/json").with_body(json)] {
            assert_eq!(found(request), "refused: argument `payload` is missing");
        }
        for payload in ["", "{", "{} x"] {
            let found = found(FORGE.send_bytes("push", payload.as_bytes()));
            assert!(found.starts_with("refused: broken JSON: "), "{found}");
        }
        let list = found(FORGE.send_bytes("push", b"[]"));
        assert_eq!(list, "refused: the payload is a list, expected an object");
        assert_eq!(found(FORGE.send_bytes("push", b"\xff")), "refused: argument `payload` is not UTF-8");
    }
    let project = FORGE.request("push", json!({})).with_query("project=%ff");
    assert_eq!(FORGE.hook(Off, json!({})).run(&project).summary(), "refused: argument `project` is not UTF-8");
}

#[test]
fn reasons_are_short_lines() {
    let name = format!("{}\u{7}", "x".repeat(10_000));
    let request = FORGE.request("push", json!({"ref": name, "after": "0"}));
    // That the line is short is checked by the testkit.
    assert!(FORGE.hook(Off, json!({})).run(&request).summary().starts_with("ignored: branch `xxx"));
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
        &["after", "commits", "commits[]", "commits[].id", "repository", "repository.url"],
    );
}
