//! Dialects that are described: what follows from a description.

#![allow(clippy::unwrap_used)]

mod kettle;

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{Forge, Scheme, assert_change, cases, contract_tests, json, sign};
use serde_json::Value;

const FORGE: Forge = Forge::new("kettle", &["push"], fixture, send)
    .with_options(&[r#"{"branches": ["main"], "codebase": "tea"}"#])
    .signed(&[
        Scheme::Token("X-Kettle-Token"),
        Scheme::HexSha256("X-Kettle-Signature"),
        Scheme::Sha256("X-Hub-Signature-256"),
    ]);

contract_tests!(FORGE);

fn fixture(_event: &str) -> Value {
    json!({
        "ref": "refs/heads/main",
        "repository": {"url": "https://git.example.org/tea"},
        "commits": [
            {"id": "bbbb1", "message": "Boil", "author": {"name": "Ada", "email": "ada@example.org"}},
            {"id": "cccc2", "message": "Steep", "author": {"name": "Ada"}},
        ],
    })
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/kettle")
        .with_header("X-Kettle-Event", event)
        .with_header("X-Kettle-Delivery", "17")
        .with_header("X-Kettle-Instance", "kitchen")
        .with_header("Content-Type", "application/json")
        .with_body(body.to_vec())
}

#[test]
fn events_are_translated_with_the_options_that_come_by_themselves() {
    cases! { FORGE;
        off "push" {} => "push main@bbbb, push main@cccc";
        off "issue" {} => "ignored: event `issue` makes no change";
        off "push" {"commits": []} => "ignored: the push has no commits";
        off "push" {"commits.0.message": "x [skip ci]"} => "push main@bbbb, push main@cccc";
        off "push" {"commits.1.message": "x [skip ci]"} =>
            r"ignored: head commit matches the skip pattern \[skip ci\]";
    }
    cases! { FORGE, {"skips": "ee", "branches": "main", "category": "x"};
        off "push" {} => r"ignored: head commit matches the skip pattern ee";
        off "push" {"ref": "refs/heads/next"} => "ignored: branch `next` is not built";
    }
    let request = FORGE.request("push", json!({"commits": [{"id": "cccc2", "message": "[skip ci]"}]}));
    let request = request.with_query("project=pots");
    let change = FORGE.hook(Off, json!({"skips": [], "codebase": "green"})).change(&request);
    assert_change!(&change, {
        "branch": "main", "category": "push", "codebase": "green", "comments": "[skip ci]", "project": "pots",
        "properties": {"instance": "kitchen"}, "repository": "https://git.example.org/tea", "revision": "cccc2",
        "src": "git",
    });
}

#[test]
fn headers_and_names_follow_from_the_description() {
    let hook = FORGE.hook(Off, json!({}));
    assert_eq!(hook.headers(), ["Content-Type", "X-Kettle-Event", "X-Kettle-Delivery", "X-Kettle-Instance"]);
    let request = FORGE.request("push", json!({}));
    let recognised = hook.recognise(&request);
    assert_eq!((recognised.event.as_deref(), recognised.forge_id.as_deref()), (Some("push"), Some("17")));
    let nameless = HookRequest::post("/").with_body("{}");
    assert_eq!(hook.run(&nameless).summary(), "refused: header `X-Kettle-Event` is missing");
}

#[test]
fn options_are_documented_and_checked_together() {
    FORGE.assert_options(json!({
        "branches": [], "category": "push", "codebase": null, "secret": null, "skips": [r"\[skip ci\]"],
    }));
    let problems =
        FORGE.problems(json!({"evnts": 1, "skips": "(", "secret": "", "branches": 5, "category": "release"}));
    assert_eq!(
        problems,
        [
            "evnts: unknown option `evnts`, expected one of `branches`, `category`, `codebase`, `secret`, `skips`",
            "skips: bad regular expression `(`: unclosed group",
            "branches: invalid type: integer `5`, expected a string",
        ]
    );
    assert_eq!(
        FORGE.problems(json!({"secret": "", "category": "release"})),
        ["category: is for releases", "secret: the secret is empty",]
    );
    let warnings = FORGE.hook(Off, json!({"branches": [""], "skips": ".*"})).warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn a_form_is_read_from_what_is_signed() {
    let form = |body: &str| {
        HookRequest::post("/change_hook/kettle")
            .with_header("X-Kettle-Event", "push")
            .with_header("Content-Type", "application/x-www-form-urlencoded")
            .with_query("payload=%7B%7D")
            .with_body(body.to_owned())
    };
    let json = fixture("push").to_string();
    let escaped: String = json.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let hook = FORGE.hook(Off, json!({"secret": "s"}));
    let request = form(&format!("payload={escaped}"));
    assert_eq!(hook.run(&request).summary(), "push main@bbbb, push main@cccc");
    assert_eq!(hook.proof(&Scheme::Sha256("X-Hub-Signature-256").sign("s", request)), "verified");
    assert_eq!(hook.run(&form("other=1")).summary(), "refused: argument `payload` is missing in the form");
    assert!(sign::sha256("s", json.as_bytes()).starts_with("sha256="));
}
