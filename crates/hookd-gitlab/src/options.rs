//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, Secrets, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::GitLab;
use crate::credentials::Credentials;

/// Options of the dialect `gitlab`: pushes, tags, merge requests and comments on merge requests of GitLab.
///
/// At GitLab, add a webhook (of a project, a group, or the whole system) with the URL
/// `https://HOST/change_hook/gitlab`, a signing token or a secret token, and the triggers *Push events*, *Tag push
/// events*, *Merge request events* and, if comments should start builds, *Comments*. `?project=NAME` and
/// `?codebase=NAME` in the URL set the project and the codebase of its changes.
///
/// The `category` of a change, and its property `event`, tell where it comes from: `push`, `tag_push`,
/// `merge_request`, or `note` for a comment on a merge request, whose text is in the property `comments`. A push
/// makes one change for each commit that GitLab lists, of which the head is the last. A merge request makes a change when
/// it is new or reopened, has new commits, or gets another target branch; the branch of the change is the target branch, and the properties name source and target (`source_branch`, `source_project_id`,
/// `source_repository`, `source_git_ssh_url`, and the same with `target_`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The token that is set for the webhook at GitLab. One that starts with `whsec_` is a signing token: GitLab sends
    /// a signature of each request in `webhook-signature`, which must be valid and not older than five minutes. Any
    /// other is a secret token, which GitLab sends as it is in `X-Gitlab-Token`. With a `secret`, requests that carry
    /// neither are refused, and what a request carries of the kinds that are configured must all be valid.
    pub secret: Option<Secrets>,

    /// The codebase of the changes: a name; `{ map = { "PATTERN" = "NAME" }, default = "NAME" }`, which looks up the
    /// `repository` of the change; `{ path = "KEY.KEY" }`, which takes a value of the payload, or looks it up with `map`
    /// and `default` as well; or `{ function = "NAME" }` for a function of this build that is asked with the payload.
    /// Patterns are `fnmatch`, and the longest that matches counts. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Regular expressions: a push makes no change when one of them is found in the message of its head commit, a merge
    /// request when one is found in that of its last commit. None without this option.
    pub skips: Skips,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(GitLab {
            compat: context.compat,
            credentials: self.secret.map(|secrets| Credentials::read("secret", &secrets, context)).transpose()?,
            codebase: self.codebase,
            skips: self.skips,
        }))
    }
}
