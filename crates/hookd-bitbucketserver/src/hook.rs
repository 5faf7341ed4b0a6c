//! The hook: who sent a request, what kind of event it is, and who translates that in which mode.

use hookd_core::{
    ChangeArguments, Codebase, Compat, Hook, HookRequest, Keys, Outcome, Proof, PropertyWhitelist, PullRequestEvent,
    PullRequestStage, Recognised, Refusal, SignatureHash, SignatureHeader, Skips, View,
};

use crate::base_url::BaseUrl;
use crate::pull_request::modified;

const EVENT: &str = "X-Event-Key";
const PING: &str = "diagnostics:ping";
const DELIVERY: &str = "X-Request-Id";
const SIGNATURES: [SignatureHeader; 1] = [SignatureHeader { name: "X-Hub-Signature", hash: SignatureHash::Sha256 }];

/// The dialect at work.
pub(crate) struct BitbucketServer {
    pub(crate) compat: Compat,
    pub(crate) keys: Option<Keys>,
    pub(crate) codebase: Option<Codebase>,
    pub(crate) skips: Skips,
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) whitelist: PropertyWhitelist,
}

/// What is translated.
pub(crate) struct Event<'e> {
    pub(crate) payload: View<'e>,
    pub(crate) arguments: ChangeArguments<'e>,
}

impl Hook for BitbucketServer {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, EVENT, &[DELIVERY])
    }

    /// *Test connection* sends it without a signature, whatever the secret, and some versions without a content type. One
    /// that is signed all the same shows whether the secret is right.
    fn is_ping(&self, request: &HookRequest) -> bool {
        request.header(EVENT) == Some(PING)
            && (request.headers().get(SIGNATURES[0].name).is_none() || self.verify(request).is_ok())
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.keys {
            None => Ok(Proof::NotRequired),
            Some(keys) => keys.require_signature(request, &SIGNATURES),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let name = request.header(EVENT);
        // Some versions send it without a content type.
        if name == Some(PING) {
            return Ok(Outcome::ignored(format!("event `{PING}` is a test of the connection")));
        }
        request.expect_json(self.compat)?;
        let payload = request.json()?.reading(self.compat);
        let Some(name) = name else {
            return Err(Refusal::new(format!("Header {EVENT} is not present")));
        };
        let arguments = ChangeArguments::new(request);
        let arguments = match self.compat {
            Compat::Off => arguments,
            Compat::Buildbot => arguments.without_project().without_codebase(),
        };
        self.dispatch(name, &Event { payload, arguments })
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        [self.whitelist.warnings("bitbucket_property_whitelist", "bitbucket"), self.skips.warnings()].concat()
    }
}

impl BitbucketServer {
    fn dispatch(&self, name: &str, event: &Event<'_>) -> Result<Outcome, Refusal> {
        // As Buildbot, which makes names of methods of the names of events.
        match (name.replace(':', "_").as_str(), self.compat) {
            ("repo_refs_changed" | "repo_push", _) => self.any_push(event),
            // The plugin's.
            ("pullrequest_created", _) => self.any_plugin_pull_request(event, PullRequestStage::Created),
            ("pullrequest_updated", _) => self.any_plugin_pull_request(event, PullRequestStage::Updated),
            ("pullrequest_fulfilled", _) => self.any_plugin_pull_request(event, PullRequestStage::Fulfilled),
            ("pullrequest_rejected", _) => self.any_plugin_pull_request(event, PullRequestStage::Rejected),
            // Bitbucket's own.
            (key, Compat::Buildbot) if key.starts_with("pr_") => {
                Ok(Outcome::ignored(format!("event `{name}` makes no change with `compat = \"buildbot\"`")))
            }
            ("pr_opened", _) => self.open_pull_request(event, PullRequestEvent::Opened),
            ("pr_reopened", _) => self.open_pull_request(event, PullRequestEvent::Reopened),
            ("pr_from_ref_updated", _) => self.open_pull_request(event, PullRequestEvent::NewCommits),
            ("pr_modified", _) => self.open_pull_request(event, modified(event)?),
            ("pr_merged", _) => self.pull_request(event, PullRequestStage::Fulfilled),
            ("pr_declined" | "pr_deleted", _) => self.pull_request(event, PullRequestStage::Rejected),
            ("mirror_repo_synchronized", _) => Ok(Outcome::ignored(format!(
                "event `{name}` makes no change, since `repo:refs_changed` reports the same push"
            ))),
            _ => Ok(Outcome::ignored(format!("event `{name}` makes no change"))),
        }
    }

    /// A push, in the plugin's shape or in Bitbucket's own.
    fn any_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let has = |path| event.payload.get(path).is_some();
        let (is_plugins, is_own) = (has("push"), has("changes"));
        match self.compat {
            Compat::Off if is_plugins => self.plugin_push(event),
            Compat::Off => self.push(event),
            Compat::Buildbot if is_own && !is_plugins => Ok(Outcome::ignored(
                "with `compat = \"buildbot\"`, a push in the shape that Bitbucket sends makes no change",
            )),
            Compat::Buildbot => self.buildbot_push(event),
        }
    }

    fn any_plugin_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        match self.compat {
            Compat::Off => self.plugin_pull_request(event, stage),
            Compat::Buildbot => self.buildbot_pull_request(event, stage),
        }
    }
}
