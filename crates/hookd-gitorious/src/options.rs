//! The options of the dialect.

use hookd_core::{BuildContext, Hook, HookOptions, Problem, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::hook::Gitorious;

/// Options of `gitorious`: pushes.
///
/// In Gitorious, add a web hook with the URL `https://HOST/change_hook/gitorious`. `?project=NAME` in the URL sets the
/// project of its changes, which otherwise is that of Gitorious.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Regular expressions: a push makes no change when one of them is found in the message of its head commit. None
    /// without this option.
    pub skips: Skips,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Gitorious { compat: context.compat, skips: self.skips }))
    }
}
