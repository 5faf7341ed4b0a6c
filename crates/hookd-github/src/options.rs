//! The options of the dialect, as the manual shows them.

use hookd_core::{Codebase, PropertyWhitelist, Secrets, Skips};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::token::Token;

const DEFAULT_SKIPS: [&str; 2] = [r"\[ *skip *ci *\]", r"\[ *ci *skip *\]"];

/// Options of the dialect `github`: pushes, tags, pull requests and merge queues of GitHub.
///
/// At GitHub, add a webhook with the payload URL `https://HOST/change_hook/github`, either content type, a secret, and
/// the events *Pushes* and *Pull requests*. `?project=NAME` and `?codebase=NAME` in the URL set the project and the
/// codebase of its changes.
///
/// The `category` of a change tells where it comes from: none for a push to a branch, `tag` for a push to a tag,
/// `pull` for a pull request, `merge_group` for a group of a merge queue. The base branch of both is in the property
/// `basename`. A push makes one change for each commit that GitHub lists, of which the head is the last. A pull request
/// makes a change when it is new or reopened, has new commits, or gets another target branch. Then the API is asked for the message of the head commit and for the changed files; what could not be fetched is named in the property
/// `hookd_incomplete`, and the change is made without it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The secret that is set for the webhook at GitHub. A signature that a request carries must then be valid; whether
    /// there must be one is up to `strict`. `X-Hub-Signature-256` decides, and `X-Hub-Signature` (SHA-1) only where it is
    /// not sent.
    pub secret: Option<Secrets>,

    /// Whether requests without a signature are refused. Without `strict`, a secret only keeps out signatures that are
    /// wrong: a request that has none is accepted. Needs a `secret`.
    pub strict: bool,

    /// The codebase of the changes: a name; `{ map = { "PATTERN" = "NAME" }, default = "NAME" }`, which looks up the
    /// `repository` of the change; `{ path = "KEY.KEY" }`, which takes a value of the payload, or looks it up with `map`
    /// and `default` as well; or `{ function = "NAME" }` for a function of this build that is asked with the payload.
    /// Patterns are `fnmatch`, and the longest that matches counts. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Patterns (`fnmatch`) for entries of the payload that become build properties. They match against the flattened
    /// payload, prefixed with `github.`: all of it for a push, the pull request's for a pull request (for example
    /// `github.head.sha`, or `github.base.*`), the merge group's for a merge group.
    pub github_property_whitelist: PropertyWhitelist,

    /// The name of an event class of this build, which is asked first for each event, of whatever kind, and may change what the
    /// dialect makes of one. What it does not handle is translated as without it.
    pub class: Option<String>,

    /// Regular expressions: a push or a pull request makes no change when one of them is found in the message of its
    /// head commit. `[]` turns that off. Merge groups are never skipped, since GitHub waits for their checks.
    pub skips: Skips,

    /// The URL of GitHub's API. For GitHub Enterprise Server it is `https://HOST/api/v3`.
    pub github_api_endpoint: String,

    /// The access token for the API: one secret, or a table from patterns (`fnmatch`, on `OWNER/NAME` of the
    /// repository, without regard to case, as GitHub takes such names) to secrets. Of several patterns that match, the longest counts, and of those the first by alphabet;
    /// where none matches the API is asked without a token. A table of nothing but the key `env` or `file` is one
    /// secret.
    pub token: Option<Token>,

    /// The ref of a pull request that is built: `merge` (the result of merging it) or `head` (its last commit). The
    /// branch of the change is `refs/pull/NUMBER/REF`.
    pub pullrequest_ref: String,

    /// What builds a group of a merge queue: `"push"`, the push of its branch `gh-readonly-queue/…`, or `"merge_group"`,
    /// the event of that name, for a webhook with the event *Merge groups*. GitHub sends both for one group, and only
    /// one makes a change: that of the head. With `compat = "buildbot"` the branch is built as any other.
    pub merge_queue: MergeQueue,
}

/// What builds a group of a merge queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeQueue {
    /// The push of its branch.
    #[default]
    Push,
    /// The event of this name.
    MergeGroup,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            secret: None,
            strict: false,
            codebase: None,
            github_property_whitelist: PropertyWhitelist::default(),
            class: None,
            skips: Skips::new(&DEFAULT_SKIPS).expect("the default patterns are tested"),
            github_api_endpoint: "https://api.github.com".to_owned(),
            token: None,
            pullrequest_ref: "merge".to_owned(),
            merge_queue: MergeQueue::default(),
        }
    }
}

impl Options {
    /// What can never work, or makes no change of anything.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.github_property_whitelist.warnings("github_property_whitelist", "github");
        if !["merge", "head"].contains(&self.pullrequest_ref.as_str()) {
            warnings.push(format!(
                "`pullrequest_ref`: a pull request of GitHub has the refs `merge` and `head`, but no `{}`",
                self.pullrequest_ref.escape_debug()
            ));
        }
        warnings.extend(self.skips.warnings());
        warnings
    }
}
