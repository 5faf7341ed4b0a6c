//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, PropertyWhitelist, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::hook::BitbucketCloud;

/// Options of the dialect `bitbucketcloud`: pushes, tags and pull requests of Bitbucket Cloud.
///
/// At Bitbucket, add a webhook with the URL `https://HOST/change_hook/bitbucketcloud`, a secret, and the triggers *Push*
/// and *Pull request: Created, Updated, Merged, Declined*. `?project=NAME` and `?codebase=NAME` in the URL set the project
/// and the codebase of its changes.
///
/// The `category` of a change tells where it comes from: `push`, or `ref-deleted` for a branch or a tag that was
/// deleted; `pull-created`, `pull-updated`, `pull-fulfilled` (merged) or `pull-rejected` (declined) for a pull request,
/// whose page is in the property `pullrequesturl`. A push makes one change for each commit that Bitbucket lists: at most
/// the newest five, of which the last is always the head.
///
/// The branch is a full ref: `refs/heads/NAME` or `refs/tags/NAME`. Bitbucket Cloud has no ref for the merge of a pull
/// request. So a pull request that was created or updated is built from its source branch, in the repository where that
/// branch is, which may be a fork; one that was merged from its destination branch. Bitbucket says that a pull request
/// was updated also after a change of its title, description or reviewers, and does not say which.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The secret that is set for the webhook at Bitbucket. Each request must then be signed with it (header
    /// `X-Hub-Signature`, SHA-256).
    pub secret: Option<Secrets>,

    /// The codebase of the changes: a name, or `{ function = "NAME" }` for a function of this build that is asked with
    /// the payload. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Patterns (`fnmatch`) for entries of a pull request that become build properties. They match against the
    /// flattened pull request of the payload, prefixed with `bitbucket.`: for example `bitbucket.id`, or
    /// `bitbucket.destination.*`. Pushes have no such properties.
    pub bitbucket_property_whitelist: PropertyWhitelist,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(BitbucketCloud {
            compat: context.compat,
            keys: context.keys("secret", self.secret.as_ref())?,
            codebase: self.codebase,
            whitelist: self.bitbucket_property_whitelist,
        }))
    }
}
