//! The options of the dialect.

use hookd_core::{BuildContext, Hook, HookOptions, Problem, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::hook::Bitbucket;

/// Options of `bitbucket`: pushes.
///
/// It understands the POST service that Bitbucket had before its webhooks; for those, use `bitbucketcloud` or
/// `bitbucketserver`. Let the service send to `https://HOST/change_hook/bitbucket`; `?project=NAME` in the URL sets the
/// project of its changes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// Regular expressions: what was pushed to a branch makes no change when one of them is found in the message of its
    /// last commit. None without this option.
    pub skips: Skips,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Bitbucket { compat: context.compat, skips: self.skips }))
    }
}
