//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, PropertyWhitelist, Secrets, Skips};
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
/// the newest five, of which the last is always the head. Of a new branch or tag the head alone makes a change, since
/// the other commits that are listed with it are old.
///
/// The branch is a full ref: `refs/heads/NAME` or `refs/tags/NAME`. Bitbucket Cloud has no ref for the merge of a pull
/// request. So a pull request that was created or updated is built from its source branch, in the repository where that
/// branch is, which may be a fork; one that was merged from its destination branch. It makes a change when it is new, has
/// new commits or gets another target branch, and when it was merged or declined. Bitbucket says that a pull request was
/// updated also after a change of its title, description or reviewers, and does not say which: that makes a change as
/// well.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The secret that is set for the webhook at Bitbucket. Each request must then be signed with it (header
    /// `X-Hub-Signature`, SHA-256).
    pub secret: Option<Secrets>,

    /// The codebase of the changes: a name; `{ map = { "PATTERN" = "NAME" }, default = "NAME" }`, which looks up the
    /// `repository` of the change; `{ path = "KEY.KEY" }`, which takes a value of the payload, or looks it up with `map`
    /// and `default` as well; or `{ function = "NAME" }` for a function of this build that is asked with the payload.
    /// Patterns are `fnmatch`, and the longest that matches counts. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Regular expressions: what was pushed to a branch or tag makes no change when one of them is found in the message of
    /// its head commit, and a pull request, of whose commits Bitbucket sends no message, when one is found in its title
    /// or description. None without this option.
    pub skips: Skips,

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
            skips: self.skips,
            whitelist: self.bitbucket_property_whitelist,
        }))
    }
}
