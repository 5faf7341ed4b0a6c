//! What the tests of a dialect are made of.
//!
//! A dialect is a function from a request to changes, so its tests need no server. They need a [`Forge`]: the name of
//! the dialect, payloads, and how the forge sends them. It builds the dialect from its registration, as `hookd` does,
//! and plays the forge's part: [signing](Scheme), [answers of its API](answer), redeliveries. A test is then three lines:
//! the options ([TOML or JSON](Options)), the request, and what is expected.
//!
//! A request that a running hookd has received becomes a test by `hookd deliveries export`, which says what it became:
//! [`Forge::exported`] plays with such files, and [`Fixture`] reads one.
//!
//! [`contract_tests!`] adds the tests that every dialect has to pass, whatever it translates: see [`contract`].
//!
//! ```
//! use hookd_core::Compat::Off;
//! use hookd_core::HookRequest;
//! use hookd_testkit::{Forge, Scheme, assert_change, cases, json};
//! use serde_json::Value;
//! # mod dialect {
//! #     use hookd_core::*;
//! #     /// Options of the dialect `example`.
//! #     #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #     struct Options {
//! #         /// What the header `X-Example-Token` of every request must be.
//! #         secret: Option<Secrets>,
//! #     }
//! #     impl HookOptions for Options {
//! #         fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
//! #             Ok(Box::new(Example { keys: context.keys("secret", self.secret.as_ref())? }))
//! #         }
//! #     }
//! #     struct Example { keys: Option<Keys> }
//! #     impl Hook for Example {
//! #         fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
//! #             let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
//! #             let token = request.headers().get("X-Example-Token").unwrap_or_default();
//! #             keys.verify_token(token).map(Proof::by_key).ok_or_else(|| Refusal::new("Invalid secret"))
//! #         }
//! #         fn requires_proof(&self) -> bool { self.keys.is_some() }
//! #         fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
//! #             let payload = request.json()?;
//! #             Ok(Outcome::Changes(vec![Change {
//! #                 author: payload.text("user.name")?.to_owned(),
//! #                 revision: Some(payload.text("commit")?.to_owned()),
//! #                 ..Change::default()
//! #             }]))
//! #         }
//! #     }
//! #     inventory::submit! { Dialect::new::<Options>("example", "An example of a JSON webhook.").with_compat() }
//! # }
//!
//! const FORGE: Forge = Forge::new("example", &["push"], fixture, send).signed(&[Scheme::Token("X-Example-Token")]);
//!
//! /// The payload of an event.
//! fn fixture(_event: &str) -> Value {
//!     json!({"user": {"name": "Ada"}, "commit": "1f3a"})
//! }
//!
//! /// The request that brings this body.
//! fn send(_event: &str, body: &[u8]) -> HookRequest {
//!     HookRequest::post("/change_hook/example").with_body(body.to_vec())
//! }
//!
//! // In a file of tests, these two are functions with `#[test]`.
//! fn pushes_become_changes() {
//!     cases! { FORGE;
//!         both "push" {}                 => "-@1f3a";
//!         both "push" {"commit": "2e4b"} => "-@2e4b";
//!         both "push" {"commit": "-"}    => "refused: `commit` is missing";
//!     }
//! }
//!
//! fn a_push_has_its_author() {
//!     let hook = FORGE.hook(Off, json!({"secret": "s3cret"}));
//!     let request = FORGE.request("push", json!({}));
//!     assert_change!(&hook.change(&request), {"author": "Ada", "revision": "1f3a"});
//! }
//!
//! hookd_testkit::contract_tests!(FORGE);
//!
//! fn main() {
//!     pushes_become_changes();
//!     a_push_has_its_author();
//!     hookd_testkit::contract::refuses_what_is_wrongly_signed(&FORGE);
//!     hookd_testkit::contract::survives_mutated_payloads(&FORGE);
//! }
//! ```
//!
//! This crate knows `hookd-core` and no other crate of hookd. Dialects name it under `[dev-dependencies]`.

#![forbid(unsafe_code)]

pub mod answer;
mod cases;
mod change;
pub mod contract;
mod expectations;
mod fixture;
mod forge;
mod options;
mod payload;
mod scheme;
pub mod sign;
mod source;
mod subject;

pub use cases::Case;
pub use change::{assert_change, assert_fields};
pub use fixture::Fixture;
pub use forge::{BOTH, Forge};
pub use options::Options;
pub use payload::{mutations, patched};
pub use scheme::Scheme;
pub use serde_json::json;
pub use subject::{Run, Subject};
