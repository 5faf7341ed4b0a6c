//! The hook: who sent a request, what kind of event it is, and who translates that.

use std::borrow::Cow;

use hookd_core::{
    Codebase, Hook, HookRequest, Json, Keys, Outcome, Proof, PropertyWhitelist, Recognised, Refusal, SignatureHash,
    View,
};

const EVENT: &str = "X-Event-Key";
const DELIVERY: &str = "X-Request-UUID";
const SIGNATURE: &str = "X-Hub-Signature";

/// The dialect at work.
pub(crate) struct BitbucketCloud {
    pub(crate) compat: bool,
    pub(crate) keys: Option<Keys>,
    pub(crate) codebase: Option<Codebase>,
    pub(crate) whitelist: PropertyWhitelist,
}

/// What is translated.
pub(crate) struct Event<'e> {
    pub(crate) payload: View<'e>,
    pub(crate) request: &'e HookRequest,
}

/// What became of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Created,
    Updated,
    Fulfilled,
    Rejected,
}

impl Stage {
    /// The category of its change.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Stage::Created => "pull-created",
            Stage::Updated => "pull-updated",
            Stage::Fulfilled => "pull-fulfilled",
            Stage::Rejected => "pull-rejected",
        }
    }
}

impl Hook for BitbucketCloud {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let header = |name| request.header(name).filter(|value| !value.is_empty()).map(Cow::Borrowed);
        Recognised { event: header(EVENT), forge_id: header(DELIVERY) }
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
        let mut is_signed = false;
        for signature in request.headers().all(SIGNATURE) {
            keys.check_signature(signature, SignatureHash::Sha256, request.body())?;
            is_signed = true;
        }
        if is_signed { Ok(Proof::Verified) } else { Err(Refusal::new("Request has no required signature")) }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.check_content_type(request)?;
        let json = request.json()?;
        let Some(name) = request.header(EVENT) else {
            return Err(Refusal::new(format!("Header {EVENT} was not present")));
        };
        let event = Event { payload: View::root(&json), request };
        // As Buildbot, which makes names of methods of the names of events.
        match name.replace(':', "_").as_str() {
            "repo_push" if self.compat => self.legacy_push(&event),
            "repo_push" => self.push(&event),
            "pullrequest_created" => self.any_pull_request(&event, Stage::Created),
            "pullrequest_updated" => self.any_pull_request(&event, Stage::Updated),
            "pullrequest_fulfilled" => self.any_pull_request(&event, Stage::Fulfilled),
            "pullrequest_rejected" => self.any_pull_request(&event, Stage::Rejected),
            _ => Ok(Outcome::ignored(format!("event `{name}` makes no change"))),
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "X-Hook-UUID", "X-Attempt-Number", "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }
}

impl BitbucketCloud {
    fn check_content_type(&self, request: &HookRequest) -> Result<(), Refusal> {
        let sent = request.headers().get("Content-Type").map(String::from_utf8_lossy);
        let kind = if self.compat { sent.as_deref().unwrap_or_default().to_owned() } else { request.content_type() };
        if kind.starts_with("application/json") {
            return Ok(());
        }
        Err(Refusal::new(format!("Unknown content type: {}", sent.as_deref().unwrap_or("none"))))
    }

    /// A pull request, in the shape that Bitbucket Cloud sends or in that which Buildbot's hook expects.
    fn any_pull_request(&self, event: &Event<'_>, stage: Stage) -> Result<Outcome, Refusal> {
        let has = |path| event.payload.get(path).is_some_and(|json| *json != Json::Null);
        match (has("pullrequest.fromRef"), has("pullrequest.source")) {
            (false, true) if self.compat => Ok(Outcome::ignored(
                "with `compat = \"buildbot\"`, a pull request in the shape that Bitbucket Cloud sends makes no change",
            )),
            (false, _) if !self.compat => self.pull_request(event, stage),
            _ => self.legacy_pull_request(event, stage),
        }
    }
}
