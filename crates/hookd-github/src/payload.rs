//! Bits of payloads that several events share.

use std::borrow::Cow;

use hookd_core::{Change, HookRequest, Outcome, Refusal, View};

use crate::class::Event;
use crate::hook::GitHub;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl GitHub {
    /// The text of the payload: the body, or the argument `payload` of a form.
    pub(crate) fn document<'r>(&self, request: &'r HookRequest) -> Result<Cow<'r, [u8]>, Refusal> {
        let sent = request.headers().get("Content-Type").map(String::from_utf8_lossy);
        let kind = if self.compat { sent.as_deref().unwrap_or_default().to_owned() } else { request.content_type() };
        match kind.as_str() {
            JSON => Ok(Cow::Borrowed(request.body())),
            FORM => self.form_payload(request)?.map(Cow::Owned).ok_or_else(|| missing_argument("payload")),
            _ => Err(Refusal::new(format!("Unknown content type: {}", sent.as_deref().unwrap_or("none")))),
        }
    }

    /// The argument `payload`. Where there is a secret it must come from the body, which is all that a signature proves;
    /// Buildbot takes it from the query as well.
    fn form_payload(&self, request: &HookRequest) -> Result<Option<Vec<u8>>, Refusal> {
        let owned = |text: &str| text.as_bytes().to_vec();
        if self.compat && self.keys.is_none() {
            return Ok(request.argument("payload")?.map(owned));
        }
        let body =
            HookRequest::post(request.path()).with_header("Content-Type", FORM).with_body(request.body().clone());
        Ok(body.argument("payload")?.map(owned))
    }

    /// What every change of an event has: repository, codebase and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let of_option = || self.codebase.as_ref().map(|codebase| codebase.of(event.payload.json())).unwrap_or_default();
        Ok(Change {
            repository: event.payload.text("repository.html_url")?.to_owned(),
            codebase: self.argument(event, "codebase")?.map_or_else(of_option, str::to_owned),
            src: Some("git".to_owned()),
            ..Change::default()
        })
    }

    /// The argument `project`, or the full name of a repository at `path`.
    pub(crate) fn project<'e>(&self, event: &Event<'e>, path: &'static str) -> Result<&'e str, Refusal> {
        match self.argument(event, "project")? {
            Some(project) => Ok(project),
            None => event.payload.text(path),
        }
    }

    /// An argument of the request; an empty one counts as not given. Buildbot reads none.
    fn argument<'e>(&self, event: &Event<'e>, name: &str) -> Result<Option<&'e str>, Refusal> {
        if self.compat { Ok(None) } else { Ok(event.request.argument(name)?.filter(|value| !value.is_empty())) }
    }

    /// The outcome for a head commit with this message where a skip pattern is found in it.
    pub(crate) fn skipped(&self, message: &str) -> Option<Outcome> {
        let pattern = self.skips.iter().find(|pattern| pattern.is_found_in(message))?;
        Some(Outcome::ignored(format!("head commit matches the skip pattern {}", pattern.source())))
    }
}

fn missing_argument(name: &str) -> Refusal {
    Refusal::new(format!("argument `{name}` is missing in the form"))
}

/// `name <email>` of the person at `place`, or what of it is there; `None` where nothing is.
pub(crate) fn person(place: &View<'_>, name: &str, email: &str) -> Result<Option<String>, Refusal> {
    Ok(hookd_core::person(place.optional_text(name)?, place.optional_text(email)?))
}

/// The page of a commit.
pub(crate) fn commit_page(repository: &str, revision: &str) -> String {
    format!("{}/commit/{revision}", repository.trim_end_matches('/'))
}
