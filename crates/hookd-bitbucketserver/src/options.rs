//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, PropertyWhitelist, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::hook::BitbucketServer;

/// Options of the dialect `bitbucketserver`: pushes, tags and pull requests of Bitbucket Data Center and Server.
///
/// At Bitbucket, add a webhook with the URL `https://HOST/change_hook/bitbucketserver`, a secret, and the events *Push*
/// and *Pull request: Opened, Source branch updated, Modified, Merged, Declined, Deleted*. The webhooks of the plugin
/// bitbucket-webhooks are understood as well. `?project=NAME` and `?codebase=NAME` in the URL set the project and
/// the codebase of its changes.
///
/// The `category` of a change tells where it comes from: `push`, or `ref-deleted` for a branch or a tag that was
/// deleted; `pull-created`, `pull-updated` (its source branch got commits, or it got another target branch),
/// `pull-fulfilled` (merged) or `pull-rejected` (declined or deleted) for a pull request, whose page is in the property
/// `pullrequesturl` where Bitbucket names it. A push makes one change for each commit that Bitbucket lists (newer
/// versions: at most the newest five, of which the last is always the head), else one for the head.
///
/// The branch is a full ref: `refs/heads/NAME` or `refs/tags/NAME`. Bitbucket's own ref for the merge of a pull request
/// is internal, and often old. So a pull request that was opened or updated is built from its source branch, in the
/// repository where that branch is, which may be a fork; one that was merged from its target branch. Pull requests of
/// the plugin name that ref all the same, as Buildbot does: `refs/pull-requests/NUMBER/merge`.
///
/// The event *Mirror synchronized* makes no change: it reports a push that was reported before.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The secret that is set for the webhook at Bitbucket. Each request must then be signed with it (header
    /// `X-Hub-Signature`, SHA-256). *Test connection* in Bitbucket is answered with 400 by this, since Bitbucket does
    /// not sign it.
    pub secret: Option<Secrets>,

    /// The codebase of the changes: a name, or `{ function = "NAME" }` for a function of this build that is asked with
    /// the payload. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Patterns (`fnmatch`) for entries of a pull request that become build properties. They match against the
    /// flattened pull request of the payload, prefixed with `bitbucket.`: for example `bitbucket.id`, or
    /// `bitbucket.toRef.*`. Pushes have no such properties.
    pub bitbucket_property_whitelist: PropertyWhitelist,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(BitbucketServer {
            compat: context.compat,
            keys: context.keys("secret", self.secret.as_ref())?,
            codebase: self.codebase,
            whitelist: self.bitbucket_property_whitelist,
        }))
    }
}
