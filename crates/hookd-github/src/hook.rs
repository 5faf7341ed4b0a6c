//! The hook: who sent a request, what kind of event it is, and who translates that.

use std::borrow::Cow;

use hookd_core::{
    ApiAnswers, Codebase, Hook, HookRequest, Json, Keys, Outcome, Pattern, Proof, PropertyWhitelist, Recognised,
    Refusal, SignatureHash, View,
};

use crate::class::{Event, EventClass};
use crate::endpoint::Endpoint;
use crate::token::Tokens;

const EVENT: &str = "X-GitHub-Event";
const DELIVERY: &str = "X-GitHub-Delivery";

/// The headers that carry signatures, and the hash that each must name.
const SIGNATURES: [(&str, SignatureHash); 2] =
    [("X-Hub-Signature-256", SignatureHash::Sha256), ("X-Hub-Signature", SignatureHash::Sha1)];

/// The dialect at work.
pub(crate) struct GitHub {
    pub(crate) compat: bool,
    pub(crate) keys: Option<Keys>,
    pub(crate) strict: bool,
    pub(crate) codebase: Option<Codebase>,
    pub(crate) whitelist: PropertyWhitelist,
    pub(crate) class: Option<&'static EventClass>,
    pub(crate) skips: Vec<Pattern>,
    pub(crate) endpoint: Endpoint,
    pub(crate) tokens: Tokens,
    pub(crate) pullrequest_ref: String,
}

impl Hook for GitHub {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let header = |name| request.header(name).filter(|value| !value.is_empty()).map(Cow::Borrowed);
        Recognised { event: header(EVENT), forge_id: header(DELIVERY) }
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
        let headers = request.headers();
        let signatures: Vec<_> = SIGNATURES
            .iter()
            .flat_map(|(header, hash)| headers.all(header).map(|signature| (signature, *hash)))
            .collect();
        keys.check_signatures(&signatures, request.body())?;
        match signatures.is_empty() {
            false => Ok(Proof::Verified),
            true if self.strict => Err(Refusal::new("Request has no required signature")),
            true => Ok(Proof::NotRequired),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.translate_with(request, &ApiAnswers::default())
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        let document = self.document(request)?;
        let json = Json::parse(&document, request.arena())?;
        let Some(name) = request.header(EVENT) else {
            return Err(Refusal::new(format!("header `{EVENT}` is missing")));
        };
        let event = Event { name, payload: View::root(&json), request, answers };
        if let Some(outcome) = self.class.and_then(|class| (class.handle)(&event)) {
            return outcome;
        }
        match name {
            "push" => self.push(&event),
            "pull_request" => self.pull_request(&event),
            "merge_group" if self.compat => {
                Ok(Outcome::ignored("event `merge_group` makes no change with `compat = \"buildbot\"`"))
            }
            "merge_group" => self.merge_group(&event),
            other => Ok(Outcome::ignored(format!("event `{other}` makes no change"))),
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.strict && self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.keys.is_some() && !self.strict {
            warnings.push("`secret` without `strict` accepts requests that are not signed".to_owned());
        }
        warnings
    }
}
