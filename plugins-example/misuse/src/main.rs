//! A build that hookd refuses: with two dialects of one name, and one whose name cannot be a part of a URL.

use gitea as _;
use hookd_core::{Dialect, Event, JsonWebhook, Outcome, Refusal, Webhook, register};

/// Options of both.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Options {}

impl JsonWebhook for Options {
    const WEBHOOK: Webhook = Webhook::new();

    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        Ok(event.not_built())
    }
}

register! { Dialect::json_webhook::<Options>("gitea", "Another dialect of this name.") }
register! { Dialect::json_webhook::<Options>("Tea time", "A dialect with a name for people.") }

hookd::main!();
