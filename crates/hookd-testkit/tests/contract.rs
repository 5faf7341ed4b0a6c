//! The contract is kept by a sound dialect, and broken by each that has a fault.

#![allow(clippy::unwrap_used)]

use std::panic::{self, AssertUnwindSafe};

use hookd_core::options::Problem;
use hookd_core::{
    ApiAnswers, ApiCall, BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Keys, Outcome, Proof, Refusal,
    Secrets, Setup, inventory,
};
use hookd_testkit::{Fixture, Forge, Scheme, answer, cases, contract as laws, contract_tests, json};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize, JsonSchema)]
struct Options {
    /// What the header `X-Example-Token` of every request must be.
    secret: Option<Secrets>,
}

impl HookOptions for Options {
    /// The name of the dialect is its fault.
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let keys = match context.dialect {
            "takes-empty-secrets" => None,
            _ => context.keys("secret", self.secret.as_ref())?,
        };
        Ok(Box::new(Example { fault: context.dialect.to_owned(), keys }))
    }
}

#[derive(Deserialize, JsonSchema)]
struct Undocumented {
    #[serde(default)]
    #[expect(dead_code, reason = "it is there to be read")]
    secret: bool,
}

impl HookOptions for Undocumented {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Example { fault: context.dialect.to_owned(), keys: None }))
    }
}

#[derive(Deserialize, JsonSchema)]
struct WithTable {
    /// An option that is documented, but is a table with something in it that is not.
    #[expect(dead_code, reason = "it is there to be read")]
    pot: Option<Table>,
}

#[derive(Deserialize, JsonSchema)]
struct Table {
    #[expect(dead_code, reason = "it is there to be read")]
    leaves: u8,
}

impl HookOptions for WithTable {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Example { fault: context.dialect.to_owned(), keys: None }))
    }
}

#[derive(Deserialize, JsonSchema)]
struct AnyOption {
    /// An option of the name that the contract takes for one that there is not.
    #[expect(dead_code, reason = "it is there to be read")]
    no_such_option: Option<bool>,
}

impl HookOptions for AnyOption {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Example { fault: context.dialect.to_owned(), keys: None }))
    }
}

struct Example {
    fault: String,
    keys: Option<Keys>,
}

impl Hook for Example {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.translate_with(request, &ApiAnswers::default())
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        let payload = serde_json::from_slice::<Value>(request.body()).map_err(|_| Refusal::new("broken JSON"));
        let (payload, url) = match &*self.fault {
            "takes-broken-json" => (payload.unwrap_or_default(), "https://api.example.org/"),
            _ => (payload?, "https://api.example.org/"),
        };
        match &*self.fault {
            "panics" => assert!(payload["commit"].is_string(), "there is always a commit"),
            "gives-no-reason" if payload["commit"].is_null() => return Ok(Outcome::Changes(Vec::new())),
            "refuses-all" => return Err(Refusal::new("no")),
            "forgets-headers" if request.header("X-Event") != Some("push") => {
                return Ok(Outcome::ignored("other event"));
            }
            "calls-twice" => return Ok(calls(url)),
            "calls-without-end" => {
                let page = (0..).find(|page| answers.get(&format!("{url}{page}")).is_none()).unwrap();
                return Ok(calls(&format!("{url}{page}")));
            }
            "refuses-late" => match answers.get(url) {
                None => return Ok(calls(url)),
                Some(answer) if answer.success().is_ok_and(|body| body.starts_with(b"{")) => {}
                Some(_) => return Err(Refusal::new("the API did not answer")),
            },
            _ => {}
        }
        let revision = payload["commit"].as_str().map(str::to_owned);
        Ok(Outcome::Changes(vec![Change { revision, ..Change::default() }]))
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
        let token = request.headers().get("X-Example-Token");
        let is_right = match (&*self.fault, token) {
            ("trusts-all", Some(_)) | ("trusts-the-unsigned", None) => true,
            ("trusts-none", _) => false,
            ("trusts-the-empty", Some(b"")) => true,
            ("trusts-the-short", Some(token)) if !token.is_empty() => {
                SECRETS.iter().any(|secret| secret.starts_with(token))
            }
            ("trusts-the-long", Some(token)) => SECRETS.iter().any(|secret| token.starts_with(secret)),
            ("tells-the-secret", Some(token)) if keys.verify_token(token).is_none() => {
                let secret = String::from_utf8_lossy(keys.first().unwrap()).into_owned();
                return Err(Refusal::new(format!("not {secret}, nor It's a Secret to Everybody")));
            }
            (_, token) => keys.verify_token(token.unwrap_or_default()).is_some(),
        };
        if is_right { Ok(Proof::Verified { key: None }) } else { Err(Refusal::new("Invalid secret")) }
    }

    fn headers(&self) -> &'static [&'static str] {
        match &*self.fault {
            "forgets-headers" => &[],
            "keeps-secrets" => &["X-Event", "X-Example-Token"],
            _ => &["X-Event"],
        }
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some() || self.fault == "always-requires-proof"
    }
}

