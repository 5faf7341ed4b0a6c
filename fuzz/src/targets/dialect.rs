//! A target for each dialect: any request, and any answers of an API.
//!
//! Laws, besides those of `hookd_testkit::Subject::run_with`:
//! - memory stays within [`Bound::SENT`], from recognising to the last round of calls;
//! - the same request gives the same result again, also with only the headers that are kept;
//! - its changes stay within the limit of a delivery;
//! - with a secret that the fuzzer does not know nothing is verified, and what is signed with it always is;
//! - a request that is refused makes no poller poll, and no other is made to poll than is allowed.

use fastrand::Rng;
use hookd_core::{ChangeList, Compat, HookRequest, Outcome};
use hookd_testkit::{BOTH, Forge, Scheme, Subject, json};
use serde_json::Value;
use {
    hookd_base as _, hookd_bitbucket as _, hookd_bitbucketcloud as _, hookd_bitbucketserver as _, hookd_github as _,
    hookd_gitlab as _, hookd_gitorious as _, hookd_json as _, hookd_poller as _,
};

use super::dialect_seeds as seeds;
use crate::{Bound, Message, Meter, Scope, Target, mutation};

/// What requests are signed with that have to be verified.
const SECRET: &str = "known to nobody but the forge";

/// Headers with a proof.
const PROOFS: &[&str] = &[
    "X-Hub-Signature",
    "X-Hub-Signature-256",
    "X-Gitlab-Token",
    "X-Signature",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

const POLLERS: &[&str] = &["git", "hg", "svn"];

/// A dialect with its options, and requests to start from.
struct Dialect {
    name: &'static str,
    /// Pairs of both modes, for each table of options.
    open: Vec<Subject>,
    /// Which accept what is signed in this way alone.
    closed: Vec<(Subject, Scheme)>,
    seeds: fn() -> Vec<Message>,
}

/// All dialects.
pub(super) fn all() -> Vec<Box<dyn Target>> {
    const WHITELIST: &str = r#"{"bitbucket_property_whitelist": ["*"], "codebase": "c"}"#;
    const GITHUB: &[&str] = &[
        "{}",
        r#"{"github_property_whitelist": ["*"], "token": {"octo/*": "t"}, "codebase": "c"}"#,
        r#"{"github_property_whitelist": ["github.base.*"], "skips": [], "token": "t"}"#,
    ];
    const JSON: &str = r#"{
        "delivery": {"header": "X-Delivery"},
        "when": [
            {"path": "ref", "re": "^refs/heads/(?P<branch>.+)$"},
            {"path": "deleted", "not_in": [true]},
            {"header": "X-Event", "not_re": "^ping$"}
        ],
        "each": "commits",
        "change": {
            "author": "{author.name} <{author.email}>", "branch": "{branch}", "comments": "{message?}", "revision": "{id}",
            "repository": "{.repository.url|.repository.name}", "when_timestamp": "{timestamp}",
            "files": ["{added}", "{modified}", "{removed}"], "properties": {"commit": "{author}", "n": "{.total?}"}
        },
        "skips": ["skip ci"]
    }"#;
    const SHA256: Scheme = Scheme::Sha256("X-Hub-Signature");
    let github = [Scheme::Sha1("X-Hub-Signature"), Scheme::Sha256("X-Hub-Signature-256")];
    let gitlab = [Scheme::Token("X-Gitlab-Token"), Scheme::StandardWebhooks];
    vec![
        dialect("base", &["{}"], &[], seeds::base),
        dialect("bitbucket", &["{}"], &[], seeds::bitbucket),
        dialect("bitbucketcloud", &["{}", WHITELIST], &[SHA256], seeds::bitbucketcloud),
        dialect("bitbucketserver", &["{}", WHITELIST], &[SHA256], seeds::bitbucketserver),
        dialect("github", GITHUB, &github, seeds::github),
        dialect("gitlab", &["{}", r#"{"codebase": "c"}"#], &gitlab, seeds::gitlab),
        dialect("gitorious", &["{}"], &[], seeds::gitorious),
        dialect("json", &[JSON], &[Scheme::Sha256("X-Signature")], seeds::json),
        dialect("poller", &[r#"{"allowed": ["svn"]}"#], &[], seeds::poller),
    ]
}

fn dialect(name: &'static str, options: &[&str], schemes: &[Scheme], seeds: fn() -> Vec<Message>) -> Box<dyn Target> {
    // The fixtures of a forge are not asked for: requests are made here.
    let forge = Forge::new(name, &[], |_| Value::Null, |_, _| HookRequest::post("")).with_pollers(POLLERS);
    let open = options.iter().flat_map(|options| {
        let options: Value = options.parse().expect("options are JSON");
        modes(name).iter().map(move |mode| forge.hook(*mode, options.clone()))
    });
    let closed = schemes.iter().flat_map(|scheme| {
        let mut options = json!({"secret": scheme.secret(SECRET)});
        if name == "github" {
            options["strict"] = json!(true);
        }
        if name == "json" {
            let proof =
                json!({"header": scheme.header(), "scheme": "hmac-sha256", "prefix": "sha256=", "secret": SECRET});
            options = json!({"proof": proof, "change": {"revision": "{id}"}});
        }
        modes(name).iter().map(move |mode| (forge.hook(*mode, options.clone()), *scheme))
    });
    Box::new(Dialect { name, open: open.collect(), closed: closed.collect(), seeds })
}

/// The modes that a dialect has.
fn modes(name: &str) -> &'static [Compat] {
    if name == "json" { &[Compat::Off] } else { &BOTH }
}

impl Dialect {
    fn check_translation(&self, hook: &Subject, message: &Message, meter: &mut Meter) {
        let request = message.request();
        let (event, run) = meter.measure(Bound::SENT, message.bytes(), || {
            let event = hook.recognise(&request);
            let _ = hook.verify(&request);
            (event, hook.run_with(&request, message.api()))
        });
        let polled = hook.polled();
        if let Ok(Outcome::Changes(changes)) = &run.outcome {
            let input_bytes = message.body.len() + message.answer_bytes();
            let is_within = ChangeList::check(changes, input_bytes);
            assert!(is_within.is_ok(), "{is_within:?}");
        }
        assert!(run.outcome.is_ok() || polled.is_empty(), "refused, but polls {polled:?}");
        assert!(polled.iter().all(|name| name == "svn"), "polls {polled:?}");
        let kept = hook.headers().iter().filter_map(|name| Some((*name, request.headers().get(name)?))).collect();
        let (method, query) = (request.method(), request.query().to_owned());
        let kept = HookRequest::new(method, request.path().to_owned(), query, kept, request.body().clone());
        assert_eq!(hook.recognise(&kept), event, "recognised otherwise with the headers that are kept");
        let again = hook.run_with(&kept, message.api());
        assert!(again == run, "translated otherwise with the headers that are kept");
        hook.polled();
    }

    fn check_proof(&self, hook: &Subject, scheme: Scheme, message: &Message) {
        assert!(hook.verify(&message.request()).is_err(), "verified without the secret");
        let mut unsigned = message.clone();
        unsigned.headers.retain(|(name, _)| !PROOFS.iter().any(|proof| name.eq_ignore_ascii_case(proof)));
        assert!(hook.verify(&unsigned.request()).is_err(), "verified without a proof");
        assert_eq!(hook.proof(&scheme.sign(SECRET, unsigned.request())), "verified", "{scheme:?}");
    }
}

impl Target for Dialect {
    fn name(&self) -> &'static str {
        // JSON itself has a target as well.
        if self.name == "json" { "json_class" } else { self.name }
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)().iter().map(Message::to_file).collect()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut message = Message::parse(input);
        mutation::message::mutate(rng, &mut message, &Message::parse(other));
        message.to_file()
    }

    fn check(&self, input: &[u8], scope: Scope, meter: &mut Meter) {
        let message = Message::parse(input);
        let choice = message.bytes() % self.open.len();
        for (index, hook) in self.open.iter().enumerate() {
            // Both modes of one table of options.
            if scope == Scope::All || index / 2 == choice / 2 {
                self.check_translation(hook, &message, meter);
            }
        }
        for (index, (hook, scheme)) in self.closed.iter().enumerate() {
            if scope == Scope::All || index == choice % self.closed.len() {
                self.check_proof(hook, *scheme, &message);
            }
        }
    }
}
