//! The options of the dialect, as the manual shows them, and the hook that they make.

use hookd_core::{BuildContext, Codebase, Hook, HookOptions, Problem, Secrets};
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
/// `merge_request`, or `note` for a comment on a merge request, whose text is in the property `comments`. A merge
/// request makes a change when it is opened, reopened, or updated with new commits; the branch of the change is the
/// target branch, and the properties name source and target (`source_branch`, `source_project_id`,
/// `source_repository`, `source_git_ssh_url`, and the same with `target_`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The token that is set for the webhook at GitLab. One that starts with `whsec_` is a signing token: GitLab sends
    /// a signature of each request in `webhook-signature`, which must be valid and not older than five minutes. Any
    /// other is a secret token, which GitLab sends as it is in `X-Gitlab-Token`. With a `secret`, requests that carry
    /// neither are refused, and what a request carries of the kinds that are configured must all be valid.
    pub secret: Option<Secrets>,

    /// The codebase of the changes: a name, or `{ function = "NAME" }` for a function of this build that is asked with
    /// the payload. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(GitLab {
            compat: context.compat,
            credentials: self.secret.map(|secrets| Credentials::read("secret", &secrets, context)).transpose()?,
            codebase: self.codebase,
        }))
    }
}
