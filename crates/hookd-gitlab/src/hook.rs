//! The hook: who sent a request, what kind of event it is, and who translates that in which mode.

use std::time::SystemTime;

use hookd_core::{ChangeArguments, Compat, Hook, HookRequest, Json, Outcome, Proof, Recognised, Refusal, View};

use crate::buildbot;
use crate::change::{Event, GitLab};
use crate::credentials::Credentials;

const EVENT: &str = "X-Gitlab-Event";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const WEBHOOK_ID: &str = "webhook-id";

impl Hook for GitLab {
    /// GitLab sends the same id in both headers, and again when it sends an event again. Only `webhook-id` is signed.
    ///
    /// `X-Gitlab-Webhook-UUID` is new for each request, and events that follow from one another share their
    /// `X-Gitlab-Event-UUID`: neither is an id of a delivery.
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let is_signed = self.credentials.as_ref().is_some_and(Credentials::has_signing);
        let ids = if is_signed { [WEBHOOK_ID, IDEMPOTENCY_KEY] } else { [IDEMPOTENCY_KEY, WEBHOOK_ID] };
        Recognised::from_headers(request, EVENT, &ids)
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.credentials {
            None => Ok(Proof::NotRequired),
            Some(credentials) => credentials.verify(request, SystemTime::now()),
        }
    }

    /// Whatever the content type, the body is JSON, as for Buildbot.
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let payload = request.json().map_err(|refusal| {
            let message = refusal.message();
            Refusal::new(format!("Error loading JSON: {}", message.strip_prefix("broken JSON: ").unwrap_or(message)))
        })?;
        let payload = payload.reading(self.compat);
        if !matches!(payload.json(), Json::Object(_)) {
            return Err(payload.unexpected("", payload.json(), "an object"));
        }
        let (header, arguments) = (request.header(EVENT), ChangeArguments::new(request));
        let (name, arguments) = match self.compat {
            Compat::Off => (event_name(&payload, header), arguments),
            // Its manual promises `project`, and it does not read it.
            Compat::Buildbot => (buildbot::event_name(&payload, header), arguments.without_project()),
        };
        let Some(name) = name else {
            return Ok(Outcome::ignored(format!(
                "what kind of event it is stands neither in `object_kind` nor in the header `{EVENT}`"
            )));
        };
        let event = Event { name, payload, arguments };
        match (name, self.compat) {
            // The header, where the payload says nothing.
            ("push" | "tag_push" | "Push Hook", Compat::Off) => self.push(&event),
            ("push" | "tag_push" | "Push Hook", Compat::Buildbot) => self.buildbot_push(&event),
            ("merge_request", Compat::Off) => self.merge_request(&event),
            ("merge_request", Compat::Buildbot) => self.buildbot_merge_request(&event),
            ("note", Compat::Off) => self.note(&event),
            ("note", Compat::Buildbot) => self.buildbot_note(&event),
            ("repository_update", _) => Ok(Outcome::ignored(
                "event `repository_update` makes no change: let the system hook trigger on push events and tag push events",
            )),
            (other, _) => Ok(Outcome::ignored(format!("event `{other}` makes no change"))),
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, IDEMPOTENCY_KEY, WEBHOOK_ID, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.credentials.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        self.skips.warnings()
    }
}

/// What kind of event it is. System hooks have `event_name` where others have `object_kind`, or beside it.
fn event_name<'e>(payload: &View<'e>, header: Option<&'e str>) -> Option<&'e str> {
    let text = |key| match payload.get(key) {
        Some(Json::Text(text)) => Some(*text),
        _ => None,
    };
    text("object_kind").or_else(|| text("event_name")).or(header)
}
