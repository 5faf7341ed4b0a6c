//! The options of the dialect.

use hookd_core::{BuildContext, Hook, HookOptions, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Base;

/// Options of `base`: only those that every dialect has.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Options {}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Base { compat: context.compat }))
    }
}
