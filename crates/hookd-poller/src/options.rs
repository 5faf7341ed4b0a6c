//! The options of the dialect.

use std::sync::Arc;

use hookd_core::{BuildContext, Hook, HookOptions, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::PollerHook;

/// Options of `poller`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Names of the pollers that may be triggered. Without it all may; with it the others cannot be found, and a request
    /// that names none triggers only these.
    pub allowed: Option<Vec<String>>,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(PollerHook::new(Arc::clone(&context.pollers), self.allowed)))
    }
}
