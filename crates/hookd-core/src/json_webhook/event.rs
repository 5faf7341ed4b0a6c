//! The event that a described dialect translates.

use super::options::Settings;
use crate::{ApiAnswers, Change, ChangeArguments, HookRequest, Outcome, Refusal, View};

/// An event, as [`JsonWebhook::translate`](super::JsonWebhook::translate) gets it: verified as far as the options require it,
/// its payload parsed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// What the [event header](super::Webhook::event) says; empty where the description names none.
    pub name: &'e str,
    /// The whole payload.
    pub payload: View<'e>,
    /// The request.
    pub request: &'e HookRequest,
    /// What the forge's API answered to the calls of earlier [`Outcome::Calls`]; none at first.
    pub answers: &'e ApiAnswers,
    pub(super) settings: &'e Settings,
}

impl<'e> Event<'e> {
    /// What every change of the event has: this repository, the codebase that the option `codebase` or `?codebase=` in the
    /// URL gives it, and `?project=`.
    ///
    /// # Errors
    /// When an argument of the URL cannot be read.
    pub fn change(&self, repository: &str) -> Result<Change, Refusal> {
        let arguments = self.arguments();
        Ok(Change {
            codebase: arguments.codebase(self.settings.codebase.as_ref(), self.payload.json(), repository)?,
            project: arguments.project()?.unwrap_or_default().to_owned(),
            repository: repository.to_owned(),
            ..Change::default()
        })
    }

    /// `?project=` and `?codebase=` in the URL.
    pub fn arguments(&self) -> ChangeArguments<'e> {
        ChangeArguments::new(self.request)
    }

    /// The changes of one branch or tag, of which the last is the head, unless its message matches the option `skips`; where
    /// there are none, this reason.
    pub fn changes_or(&self, changes: Vec<Change>, reason: impl AsRef<str>) -> Outcome {
        let skipped = self.settings.skips.outcome_of(&changes);
        skipped.unwrap_or_else(|| Outcome::changes_or(changes, reason))
    }

    /// The outcome for a head with this message, where that matches the option `skips`.
    pub fn skipped(&self, message: &str) -> Option<Outcome> {
        self.settings.skips.outcome(message)
    }

    /// The outcome of an event of which no change is made, whatever is in it.
    pub fn not_built(&self) -> Outcome {
        Outcome::ignored(format!("event `{}` makes no change", self.name))
    }
}
