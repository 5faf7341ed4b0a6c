//! The options of the type `git`.

use std::path::PathBuf;
use std::time::Duration;

use hookd_core::{Glob, Problem, Secret, duration};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Git;
use super::address::Address;
use super::command::{Commands, SshOptions};
use super::follow::{Branches, Follow};
use super::reconcile::Reconcile;
use crate::{Poller, PollerContext, PollerOptions};

/// What a poller of the type `git` does with what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It reports every commit that is new.
    #[default]
    Poll,
    /// It reports every commit that no webhook has reported.
    Reconcile,
}

/// The options of the type `git`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The repository: a URL (`https://`, `ssh://`, `git://`, `file://`), `host:path` for ssh, or an absolute path. It
    /// becomes the `repository` of the changes, without the credentials that it may have in it.
    repourl: String,

    /// The branches that are followed: `true` for all, or a list of names and patterns (`fnmatch`, where `*` crosses
    /// slashes). What begins with `refs/` is the full name of a ref or a pattern of full names, such as `refs/tags/v*`.
    /// Without it, the branch that is followed is the one that the repository's `HEAD` names.
    branches: Option<Branches>,

    /// The one branch that is followed, instead of `branches`.
    branch: Option<String>,

    /// Whether tags are followed, and nothing else. The branch of their changes is `refs/tags/NAME`.
    #[serde(default)]
    only_tags: bool,

    /// `poll` reports every commit that is new. `reconcile` is for a repository that also sends webhooks: it reports what
    /// no webhook has reported within `grace`, so that what was pushed while hookd or the forge was down is not lost.
    #[serde(default)]
    mode: Mode,

    /// With `mode = "reconcile"`, how long a webhook may be late: from the poll that first saw a commit.
    #[serde(default = "default_grace", with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    grace: Duration,

    /// With `mode = "reconcile"`, a pattern (`fnmatch`) of the `repository` of the changes that webhooks bring. Without it,
    /// a change is of this repository if the last two parts of its path are the same, such as `acme/tea`, whatever comes
    /// before them and with `.git` or without.
    webhook_repository: Option<String>,

    /// Whether a merge is one change, which has the files of all that was merged. With `false`, each commit that was merged
    /// is a change of its own.
    #[serde(default = "default_true")]
    first_parent: bool,

    /// Whether changes have the time of the commit. With `false` they have the time when they were found.
    #[serde(default = "default_true")]
    usetimestamps: bool,

    /// Whether a branch that moves to a commit that is already known, as when a tag is made or a branch is reset, is a
    /// change: one of that commit.
    #[serde(default)]
    build_pushes_with_no_commits: bool,

    /// The program `git`.
    #[serde(default = "default_gitbin")]
    gitbin: PathBuf,

    /// The user and password, or token, for a repository over HTTP. Without it, git's own credential helpers are asked.
    auth_credentials: Option<Credentials>,

    /// The file of the private key for a repository over ssh. Without it, ssh decides: its agent, and `~/.ssh`.
    ssh_private_key: Option<PathBuf>,

    /// The file of the known keys of servers, for a repository over ssh. Without it, ssh's own.
    ssh_known_hosts: Option<PathBuf>,
}

/// A user and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The name of the user.
    user: String,
    /// The password, or a token.
    password: Secret,
}

fn default_true() -> bool {
    true
}

fn default_grace() -> Duration {
    Duration::from_secs(5 * 60)
}

fn default_gitbin() -> PathBuf {
    PathBuf::from("git")
}

impl PollerOptions for Options {
    fn default_name(options: &Map<String, Value>) -> Option<String> {
        let repourl = options.get("repourl").and_then(Value::as_str)?;
        Some(crate::address::without_credentials(repourl))
    }

    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let address = Address::parse(&self.repourl).map_err(|cause| problems.push(Problem::with("repourl", cause)));
        let follow = Follow::new(self.branches, self.branch, self.only_tags);
        let follow = follow.map_err(|wrong| problems.extend(wrong));
        let reconcile = match self.mode {
            Mode::Poll => {
                if self.webhook_repository.is_some() {
                    problems.push(Problem::with("webhook_repository", "it is for `mode = \"reconcile\"` only"));
                }
                None
            }
            Mode::Reconcile => {
                if self.build_pushes_with_no_commits {
                    let message = "with `mode = \"reconcile\"`, pushes without new commits are not looked for";
                    problems.push(Problem::with("build_pushes_with_no_commits", message));
                }
                let pattern = self.webhook_repository.as_deref().map(Glob::new).transpose();
                let pattern = pattern.map_err(|cause| problems.push(Problem::with("webhook_repository", cause)));
                let address = address.as_ref().map_or("", |address| &address.shown);
                Some(Reconcile::new(self.grace, pattern.ok().flatten(), address))
            }
        };
        let mut credentials = address.as_ref().ok().and_then(|address| address.credentials.clone());
        if let Some(Credentials { user, password }) = self.auth_credentials {
            if credentials.is_some() {
                problems.push(Problem::with("auth_credentials", "`repourl` has credentials in it as well"));
            }
            match context.text(&password) {
                Ok(password) => credentials = Some((user, password)),
                Err(cause) => problems.push(Problem::with("password", cause).under("auth_credentials")),
            }
        } else if credentials.is_some() {
            warnings.push(
                "`repourl` has credentials in it, which whoever reads the file can see: `auth_credentials` takes them \
                 from a file or the environment"
                    .to_owned(),
            );
        }
        if credentials
            .iter()
            .any(|(user, password)| [user, password].iter().any(|text| text.contains(char::is_control)))
        {
            problems.push(Problem::with("auth_credentials", "a user or password has no control characters"));
        }
        if let (Ok(address), true) = (&address, credentials.is_some())
            && address.origin().is_none()
        {
            warnings.push("the password is not used: git takes one over HTTP only".to_owned());
        }
        let gitbin = context.program(&self.gitbin);
        let ssh = SshOptions {
            private_key: self.ssh_private_key.map(|path| context.path(&path)),
            known_hosts: self.ssh_known_hosts.map(|path| context.path(&path)),
        };
        let (Ok(address), Ok(follow), true) = (address, follow, problems.is_empty()) else { return Err(problems) };
        Ok(Box::new(Git {
            name: context.name.to_owned(),
            commands: Commands::new(gitbin, address, &ssh, credentials),
            folder: context.folder.to_owned(),
            follow,
            reconcile,
            is_first_parent: self.first_parent,
            uses_timestamps: self.usetimestamps,
            reports_pushes_without_commits: self.build_pushes_with_no_commits,
            warnings,
        }))
    }
}
