//! The options of the dialect.

use std::sync::Arc;

use hookd_core::{BuildContext, Hook, HookOptions, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Knock;

/// Options of `poller`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Names of the pollers that may be told to poll. Without it all may; with it the others cannot be found, and a
    /// request that names none makes only these poll.
    pub allowed: Option<Vec<String>>,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Knock::new(Arc::clone(&context.pollers), self.allowed)))
    }
}
