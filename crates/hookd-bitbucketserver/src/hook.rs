//! The hook: who sent a request, what kind of event it is, and who translates that.

use std::borrow::Cow;

use hookd_core::{
    Codebase, Hook, HookRequest, Keys, Outcome, Proof, PropertyWhitelist, Recognised, Refusal, SignatureHash, View,
};

const EVENT: &str = "X-Event-Key";
const DELIVERY: &str = "X-Request-Id";
const SIGNATURE: &str = "X-Hub-Signature";

/// The dialect at work.
pub(crate) struct BitbucketServer {
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

impl Hook for BitbucketServer {
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
        let name = request.header(EVENT);
        // Some versions send it without a content type.
        if name == Some("diagnostics:ping") {
            return Ok(Outcome::ignored("event `diagnostics:ping` is a test of the connection"));
        }
        self.check_content_type(request)?;
        let json = request.json()?;
        let Some(name) = name else {
            return Err(Refusal::new(format!("Header {EVENT} is not present")));
        };
        self.dispatch(name, &Event { payload: View::root(&json), request })
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }
}

impl BitbucketServer {
    fn check_content_type(&self, request: &HookRequest) -> Result<(), Refusal> {
        let sent = request.headers().get("Content-Type").map(String::from_utf8_lossy);
        let kind = if self.compat { sent.as_deref().unwrap_or_default().to_owned() } else { request.content_type() };
        if kind.starts_with("application/json") {
            return Ok(());
        }
        Err(Refusal::new(format!("Unknown content type: {}", sent.as_deref().unwrap_or("none"))))
    }

    fn dispatch(&self, name: &str, event: &Event<'_>) -> Result<Outcome, Refusal> {
        // As Buildbot, which makes names of methods of the names of events.
        match name.replace(':', "_").as_str() {
            "repo_refs_changed" | "repo_push" => self.any_push(event),
            // The plugin's.
            "pullrequest_created" => self.legacy_pull_request(event, Stage::Created),
            "pullrequest_updated" => self.legacy_pull_request(event, Stage::Updated),
            "pullrequest_fulfilled" => self.legacy_pull_request(event, Stage::Fulfilled),
            "pullrequest_rejected" => self.legacy_pull_request(event, Stage::Rejected),
            // Bitbucket's own.
            key if key.starts_with("pr_") && self.compat => {
                Ok(Outcome::ignored(format!("event `{name}` makes no change with `compat = \"buildbot\"`")))
            }
            "pr_opened" | "pr_reopened" => self.pull_request(event, Stage::Created),
            "pr_from_ref_updated" => self.pull_request(event, Stage::Updated),
            "pr_modified" => self.modified(event),
            "pr_merged" => self.pull_request(event, Stage::Fulfilled),
            "pr_declined" | "pr_deleted" => self.pull_request(event, Stage::Rejected),
            "mirror_repo_synchronized" => Ok(Outcome::ignored(format!(
                "event `{name}` makes no change, since `repo:refs_changed` tells of the same push"
            ))),
            _ => Ok(Outcome::ignored(format!("event `{name}` makes no change"))),
        }
    }

    /// A push, in the plugin's shape or in Bitbucket's own.
    fn any_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let has = |path| event.payload.get(path).is_some();
        match (has("push"), has("changes")) {
            (false, true) if self.compat => Ok(Outcome::ignored(
                "with `compat = \"buildbot\"`, a push in the shape that Bitbucket sends makes no change",
            )),
            (false, _) if !self.compat => self.push(event),
            _ => self.legacy_push(event),
        }
    }
}
