//! The hook: who sent a request, what kind of event it is, and who translates that in which mode.

use hookd_core::{
    ChangeArguments, Codebase, Compat, Hook, HookRequest, Json, Keys, Outcome, Proof, PropertyWhitelist,
    PullRequestStage, Recognised, Refusal, SignatureHash, SignatureHeader, Skips, View,
};

const EVENT: &str = "X-Event-Key";
const DELIVERY: &str = "X-Request-UUID";
const SIGNATURES: [SignatureHeader; 1] = [SignatureHeader { name: "X-Hub-Signature", hash: SignatureHash::Sha256 }];

/// The dialect at work.
pub(crate) struct BitbucketCloud {
    pub(crate) compat: Compat,
    pub(crate) keys: Option<Keys>,
    pub(crate) codebase: Option<Codebase>,
    pub(crate) skips: Skips,
    pub(crate) whitelist: PropertyWhitelist,
}

/// What is translated.
pub(crate) struct Event<'e> {
    pub(crate) payload: View<'e>,
    pub(crate) arguments: ChangeArguments<'e>,
}

impl Hook for BitbucketCloud {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, EVENT, &[DELIVERY])
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.keys {
            None => Ok(Proof::NotRequired),
            Some(keys) => keys.require_signature(request, &SIGNATURES),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        request.expect_json(self.compat)?;
        let payload = request.json()?.reading(self.compat);
        let Some(name) = request.header(EVENT) else {
            return Err(Refusal::new(format!("Header {EVENT} was not present")));
        };
        let arguments = ChangeArguments::new(request);
        let arguments = match self.compat {
            Compat::Off => arguments,
            Compat::Buildbot => arguments.without_project().without_codebase(),
        };
        let event = Event { payload, arguments };
        // As Buildbot, which makes names of methods of the names of events.
        match (name.replace(':', "_").as_str(), self.compat) {
            ("repo_push", Compat::Off) => self.push(&event),
            ("repo_push", Compat::Buildbot) => self.buildbot_push(&event),
            ("pullrequest_created", _) => self.any_pull_request(&event, PullRequestStage::Created),
            // New commits, a new target, or anything else: Bitbucket does not say, so that the rule of `PullRequestEvent`
            // cannot be kept, and what must not be missed is built.
            ("pullrequest_updated", _) => self.any_pull_request(&event, PullRequestStage::Updated),
            ("pullrequest_fulfilled", _) => self.any_pull_request(&event, PullRequestStage::Fulfilled),
            ("pullrequest_rejected", _) => self.any_pull_request(&event, PullRequestStage::Rejected),
            _ => Ok(Outcome::ignored(format!("event `{name}` makes no change"))),
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "X-Hook-UUID", "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        [self.whitelist.warnings("bitbucket_property_whitelist", "bitbucket"), self.skips.warnings()].concat()
    }
}

impl BitbucketCloud {
    /// A pull request, in the shape that Bitbucket Cloud sends or in that which Buildbot's hook expects.
    fn any_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let has = |path| event.payload.get(path).is_some_and(|json| *json != Json::Null);
        let (is_plugins, is_own) = (has("pullrequest.fromRef"), has("pullrequest.source"));
        match self.compat {
            Compat::Off if is_plugins => self.plugin_pull_request(event, stage),
            Compat::Off => self.pull_request(event, stage),
            Compat::Buildbot if is_own && !is_plugins => Ok(Outcome::ignored(
                "with `compat = \"buildbot\"`, a pull request in the shape that Bitbucket Cloud sends makes no change",
            )),
            Compat::Buildbot => self.buildbot_pull_request(event, stage),
        }
    }
}
