//! The options of the dialect.

use hookd_core::{BuildContext, Hook, HookOptions, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::hook::Bitbucket;

/// Options of `bitbucket`: only those that every dialect has.
///
/// It understands the POST service that Bitbucket had before its webhooks; for those, use `bitbucketcloud` or
/// `bitbucketserver`. Let the service send to `https://HOST/change_hook/bitbucket`; `?project=NAME` in the URL sets the
/// project of its changes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Options {}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Bitbucket { compat: context.compat }))
    }
}
