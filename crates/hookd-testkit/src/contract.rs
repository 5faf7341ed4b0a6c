//! The contract of a dialect: laws that hold whatever it translates.
//!
//! Each law is a function that panics where a dialect breaks it. [`contract_tests!`](crate::contract_tests) makes a
//! test of each:
//!
//! ```ignore
//! hookd_testkit::contract_tests!(FORGE);
//! ```

use std::collections::BTreeSet;

use hookd_core::registry::Named as _;
use hookd_core::{Change, Dialect, HookRequest, Outcome, Proof, carries_secret, registry};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::change::difference;
use crate::forge::SECRET;
use crate::{BOTH, Forge, Run, Scheme, answer, mutations};

mod random;

/// Tests that the dialect of this [`Forge`] keeps the [contract](crate::contract), one for each law.
#[macro_export]
macro_rules! contract_tests {
    ($forge:expr) => {
        $crate::__contract_tests! { $forge;
            has_a_name_and_a_summary
            documents_every_option
            rejects_unknown_options
            rejects_secrets_that_cannot_be_read
            translates_every_fixture
            refuses_broken_payloads
            survives_mutated_payloads
            survives_mutated_answers
            survives_random_requests
            ends_its_calls
            keeps_the_headers_that_it_reads
            keeps_no_header_with_a_secret
            requires_a_proof_only_with_a_secret
            verifies_what_is_rightly_signed
            refuses_what_is_wrongly_signed
            refuses_what_is_not_signed
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __contract_tests {
    ($forge:expr; $($law:ident)+) => {
        /// The contract of a dialect.
        #[cfg(test)]
        mod contract {
            #[allow(unused_imports)]
            use super::*;
            $(#[test]
            fn $law() {
                $crate::contract::$law(&$forge);
            })+
        }
    };
}

/// The name fits into a URL and a table of options, no other dialect has it, each option that is read is known, and the summary is
/// one sentence. If it says how a webhook is set up at the forge, the address of the dialect is in one of the fields.
pub fn has_a_name_and_a_summary(forge: &Forge) {
    let dialect @ Dialect { name, summary, setup, .. } = forge.descriptor();
    assert!(!registry::duplicates::<Dialect>().contains(name), "`{name}` is registered twice");
    assert_eq!(dialect.flaws(), [""; 0], "`{name}` is not registered as hookd takes it");
    let is_sentence = summary.ends_with('.') && !summary.contains('\n') && summary.len() > 10;
    assert!(is_sentence, "the summary is not a sentence: {summary:?}");
    if let Some(setup) = setup {
        let path = format!("HOST/change_hook/{name}`");
        let has_url = setup.fields(name).iter().any(|(_, text)| text.contains(&path));
        assert!(has_url, "no field of the setup has the address of the dialect, `{{url}}`: {setup:?}");
    }
}

/// Every option has a description, also those in tables of an option, and none has to be there but those that the dialect
/// cannot be without.
pub fn documents_every_option(forge: &Forge) {
    for (name, option) in forge.schema_of_options() {
        let description = option.get("description").and_then(Value::as_str).unwrap_or_default();
        assert!(description.len() > 40, "option `{name}` is not documented: {description:?}");
    }
    for (table, properties) in forge.schema_of_tables() {
        for (name, option) in properties {
            let is_documented = option.get("description").is_some_and(|description| description != "");
            assert!(is_documented, "`{name}` of `{table}` is not documented");
        }
    }
    for mode in forge.modes().iter().copied() {
        drop(forge.hook(mode, json!({})));
    }
}

/// An option that there is not is a problem whose message names those that there are.
pub fn rejects_unknown_options(forge: &Forge) {
    let [problem] = &forge.problems(json!({"no_such_option": true}))[..] else { panic!("expected one problem") };
    assert!(problem.starts_with("no_such_option: unknown option `no_such_option`"), "{problem}");
    for name in forge.schema_of_options().keys() {
        assert!(problem.contains(&format!("`{name}`")), "`{name}` is not named in: {problem}");
    }
}

/// Each secret that is empty or cannot be read is a problem with the option `secret`.
pub fn rejects_secrets_that_cannot_be_read(forge: &Forge) {
    if !forge.schemes.is_empty() {
        let problems = forge.problems(forge.closed_options(json!([{"file": "gone"}, SECRET, ""])));
        let expected = ["no file `gone`", "the secret is empty"];
        assert_eq!(problems, expected.map(|problem| format!("{}: {problem}", forge.secret_option())));
    }
}

/// Without options, no event of the forge is refused, the same request comes to the same again, and that is what the
/// fixture says, if it does.
pub fn translates_every_fixture(forge: &Forge) {
    let hook = forge.hook(BOTH[0], json!({}));
    for event in forge.events() {
        let run = hook.run(&forge.request(event, json!({})));
        assert!(run.outcome.is_ok(), "{event}: {run}");
        assert_eq!(hook.run(&forge.request(event, json!({}))), run, "{event}");
        if let Some(expected) = forge.expected(event) {
            assert_changes(event, &run, &expected);
        }
    }
}

/// Checks the fields that are named of the changes that a fixture became.
fn assert_changes(event: &str, run: &Run, expected: &[Value]) {
    let changes: &[Change] = if let Ok(Outcome::Changes(changes)) = &run.outcome { changes } else { &[] };
    let (found, number) = (changes.len(), expected.len());
    assert_eq!(found, number, "{event}: the fixture says that it becomes {number} changes, and it becomes: {run}");
    for (index, (change, expected)) in changes.iter().zip(expected).enumerate() {
        // As hookd does for every dialect.
        let mut change = change.clone();
        change.fill_revlink();
        let differences = difference(&change, expected);
        assert!(differences.is_empty(), "{event}: change {} is not the one of the fixture:\n{differences}", index + 1);
    }
}

/// A payload that is cut, empty, or otherwise no JSON is refused.
pub fn refuses_broken_payloads(forge: &Forge) {
    let hooks = forge.hooks();
    for event in forge.events() {
        let whole = forge.payload(event, json!({})).to_string().into_bytes();
        let cut = &whole[..whole.len() / 2];
        for payload in [cut, b"", b"{", b"[", b"nul", b"\xff", b"{} x", b"\xef\xbb\xbf{}", b"{\"a\": NaN}"] {
            let text = String::from_utf8_lossy(payload);
            let request = forge.send_bytes(event, payload);
            for hook in &hooks {
                let run = hook.run(&request);
                assert!(run.outcome.is_err(), "{event}: expected a refusal of {text:?}, found {run}");
            }
        }
    }
}

/// Whatever is missing in a payload, or of another kind, there is a change, a reason or a refusal.
pub fn survives_mutated_payloads(forge: &Forge) {
    let hooks = forge.hooks();
    for event in forge.events() {
        for payload in mutations(&forge.payload(event, json!({}))) {
            let request = forge.send(event, &payload);
            hooks.iter().for_each(|hook| drop(hook.run(&request)));
        }
    }
}

/// Whatever is missing in an answer of the API, or of another kind, there is a change or a reason.
pub fn survives_mutated_answers(forge: &Forge) {
    for hook in forge.hooks() {
        for event in forge.events() {
            let request = forge.request(event, json!({}));
            for url in hook.run(&request).urls().concat() {
                let whole = forge.answer(url);
                let body = whole.success().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
                for mutated in body.iter().flat_map(mutations) {
                    let api = |asked: &str| if asked == url { answer::json(&mutated) } else { forge.answer(asked) };
                    drop(hook.run_with(&request, api));
                }
            }
        }
    }
}

/// Whatever is sent, and whatever the API answers, there is a change, a reason or a refusal. Headers that are not
/// kept make no difference to it.
pub fn survives_random_requests(forge: &Forge) {
    let mut hooks = forge.hooks();
    if let Some(secrets) = secrets(forge) {
        hooks.extend(forge.modes().iter().map(|mode| forge.closed_hook(*mode, secrets.clone())));
    }
    check(&random::requests(forge), |sent| {
        for hook in &hooks {
            let request = sent.request();
            let _ = hook.verify(&request);
            let _ = hook.recognise(&request);
            let run = hook.run_with(&request, sent.api());
            let kept = with_headers(&request, hook.headers());
            assert_eq!(hook.run_with(&kept, sent.api()), run, "a header is read that is not kept");
            assert_eq!(hook.recognise(&kept), hook.recognise(&request), "a header is read that is not kept");
        }
    });
}

/// An API that fails, or has always another page, does not make it call without end.
pub fn ends_its_calls(forge: &Forge) {
    for hook in forge.hooks() {
        for event in forge.events() {
            let request = forge.request(event, json!({}));
            for status in [204, 301, 401, 404, 500] {
                drop(hook.run_with(&request, |_| answer::status(status)));
            }
            drop(hook.run_with(&request, |_| answer::none("no answer in 60 s")));
            drop(hook.run_with(&request, |_| answer::json("<html>")));
            let mut pages = 0;
            drop(hook.run_with(&request, |url| {
                pages += 1;
                let (path, _) = url.split_once('?').unwrap_or((url, ""));
                let whole = forge.answer(url);
                let body = whole.success().map(|body| String::from_utf8_lossy(body).into_owned());
                answer::page(body.unwrap_or_default(), &format!("{path}?page={pages}"))
            }));
        }
    }
}

/// The headers that [`Hook::headers`](hookd_core::Hook::headers) names are all that translating needs: a request that
/// was stored comes to the same as the one that was sent.
pub fn keeps_the_headers_that_it_reads(forge: &Forge) {
    for hook in forge.hooks() {
        for event in forge.events() {
            let request = forge.request(event, json!({}));
            let kept = with_headers(&request, hook.headers());
            assert_eq!(hook.run(&kept), hook.run(&request), "{event}: a header is read that is not kept");
            assert_eq!(hook.recognise(&kept), hook.recognise(&request), "{event}: a header is read that is not kept");
        }
    }
}

/// None of the headers that are kept can contain a secret, and none is named twice.
pub fn keeps_no_header_with_a_secret(forge: &Forge) {
    for hook in forge.hooks() {
        let mut names = BTreeSet::new();
        for name in hook.headers() {
            let lower = name.to_ascii_lowercase();
            assert!(!carries_secret(name), "`{name}` may contain a secret");
            assert!(
                !forge.schemes.iter().any(|scheme| scheme.header().eq_ignore_ascii_case(name)),
                "`{name}` is a proof"
            );
            assert!(names.insert(lower), "`{name}` is named twice");
        }
    }
}

/// With a secret every request must prove itself; without one none need, whatever it carries.
pub fn requires_a_proof_only_with_a_secret(forge: &Forge) {
    let has_secret = forge.schema_of_options().contains_key("secret");
    assert!(
        !has_secret || !forge.schemes.is_empty(),
        "the dialect has the option `secret`, but the forge of the test signs nothing (`Forge::signed`)"
    );
    for hook in forge.hooks() {
        assert!(!hook.requires_proof(), "a proof is required without a secret");
        for event in forge.events() {
            let request = forge.request(event, json!({}));
            assert_eq!(hook.proof(&request), "not required");
            let signed = forge.schemes.iter().fold(request, |request, scheme| scheme.attach(request, "nonsense"));
            assert_eq!(hook.proof(&signed), "not required");
        }
    }
    for (mode, scheme) in modes_and_schemes(forge) {
        assert!(forge.closed_hook(mode, json!(scheme.secret(SECRET))).requires_proof(), "{scheme:?}");
    }
}

/// A request that is signed with one of the secrets is verified, whatever its body; if it is said with which, then with
/// that one, the secrets of the option numbered from 1.
pub fn verifies_what_is_rightly_signed(forge: &Forge) {
    for (mode, scheme) in modes_and_schemes(forge) {
        let one = forge.closed_hook(mode, json!(scheme.secret(SECRET)));
        let rotated = forge.closed_hook(mode, json!([scheme.secret("rotated"), scheme.secret(SECRET)]));
        check(&any::<Vec<u8>>(), |body| {
            let request = scheme.sign(SECRET, HookRequest::post("/").with_body(body));
            assert_eq!((&*one.proof(&request), &*rotated.proof(&request)), ("verified", "verified"), "{scheme:?}");
            let Ok(Proof::Verified { key }) = rotated.verify(&request) else { unreachable!("it is verified") };
            assert!(key.is_none_or(|key| key == 2), "{scheme:?}: the second secret, not number {key:?}");
        });
    }
}

/// A request with a proof that is foreign, cut, empty or otherwise wrong is refused, also after right ones of the same
/// scheme and of weaker ones, and the refusal does not say how it would be right.
pub fn refuses_what_is_wrongly_signed(forge: &Forge) {
    for (mode, scheme) in modes_and_schemes(forge) {
        let weaker = || forge.schemes.iter().take_while(|weaker| **weaker != scheme);
        let mut secrets = vec![scheme.secret("rotated"), scheme.secret(SECRET)];
        secrets.extend(weaker().map(|scheme| scheme.secret(SECRET)));
        let hook = forge.closed_hook(mode, json!(secrets));
        for wrong in scheme.wrong_forms(SECRET, b"{}") {
            let found = hook.proof(&scheme.attach(HookRequest::post("/").with_body("{}"), &wrong));
            assert!(found.starts_with("refused: "), "{scheme:?}: {wrong:?}: {found}");
        }
        let bodies = any::<Vec<u8>>().prop_flat_map(|body| {
            let wrong = scheme.wrong_proofs(SECRET, body.clone());
            (Just(body), wrong, 0..3_usize, any::<bool>())
        });
        check(&bodies, |(body, wrong, right_ones, has_weaker)| {
            let request = HookRequest::post("/").with_body(body);
            let request = weaker().filter(|_| has_weaker).fold(request, |request, weaker| weaker.sign(SECRET, request));
            let request = (0..right_ones).fold(request, |request, _| scheme.sign(SECRET, request));
            let right = scheme.sign(SECRET, HookRequest::post("/").with_body(request.body().clone()));
            let right = String::from_utf8_lossy(right.headers().get(scheme.header()).unwrap_or_default()).into_owned();
            let found = hook.proof(&scheme.attach(request, &wrong));
            assert!(found.starts_with("refused: "), "{scheme:?}: {found}");
            let quoted = String::from_utf8_lossy(&wrong).contains(&right);
            assert!(quoted || !found.contains(&right), "{scheme:?}: the refusal tells the right proof: {found}");
        });
    }
}

/// A request without a proof is refused where one is required, whatever else it carries.
pub fn refuses_what_is_not_signed(forge: &Forge) {
    let Some(secrets) = secrets(forge) else { return };
    for mode in forge.modes().iter().copied() {
        let hook = forge.closed_hook(mode, secrets.clone());
        check(&("[A-Za-z-]{1,20}", any::<Vec<u8>>(), any::<Vec<u8>>()), |(name, value, body)| {
            let request = HookRequest::post("/").with_header(&name, value).with_body(body);
            let found = hook.proof(&request);
            assert!(found.starts_with("refused: "), "{found}");
        });
        for event in forge.events() {
            let found = hook.proof(&forge.request(event, json!({})));
            assert!(found.starts_with("refused: "), "{event}: {found}");
        }
    }
}

fn modes_and_schemes(forge: &Forge) -> impl Iterator<Item = (hookd_core::Compat, Scheme)> {
    forge.modes().iter().flat_map(|mode| forge.schemes.iter().map(move |scheme| (*mode, *scheme)))
}

/// A secret for each way to sign; `None` where there is none.
fn secrets(forge: &Forge) -> Option<Value> {
    let secrets: Vec<String> = forge.schemes.iter().map(|scheme| scheme.secret(SECRET)).collect();
    (!secrets.is_empty()).then(|| json!(secrets))
}

/// The request as it is stored: with these headers alone.
fn with_headers(request: &HookRequest, names: &[&str]) -> HookRequest {
    let is_kept = |name: &str| names.iter().any(|kept| kept.eq_ignore_ascii_case(name));
    let headers = request.headers().iter().filter(|(name, _)| is_kept(name)).collect();
    let (path, query) = (request.path().to_owned(), request.query().to_owned());
    HookRequest::new(request.method(), path, query, headers, request.body().clone())
}

/// Runs a check for many values, and shows the simplest that fails.
#[track_caller]
fn check<S: Strategy>(values: &S, check: impl Fn(S::Value)) {
    let config = Config { failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(values, |value| {
        check(value);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
