//! The tests of the example in the manual, `docs/writing-a-dialect.md`, as they stand there.

#![allow(unused_imports, reason = "in the manual, the dialect is a crate of its own")]

/// The dialect.
mod hookd_example {
    use hookd_core::{
        BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Keys, Outcome, Problem, Proof, Refusal, Secrets,
    };

    /// Options of the dialect `example`.
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Options {
        /// What must stand in the header `X-Example-Token`.
        secret: Option<Secrets>,
    }

    impl HookOptions for Options {
        fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
            Ok(Box::new(Example { keys: context.keys("secret", self.secret.as_ref())? }))
        }
    }

    struct Example {
        keys: Option<Keys>,
    }

    impl Hook for Example {
        fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
            let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
            let token = request.header("X-Example-Token").unwrap_or_default();
            keys.verify_token(token.as_bytes()).map(Proof::by_key).ok_or_else(|| Refusal::new("Invalid secret"))
        }

        fn requires_proof(&self) -> bool {
            self.keys.is_some()
        }

        fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
            let payload = request.json()?;
            Ok(Outcome::Changes(vec![Change {
                author: payload.text("user.name")?.to_owned(),
                comments: payload.text("message")?.to_owned(),
                repository: payload.text("repository.url")?.to_owned(),
                revision: Some(payload.text("commit")?.to_owned()),
                ..Change::default()
            }]))
        }
    }

    hookd_core::inventory::submit! { Dialect::new::<Options>("example", "An example of a JSON webhook.") }
}

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_example as _;
use hookd_testkit::{Forge, Scheme, assert_change, cases, contract_tests, json};
use serde_json::Value;

const FORGE: Forge = Forge::new("example", &["push"], fixture, send).signed(&[Scheme::Token("X-Example-Token")]);

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
        both "push" {} => "-@1f3a";
        both "push" {"commit": "2e4b"} => "-@2e4b";
        both "push" {"user.name": "-"} => "refused: `user.name` is missing";
        both "push" {"repository": null} => "refused: `repository` is null, expected an object";
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
