//! A hookd in which nothing is registered as it should be, for `tests/tests/all/misfits.rs`.

use hookd_core::schemars::{self, JsonSchema};
use hookd_core::{
    BuildContext, CodebaseFunction, Dialect, Event, Hook, HookOptions, HookRequest, JsonWebhook, Outcome, Problem,
    ProofHeader, Refusal, Webhook, register,
};
use hookd_github::EventClass;
use serde::Deserialize;

/// Options with a name that only serde knows.
#[derive(Deserialize, JsonSchema)]
struct Aliased {
    /// The number of cups.
    #[serde(default, alias = "mugs")]
    #[expect(dead_code, reason = "only how it is read is of interest")]
    cups: u8,
}

impl HookOptions for Aliased {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(self))
    }
}

impl Hook for Aliased {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Ok(Outcome::ignored("it is never asked"))
    }
}

register! { Dialect::new::<Aliased>("aliased", "Has an alias.") }

/// Options that come with a description as well.
#[derive(Deserialize, JsonSchema)]
struct Redefined {
    /// The secret.
    #[expect(dead_code, reason = "only how it is read is of interest")]
    secret: Option<String>,
}

impl JsonWebhook for Redefined {
    const WEBHOOK: Webhook = Webhook::new().delivery("X-Proof").proofs(&[ProofHeader::token("X-Proof")]);

    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        Ok(event.not_built())
    }
}

register! { Dialect::json_webhook::<Redefined>("My-Forge", "Is misnamed, and redefines an option.") }
register! { Dialect::json_webhook::<Redefined>("github", "Has the name of another.") }
register! { EventClass { name: "stars", summary: "Handles nothing.", handle: |_| None } }
register! { EventClass { name: "stars", summary: "Handles nothing.", handle: |_| None } }
register! { CodebaseFunction { name: "tea", function: |_| "tea".to_owned() } }
register! { CodebaseFunction { name: "tea", function: |_| "tea".to_owned() } }

hookd::main!();
