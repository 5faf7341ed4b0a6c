//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, PropertyWhitelist, Secrets, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base_url::BaseUrl;
use crate::hook::BitbucketServer;

/// Options of the dialect `bitbucketserver`: pushes, tags and pull requests of Bitbucket Data Center and Server.
///
/// At Bitbucket, add a webhook with the URL `https://HOST/change_hook/bitbucketserver`, a secret, and the events *Push*
/// and *Pull request: Opened, Source branch updated, Modified, Merged, Declined, Deleted*. The webhooks of the plugin
/// bitbucket-webhooks are understood as well. `?project=NAME` and `?codebase=NAME` in the URL set the project and
/// the codebase of its changes.
///
/// The `category` of a change tells where it comes from: `push`, or `ref-deleted` for a branch or a tag that was
/// deleted; `pull-created`, `pull-updated`, `pull-fulfilled` (merged) or `pull-rejected` (declined or deleted) for a pull
/// request, whose page is in the property `pullrequesturl` where it is known. A push makes one change for each commit
/// that Bitbucket lists (newer versions: at most the newest five, of which the last is always the head), else one for the
/// head. Of a new branch or tag the head alone makes a change, since the other commits that are listed with it are old.
///
/// A pull request makes a change when it is new or reopened, has new commits, or gets another target branch, and when it
/// was merged, declined or deleted. The plugin says that one was updated, and not what of it: that makes a change as well.
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

    /// The codebase of the changes: a name; `{ map = { "PATTERN" = "NAME" }, default = "NAME" }`, which looks up the
    /// `repository` of the change; `{ path = "KEY.KEY" }`, which takes a value of the payload, or looks it up with `map`
    /// and `default` as well; or `{ function = "NAME" }` for a function of this build that is asked with the payload.
    /// Patterns are `fnmatch`, and the longest that matches counts. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// The URL of Bitbucket, such as `https://code.example.org`. Older versions send no links, and newer ones send none with
    /// a pull request. Then the `repository` of a change is `BASE_URL/scm/PROJECT/SLUG.git`, as it is in the clone link
    /// over HTTP, and pages are under `BASE_URL/projects/`. Without this option it is `PROJECT/SLUG`.
    #[schemars(with = "Option<String>")]
    pub base_url: Option<BaseUrl>,

    /// Regular expressions: what was pushed to a branch or tag makes no change when one of them is found in the message of
    /// its head commit, and a pull request, of whose commits Bitbucket sends no message, when one is found in its title
    /// or description. None without this option.
    pub skips: Skips,

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
            base_url: self.base_url,
            codebase: self.codebase,
            skips: self.skips,
            whitelist: self.bitbucket_property_whitelist,
        }))
    }
}
