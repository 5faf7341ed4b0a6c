//! The tests of the example in the manual, `docs/writing-a-dialect.md`, as they stand there.

#![allow(unused_imports, reason = "in the manual, the dialect is a crate of its own")]

/// The dialect.
mod hookd_example {
    use hookd_core::{Change, Dialect, Event, JsonWebhook, Outcome, ProofHeader, Refusal, Webhook};

    /// Options of the dialect `example`.
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Example {
        /// The category of the changes. None without this option.
        category: Option<String>,
    }

    impl JsonWebhook for Example {
        const WEBHOOK: Webhook = Webhook::new().proofs(&[ProofHeader::token("X-Example-Token")]);

        fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
            let push = event.payload;
            let change = Change {
                author: push.text("user.name")?.to_owned(),
                category: self.category.clone(),
                comments: push.text("message")?.to_owned(),
                revision: Some(push.text("commit")?.to_owned()),
                ..event.change(push.text("repository.url")?)?
            };
            Ok(Outcome::Changes(vec![change]))
        }
    }

    hookd_core::inventory::submit! { Dialect::json_webhook::<Example>("example", "An example of a JSON webhook.") }
}

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_example as _;
use hookd_testkit::{Forge, Scheme, assert_change, cases, contract_tests, json};
use serde_json::Value;

const FORGE: Forge =
    Forge::new("example", &["push"], fixture, send).signed(&[Scheme::Token("X-Example-Token")]).unknown_to_buildbot();

contract_tests!(FORGE);

/// The payload of an event.
fn fixture(_event: &str) -> Value {
    json!({
        "user": {"name": "Ada"}, "message": "Steep longer", "commit": "1f3a",
        "repository": {"url": "https://git.example.org/tea"},
    })
}

/// The request that brings this body.
fn send(_event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/example").with_body(body.to_vec())
}

#[test]
fn pushes_become_changes() {
    cases! { FORGE;
        off "push" {} => "-@1f3a";
        off "push" {"commit": "2e4b"} => "-@2e4b";
        off "push" {"user.name": "-"} => "refused: `user.name` is missing";
        off "push" {"repository": null} => "refused: `repository` is null, expected an object";
    }
}

#[test]
fn a_push_has_all_fields() {
    let hook = FORGE.hook(Off, json!({}));
    let change = hook.change(&FORGE.request("push", json!({})));
    assert_change!(&change, {
        "author": "Ada",
        "comments": "Steep longer",
        "repository": "https://git.example.org/tea",
        "revision": "1f3a",
    });
}

#[test]
fn the_manual_shows_these_tests() {
    let (manual, source) = (include_str!("../../../docs/writing-a-dialect.md"), include_str!("example.rs"));
    let (_, shown) = manual.split_once("```rust\nuse hookd_core::Compat::Off;").expect("the manual shows tests");
    let (shown, _) = shown.split_once("```").expect("the block ends");
    assert!(source.contains(shown), "the tests in the manual are not those of this file");
}
