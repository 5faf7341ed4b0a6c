//! A hookd with dialects that do what none may do, for `tests/tests/all/misfits.rs`.

use hookd_core::schemars::{self, JsonSchema};
use hookd_core::{
    ApiCall, BuildContext, Change, Dialect, Event, Hook, HookOptions, HookRequest, JsonWebhook, Outcome, Problem,
    ProofHeader, Refusal, Subject, Webhook, register,
};
use serde::Deserialize;

/// Options of the dialect `keeps_secrets`.
#[derive(Deserialize, JsonSchema)]
struct KeepsSecrets {}

impl HookOptions for KeepsSecrets {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(self))
    }
}

impl Hook for KeepsSecrets {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Ok(Outcome::ignored("it is never asked"))
    }

    fn headers(&self) -> &[&'static str] {
        &["X-Event", "Authorization", "X-Gitlab-Token"]
    }
}

register! { Dialect::new::<KeepsSecrets>("keeps_secrets", "Would keep headers with secrets.") }

/// Options of the dialect `panics_at_start`.
#[derive(Deserialize, JsonSchema)]
struct PanicsAtStart {}

impl HookOptions for PanicsAtStart {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        panic!("hunter2")
    }
}

register! { Dialect::new::<PanicsAtStart>("panics_at_start", "Panics when it is built.") }

/// Options of the dialect `misfit`, of which the payload says what it does.
#[derive(Deserialize, JsonSchema)]
struct Misfit {
    /// Tables inside, of which no key may be read by nobody.
    #[serde(default)]
    #[expect(dead_code, reason = "only how it is read is of interest")]
    inner: Vec<Inner>,
}

#[derive(Deserialize, JsonSchema)]
struct Inner {
    #[expect(dead_code, reason = "only how it is read is of interest")]
    count: u8,
}

impl JsonWebhook for Misfit {
    const WEBHOOK: Webhook = Webhook::new().event("X-Event").proofs(&[ProofHeader::token("X-Misfit-Token")]);

    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let url = event.payload.optional_text("url")?.unwrap_or_default();
        match event.name {
            "panic" => panic!("a payload of {} bytes", event.request.body().len()),
            "no calls" => Ok(Outcome::calls([], Subject::default())),
            "the same call" => Ok(Outcome::calls([ApiCall::get(url)], Subject::default())),
            "another call" => {
                let next = format!("{url}?{}", event.answers.len());
                Ok(Outcome::calls([ApiCall::get(next)], Subject::default()))
            }
            "headers" if event.answers.get(url).is_none() => {
                // What it sees the first time is in the address, and the second time in the change.
                let about = Subject { branch: Some(seen(event)), ..Subject::default() };
                Ok(Outcome::calls([ApiCall::get(url)], about))
            }
            _ => Ok(Outcome::Changes(vec![Change { comments: seen(event), ..event.change("here")? }])),
        }
    }
}

/// The names of the headers that a dialect sees.
fn seen(event: &Event<'_>) -> String {
    event.request.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect::<Vec<_>>().join(" ")
}

register! { Dialect::json_webhook::<Misfit>("misfit", "Does whatever the event says.") }

hookd::main!();
