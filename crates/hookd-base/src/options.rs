//! The options of the dialect.

use hookd_core::{BuildContext, Hook, HookOptions, Problem, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Base;

/// Options of `base`: a change that is given by its fields.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Regular expressions: what has one of them in its `comments` makes no change. None without this option.
    pub skips: Skips,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Base { compat: context.compat, skips: self.skips }))
    }
}
