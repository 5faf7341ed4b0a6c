//! The hook: from a request to changes, as the options say.

use std::borrow::Cow;

use hookd_core::{ChangeArguments, Hook, HookRequest, Keys, Outcome, Proof, ProofHeader, Recognised, Refusal, Skips};

use crate::change::ChangeTemplate;
use crate::condition::{Condition, Groups};
use crate::header::HeaderName;
use crate::template::Scope;

/// The dialect at work.
pub(crate) struct JsonHook {
    pub(crate) proof: Option<(ProofHeader, Keys)>,
    pub(crate) delivery: Option<HeaderName>,
    pub(crate) event: Option<HeaderName>,
    pub(crate) payload_argument: Option<String>,
    pub(crate) when: Vec<Condition>,
    pub(crate) each: Option<String>,
    pub(crate) change: ChangeTemplate,
    pub(crate) skips: Skips,
    pub(crate) headers: Vec<&'static str>,
}

impl Hook for JsonHook {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let value = |name: Option<HeaderName>| request.nonempty_header(name?.0).map(Cow::Borrowed);
        Recognised::new(value(self.event), value(self.delivery))
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.proof {
            None => Ok(Proof::NotRequired),
            Some((header, keys)) => keys.require_proof(request, &[*header]),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let payload = match &self.payload_argument {
            None => request.json()?,
            Some(name) => {
                let text = request.argument(name)?;
                let text = text.ok_or_else(|| Refusal::new(format!("argument `{name}` is missing")))?;
                request.json_in(text.as_bytes())?
            }
        };
        let mut groups = Groups::new();
        for condition in &self.when {
            if let Err(unmet) = condition.check(request, &payload, &mut groups) {
                return Ok(Outcome::ignored(format!("{unmet}, which makes no change")));
            }
        }
        let elements = match &self.each {
            None => vec![payload],
            Some(path) => payload.list(path)?,
        };
        let arguments = ChangeArguments::new(request);
        let scope = |element| Scope { element, payload, groups: &groups };
        let properties = self.change.shared_properties(&scope(payload));
        let change = |element| self.change.change(&scope(element), &arguments, &properties);
        let changes = payload.collect_changes(elements.into_iter().map(change))?;
        if let Some(outcome) = self.skips.outcome_of(&changes) {
            return Ok(outcome);
        }
        let each = self.each.as_deref().unwrap_or_default();
        Ok(Outcome::changes_or(changes, format!("`{each}` has no elements")))
    }

    fn headers(&self) -> &[&'static str] {
        &self.headers
    }

    fn requires_proof(&self) -> bool {
        self.proof.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        self.skips.warnings()
    }
}