/// The secrets that the contract configures.
const SECRETS: [&[u8]; 2] = [b"rotated", b"It's a Secret to Everybody"];

fn calls(url: &str) -> Outcome {
    Outcome::calls([ApiCall::get(url)], hookd_core::Subject::default())
}

/// A law, a dialect that breaks it, and a part of what the failed test says.
type Fault = (fn(&Forge), &'static str, &'static str);

const FAULTS: [Fault; 26] = [
    (laws::has_a_name_and_a_summary, "Has-Capitals", "is misnamed"),
    (laws::has_a_name_and_a_summary, "registered_twice", "registered twice"),
    (laws::has_a_name_and_a_summary, "has_no_sentence", "not a sentence"),
    (laws::has_a_name_and_a_summary, "hides_its_address", "no field of the setup has the address"),
    (laws::documents_every_option, "documents-nothing", "option `secret` is not documented"),
    (laws::documents_every_option, "documents-no-table", "`leaves` of `Table` is not documented"),
    (laws::rejects_unknown_options, "takes-any-option", "expected one problem"),
    (laws::rejects_secrets_that_cannot_be_read, "takes-empty-secrets", "the secret is empty"),
    (laws::translates_every_fixture, "refuses-all", "push: refused: no"),
    (laws::refuses_broken_payloads, "takes-broken-json", "expected a refusal of"),
    (laws::survives_mutated_payloads, "panics", "there is always a commit"),
    (laws::survives_mutated_payloads, "gives-no-reason", "neither a change nor a reason"),
    (laws::survives_random_requests, "panics", "there is always a commit"),
    (laws::survives_mutated_answers, "refuses-late", "refused after its sender was answered"),
    (laws::ends_its_calls, "calls-twice", "was answered before"),
    (laws::ends_its_calls, "calls-without-end", "calls without end"),
    (laws::keeps_the_headers_that_it_reads, "forgets-headers", "a header is read that is not kept"),
    (laws::keeps_no_header_with_a_secret, "keeps-secrets", "`X-Example-Token` may contain a secret"),
    (laws::requires_a_proof_only_with_a_secret, "always-requires-proof", "a proof is required without a secret"),
    (laws::verifies_what_is_rightly_signed, "trusts-none", "Invalid secret"),
    (laws::refuses_what_is_wrongly_signed, "trusts-all", "verified"),
    (laws::refuses_what_is_wrongly_signed, "trusts-the-empty", "Token(\"X-Example-Token\"): \"\": verified"),
    (laws::refuses_what_is_wrongly_signed, "trusts-the-short", "Token(\"X-Example-Token\"): \"I\": verified"),
    (laws::refuses_what_is_wrongly_signed, "trusts-the-long", "Everybodyx\": verified"),
    (laws::refuses_what_is_wrongly_signed, "tells-the-secret", "the refusal tells the right proof"),
    (laws::refuses_what_is_not_signed, "trusts-the-unsigned", "verified"),
];

