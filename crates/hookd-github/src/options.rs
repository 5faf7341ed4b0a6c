//! The options of the dialect, as the manual shows them.

use hookd_core::{Codebase, Pattern, PropertyWhitelist, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::token::Token;

const DEFAULT_SKIPS: [&str; 2] = [r"\[ *skip *ci *\]", r"\[ *ci *skip *\]"];

/// Options of the dialect `github`: pushes, tags, pull requests and merge queues of GitHub.
///
/// At GitHub, add a webhook with the payload URL `https://HOST/change_hook/github`, either content type, a secret, and
/// the events *Pushes* and *Pull requests* (and *Merge groups*, where there is a merge queue). `?project=NAME` and
/// `?codebase=NAME` in the URL set the project and the codebase of its changes.
///
/// The `category` of a change tells where it comes from: none for a push to a branch, `tag` for a push to a tag,
/// `pull` for a pull request that was opened, reopened, updated or got another base branch, `merge_group` for a group
/// of a merge queue. The base branch of a pull request is in the property `basename`. For a pull request, the API is
/// asked for the message of the head commit and for the changed files; what could not be fetched is named in the property
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

    /// The codebase of the changes: a name, or `{ function = "NAME" }` for a function of this build that is asked with
    /// the payload. `?codebase=` in the URL goes before it.
    pub codebase: Option<Codebase>,

    /// Patterns (`fnmatch`) for entries of the payload that become build properties. They match against the flattened
    /// payload, prefixed with `github.`: all of it for a push, the pull request's for a pull request (for example
    /// `github.head.sha`, or `github.base.*`), the merge group's for a merge group.
    pub github_property_whitelist: PropertyWhitelist,

    /// The name of an event class of this build, which is asked first for each event, of whatever kind. What it does
    /// not handle is translated as without it.
    pub class: Option<String>,

    /// Regular expressions: a push or a pull request makes no change when one of them is found in the message of its
    /// head commit. `[]` turns that off. Merge groups are never skipped, since GitHub waits for their checks.
    pub skips: Vec<Pattern>,

    /// The URL of GitHub's API. For GitHub Enterprise Server it is `https://HOST/api/v3`.
    pub github_api_endpoint: String,

    /// The access token for the API: one secret, or a table from patterns (`fnmatch`, on `OWNER/NAME` of the
    /// repository) to secrets. Of several patterns that match, the longest counts, and of those the first by alphabet;
    /// where none matches the API is asked without a token. A table of nothing but the key `env` or `file` is one
    /// secret.
    pub token: Option<Token>,

    /// The ref of a pull request that is built: `merge` (the result of merging it) or `head` (its last commit). The
    /// branch of the change is `refs/pull/NUMBER/REF`.
    pub pullrequest_ref: String,
}

impl Default for Options {
    fn default() -> Self {
        let skip = |source: &&str| Pattern::new(source).expect("the default patterns are tested");
        Self {
            secret: None,
            strict: false,
            codebase: None,
            github_property_whitelist: PropertyWhitelist::default(),
            class: None,
            skips: DEFAULT_SKIPS.iter().map(skip).collect(),
            github_api_endpoint: "https://api.github.com".to_owned(),
            token: None,
            pullrequest_ref: "merge".to_owned(),
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
        let everywhere = self.skips.iter().filter(|skip| skip.is_found_everywhere());
        warnings.extend(everywhere.map(|skip| {
            format!("`skips`: `{}` is found in every message, so that nothing is ever built", skip.source())
        }));
        warnings
    }
}
