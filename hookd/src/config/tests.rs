//! Whole configurations, with a dialect of their own: `test`.

use std::path::Path;

use hookd_core::{BuildContext, Dialect, Hook, HookOptions, HookRequest, Keys, Outcome, Pattern, Problem, Refusal, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;

/// Options of `test`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Options {
    /// What proves the sender.
    secret: Option<Secrets>,
    /// Patterns.
    skips: Vec<Pattern>,
    /// A table in a table.
    filter: Filter,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Filter {
    count: u8,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        if self.filter.count == 13 {
            return Err(vec![Problem::with("count", "13 is not a count").under("filter")]);
        }
        let _ = self.skips;
        Ok(Box::new(Test { keys: context.keys("secret", self.secret.as_ref())? }))
    }
}

struct Test {
    keys: Option<Keys>,
}

impl Hook for Test {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Ok(Outcome::Ignored("a test".to_owned()))
    }

    fn is_closed(&self) -> bool {
        self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        if self.is_closed() { vec!["it is only a test".to_owned()] } else { Vec::new() }
    }
}

hookd_core::inventory::submit! { Dialect::of::<Options>("test", "A dialect of the tests.") }