macro_rules! register {
    ($($name:literal)+) => {
        $(inventory::submit! { Dialect::new::<Options>($name, "A dialect with the fault of its name.").with_compat() })+
    };
}

register! {
    "sound" "Has-Capitals" "registered_twice" "registered_twice" "takes-empty-secrets" "refuses-all"
    "takes-broken-json" "panics" "gives-no-reason" "refuses-late" "calls-twice" "calls-without-end" "forgets-headers"
    "trusts-the-empty" "trusts-the-short" "trusts-the-long" "keeps-secrets" "always-requires-proof" "trusts-none" "trusts-all" "trusts-the-unsigned" "tells-the-secret"
}
inventory::submit! { Dialect::new::<Options>("has_no_sentence", "A dialect").with_compat() }
inventory::submit! {
    Dialect::new::<Options>("hides_its_address", "A dialect with the fault of its name.").with_compat().with_setup(Setup {
        place: "Add a webhook.",
        fields: &[("URL", "the usual one")],
        notes: &[],
    })
}
inventory::submit! {
    Dialect::new::<WithTable>("documents-no-table", "A dialect with the fault of its name.").with_compat()
}
inventory::submit! { Dialect::new::<AnyOption>("takes-any-option", "A dialect with the fault of its name.").with_compat() }
inventory::submit! { Dialect::new::<Undocumented>("documents-nothing", "A dialect with the fault of its name.").with_compat() }

const fn forge(dialect: &'static str) -> Forge {
    Forge::new(dialect, &["push"], fixture, send)
        .with_api(|_| answer::json("{\"ok\": true}"))
        .signed(&[Scheme::Token("X-Example-Token")])
}

fn fixture(_event: &str) -> Value {
    json!({"commit": "1f3a"})
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/").with_header("X-Event", event).with_body(body.to_vec())
}

contract_tests!(forge("sound"));

/// The message of the panic of a law, if it is broken.
fn broken(law: impl FnOnce()) -> Option<String> {
    let panic = panic::catch_unwind(AssertUnwindSafe(law)).err()?;
    let message = panic.downcast_ref::<String>().cloned();
    Some(message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap())
}

#[test]
fn each_fault_breaks_its_law() {
    for (law, dialect, expected) in FAULTS {
        let message = broken(|| law(&forge(dialect))).unwrap_or_else(|| panic!("`{dialect}` passes"));
        assert!(message.contains(expected), "`{dialect}`: expected {expected:?} in {message:?}");
    }
}

#[test]
fn each_law_is_broken_by_a_fault() {
    let (contract, faults) = (include_str!("../src/contract.rs"), include_str!("contract.rs"));
    let laws = contract.split_once("$crate::__contract_tests! { $forge;").unwrap().1.split_once('}').unwrap().0;
    let laws: Vec<&str> = laws.split_whitespace().collect();
    assert!(laws.len() >= 16, "{laws:?}");
    for law in laws {
        assert!(faults.contains(&format!("(laws::{law}, \"")), "no dialect here breaks the law `{law}`");
    }
}

/// A request as `hookd deliveries export` prints it, with the changes that it became.
const EXPORTED: &str = r#"{
    "dialect": "sound", "event": "push", "method": "POST", "path": "/change_hook/sound", "query": "",
    "headers": [["X-Event", "push"]], "body_text": "{\"commit\": \"1f3a\"}", "removed": [],
    "changes": [{"revision": "1f3a", "branch": null}]
}"#;

/// The same, in a form.
const FORM: &str = r#"{
    "dialect": "sound", "event": "push", "method": "POST", "path": "/change_hook/sound", "query": "",
    "headers": [["Content-Type", "application/x-www-form-urlencoded"]], "body_text": "payload=%7B%22commit%22:7%7D"
}"#;

