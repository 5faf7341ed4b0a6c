//! The hook: what is pushed, and who translates it in which mode.

use hookd_core::{ChangeArguments, Compat, Hook, HookRequest, Outcome, Refusal, Skips};

use crate::{buildbot, push};

/// The dialect at work.
pub(crate) struct Gitorious {
    pub(crate) compat: Compat,
    pub(crate) skips: Skips,
}

impl Hook for Gitorious {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let text = request.argument("payload")?.ok_or_else(|| Refusal::new("argument `payload` is missing"))?;
        let payload = request.json_in(text.as_bytes())?.reading(self.compat);
        let arguments = ChangeArguments::new(request);
        match self.compat {
            Compat::Off => push::push(&payload, arguments, self.compat, &self.skips),
            Compat::Buildbot => {
                buildbot::require_parts(&payload)?;
                push::push(&payload, arguments.without_project(), self.compat, &self.skips)
            }
        }
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn warnings(&self) -> Vec<String> {
        self.skips.warnings()
    }
}
