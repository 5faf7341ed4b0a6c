//! The hook: who sent a request, what kind of event it is, and who translates that.

use std::borrow::Cow;
use std::time::SystemTime;

use hookd_core::{Codebase, Hook, HookRequest, Json, Outcome, Proof, Recognised, Refusal, View};

use crate::credentials::Credentials;

const EVENT: &str = "X-Gitlab-Event";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const WEBHOOK_ID: &str = "webhook-id";

/// The dialect at work.
pub(crate) struct GitLab {
    pub(crate) compat: bool,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) codebase: Option<Codebase>,
}

/// An event, its payload parsed.
pub(crate) struct Event<'e> {
    /// What kind it is: `push`.
    pub(crate) name: &'e str,
    /// The whole payload.
    pub(crate) payload: View<'e>,
    /// The request.
    pub(crate) request: &'e HookRequest,
}

impl Hook for GitLab {
    /// GitLab sends the same id in both headers, and again when it sends an event again. Only `webhook-id` is signed.
    ///
    /// `X-Gitlab-Webhook-UUID` is new for each request, and events that follow from one another share their
    /// `X-Gitlab-Event-UUID`: neither is an id of a delivery.
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let header = |name| request.header(name).filter(|value| !value.is_empty()).map(Cow::Borrowed);
        let is_signed = self.credentials.as_ref().is_some_and(Credentials::has_signing);
        let (first, second) = if is_signed { (WEBHOOK_ID, IDEMPOTENCY_KEY) } else { (IDEMPOTENCY_KEY, WEBHOOK_ID) };
        Recognised { event: header(EVENT), forge_id: header(first).or_else(|| header(second)) }
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.credentials {
            None => Ok(Proof::NotRequired),
            Some(credentials) => credentials.verify(request, SystemTime::now()),
        }
    }

    /// Whatever the content type, the body is JSON, as for Buildbot.
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let json = request.json().map_err(|refusal| {
            let message = refusal.message();
            Refusal::new(format!("Error loading JSON: {}", message.strip_prefix("broken JSON: ").unwrap_or(message)))
        })?;
        let payload = View::root(&json);
        if !matches!(json, Json::Object(_)) {
            return Err(payload.unexpected("", &json, "an object"));
        }
        let Some(name) = self.name_of(&payload, request) else {
            return Ok(Outcome::ignored(format!(
                "what kind of event it is stands neither in `object_kind` nor in the header `{EVENT}`"
            )));
        };
        let event = Event { name, payload, request };
        match name {
            // The header, where the payload says nothing.
            "push" | "tag_push" | "Push Hook" => self.push(&event),
            "merge_request" => self.merge_request(&event),
            "note" => self.note(&event),
            "repository_update" => Ok(Outcome::ignored(
                "event `repository_update` makes no change: let the system hook trigger on push events and tag push events",
            )),
            other => Ok(Outcome::ignored(format!("event `{other}` makes no change"))),
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, IDEMPOTENCY_KEY, WEBHOOK_ID, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.credentials.is_some()
    }
}

impl GitLab {
    /// What kind of event it is. System hooks have `event_name` where others have `object_kind`, or beside it.
    fn name_of<'e>(&self, payload: &View<'e>, request: &'e HookRequest) -> Option<&'e str> {
        let text = |key| match payload.get(key) {
            Some(Json::Text(text)) => Some(&**text),
            _ => None,
        };
        if self.compat && payload.get("object_kind").is_some() {
            return text("object_kind");
        }
        let event_name = || if self.compat { None } else { text("event_name") };
        text("object_kind").or_else(event_name).or_else(|| request.header(EVENT))
    }
}