/// The same, with something else that it became.
const OTHER: &str = r#"{
    "dialect": "sound", "event": "push", "method": "POST", "path": "/change_hook/sound", "query": "",
    "headers": [["X-Event", "push"]], "body_text": "{\"commit\": \"1f3a\"}", "changes": [{"revision": "2e4b"}]
}"#;

const NONE: &str = r#"{
    "dialect": "sound", "event": "push", "method": "POST", "path": "/change_hook/sound", "query": "",
    "headers": [["X-Event", "push"]], "body_text": "{\"commit\": \"1f3a\"}", "changes": []
}"#;

mod exported {
    use super::*;

    contract_tests!(Forge::exported("sound", &[("push", EXPORTED)]).signed(&[Scheme::Token("X-Example-Token")]));
}

#[test]
fn a_fixture_that_becomes_something_else_breaks_the_law() {
    const FORGE: Forge = Forge::exported("sound", &[("other", OTHER)]);
    let message = broken(|| laws::translates_every_fixture(&FORGE)).unwrap();
    let shown =
        "other: change 1 is not the one of the fixture:\n  revision\n    expected \"2e4b\"\n    found    \"1f3a\"\n";
    assert!(message.ends_with(shown), "{message}");
    const NO_CHANGES: Forge = Forge::exported("sound", &[("none", NONE)]);
    let message = broken(|| laws::translates_every_fixture(&NO_CHANGES)).unwrap();
    assert!(message.contains("the fixture says that it becomes 0 changes, and it becomes: -@1f3a"), "{message}");
}

#[test]
fn a_forge_that_forgets_to_sign_breaks_the_law() {
    const FORGE: Forge = Forge::exported("sound", &[("push", EXPORTED)]);
    let message = broken(|| laws::requires_a_proof_only_with_a_secret(&FORGE)).unwrap();
    assert!(message.contains("the forge of the test signs nothing"), "{message}");
}

#[test]
fn an_exported_request_is_patched_and_signed() {
    const FORGE: Forge =
        Forge::exported("sound", &[("push", EXPORTED), ("form", FORM)]).signed(&[Scheme::Token("X-Example-Token")]);
    let hook = FORGE.hook(hookd_core::Compat::Off, "secret = 's3cret'");
    let request = FORGE.signed_request("push", json!({"commit": "2e4b"}), "s3cret");
    assert_eq!(hook.receive(&request).summary(), "-@2e4b");
    let request = FORGE.signed_request("push", json!({}), "guess");
    assert_eq!(hook.receive(&request).summary(), "refused: Invalid secret");
    assert_eq!(&FORGE.request("form", json!({"commit": "é"})).body()[..], b"payload=%7B%22commit%22%3A%22%C3%A9%22%7D");
    let request = Fixture::parse(EXPORTED).unwrap().signed(Scheme::Token("X-Example-Token"), "s3cret");
    assert_eq!(hook.receive(&request).summary(), "-@1f3a");
    let message = broken(|| drop(FORGE.request("tag", json!({})))).unwrap();
    assert_eq!(message, "the forge has no fixture `tag`, only [\"push\", \"form\"]");
}

#[test]
#[should_panic(expected = "push with {\"commit\":\"2e4b\"}, Buildbot:\n    expected -@1f3a\n    found    -@2e4b\n")]
fn a_case_that_is_not_as_expected_is_shown() {
    cases! { forge("sound");
        both     "push" {}                 => "-@1f3a";
        off      "push" {"commit": "2e4b"} => "-@2e4b";
        buildbot "push" {"commit": "2e4b"} => "-@1f3a";
    }
}

#[test]
#[should_panic(expected = "the options are not valid: secret: the secret is empty")]
fn options_that_are_not_valid_are_shown() {
    drop(forge("sound").hook(hookd_core::Compat::Off, json!({"secret": ""})));
}
