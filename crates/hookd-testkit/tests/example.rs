//! The tests in the manual, `docs/testing-a-dialect.md`, as they stand there.

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

/// A dialect that asks an API for the message of a commit.
mod hookd_asks {
    use hookd_core::{
        ApiAnswers, ApiCall, BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Outcome, Problem, Refusal,
        Subject,
    };

    /// Options of the dialect `asks`.
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Options {}

    impl HookOptions for Options {
        fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
            Ok(Box::new(Asks))
        }
    }

    struct Asks;

    impl Hook for Asks {
        fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
            self.translate_with(request, &ApiAnswers::default())
        }

        fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
            let payload = request.json()?;
            let revision = payload.text("commit")?.to_owned();
            let url = format!("https://api.example.org/commits/{revision}");
            let Some(answer) = answers.get(&url) else {
                let about = Subject { revision: Some(revision), ..Subject::default() };
                return Ok(Outcome::calls([ApiCall::get(url).announced()], about));
            };
            let body = answer.success().ok().and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok());
            let message = body.and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
            let comments = message.unwrap_or_default();
            Ok(Outcome::Changes(vec![Change { revision: Some(revision), comments, ..Change::default() }]))
        }
    }

    hookd_core::inventory::submit! { Dialect::new::<Options>("asks", "An example that asks an API of the forge.") }
}

use hookd_core::Compat::Off;
use hookd_example as _;
use hookd_testkit::{Forge, Scheme, assert_change, cases, contract_tests, json};

const FORGE: Forge = Forge::exported("example", &[("push", include_str!("fixtures/push.json"))])
    .signed(&[Scheme::Token("X-Example-Token")]);

contract_tests!(FORGE);

#[test]
fn a_signed_push_becomes_a_change() {
    let hook = FORGE.hook(Off, "secret = 's3cret'");
    let change = hook.receive(&FORGE.signed_request("push", json!({}), "s3cret")).change();
    assert_change!(&change, {
        "author": "Ada",
        "comments": "Steep longer",
        "repository": "https://git.example.org/tea",
        "revision": "1f3a",
    });
}

#[test]
fn what_a_push_lacks_is_named() {
    cases! { FORGE;
        off "push" {} => "-@1f3a";
        off "push" {"commit": "2e4b"} => "-@2e4b";
        off "push" {"user.name": "-"} => "refused: `user.name` is missing";
        off "push" {"repository": null} => "refused: `repository` is null, expected an object";
    }
}

mod asks {
    use hookd_core::HookRequest;
    use hookd_testkit::{Forge, answer, contract_tests, json};
    use serde_json::Value;

    use super::*;

    const FORGE: Forge =
        Forge::new("asks", &["push"], payload, request).with_api(|_| answer::json(r#"{"message": "Hot"}"#));

    contract_tests!(FORGE);

    /// The payload of an event.
    fn payload(_event: &str) -> Value {
        json!({"commit": "1f3a"})
    }

    /// The request that brings this body.
    fn request(_event: &str, body: &[u8]) -> HookRequest {
        HookRequest::post("/change_hook/asks").with_body(body.to_vec())
    }

    #[test]
    fn the_api_is_asked_for_the_message() {
        let run = FORGE.hook(Off, "").run(&FORGE.request("push", json!({})));
        assert_eq!(run.urls(), [["https://api.example.org/commits/1f3a"]]);
        assert_eq!(run.change().comments, "Hot");
    }

    #[test]
    fn without_an_answer_there_is_no_message() {
        let hook = FORGE.hook(Off, "");
        let run = hook.run_with(&FORGE.request("push", json!({})), |_| answer::none("no answer in 60 s"));
        assert_change!(&run.change(), {"revision": "1f3a"});
    }
}

/// The page of the manual.
const PAGE: &str = include_str!("../../../docs/testing-a-dialect.md");

/// The blocks of the page in this language.
fn shown(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&*fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_manual_shows_these_tests_and_this_fixture() {
    let source = include_str!("example.rs");
    let rust = shown("rust");
    assert!(rust.len() >= 2, "{}", rust.len());
    for block in rust {
        assert!(source.contains(block), "these tests in the manual are not in this file:\n{block}");
    }
    assert_eq!(shown("json"), [include_str!("fixtures/push.json")]);
}

#[test]
fn the_manual_shows_this_difference() {
    let hook = FORGE.hook(Off, "");
    let change = hook.change(&FORGE.request("push", json!({"message": "Steep less", "user.name": "Eve"})));
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_change!(&change, {
            "author": "Ada", "comments": "Steep longer", "repository": "https://git.example.org/tea", "revision": "1f3a",
        });
    }));
    let message = failed.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(shown("text"), [*message]);
}

#[test]
fn the_manual_names_every_law() {
    let contract = include_str!("../src/contract.rs");
    let laws = contract.split_once("$crate::__contract_tests! { $forge;").unwrap().1.split_once('}').unwrap().0;
    for law in laws.split_whitespace() {
        assert!(PAGE.contains(&format!("\n| `{law}` | ")), "the page does not name the law `{law}`");
    }
}
