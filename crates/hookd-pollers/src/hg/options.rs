//! The options of the type `hg`.

use std::path::PathBuf;

use encoding_rs::Encoding;
use hookd_core::{Problem, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Hg;
use super::commands::{Commands, Source, can_be_included};
use super::follow::{Follow, Recipe};
use super::names::{Kind, Name};
use super::records::RevlinkTemplate;
use crate::address::without_credentials;
use crate::{Poller, PollerContext, PollerOptions};

/// The options of the type `hg`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The repository: a URL (`https://`, `http://`, `ssh://`, `file://`) or an absolute path. It becomes the `repository` of
    /// the changes, without the credentials that it may have in it.
    repourl: String,

    /// The branches that are followed. Without this, `branch` and `bookmarks`, it is `default`.
    #[serde(default)]
    branches: Vec<String>,

    /// The one branch that is followed, instead of `branches`.
    branch: Option<String>,

    /// The bookmarks that are followed. The branch of their changes is the name of the bookmark.
    #[serde(default)]
    bookmarks: Vec<String>,

    /// Whether changes have the time of the commit. With `false` they have the time when they were found.
    #[serde(default = "default_true")]
    usetimestamps: bool,

    /// The encoding of the names of files, such as `latin-1`. All other texts are UTF-8.
    #[serde(default = "default_encoding")]
    encoding: String,

    /// A page about a revision: `"https://hg.example.org/repo/rev/{revision}"`. `{revision}` stands for its hash, `{branch}`
    /// for the branch or bookmark.
    revlink: Option<String>,

    /// The user and password, or token, for a repository over HTTP. They reach `hg` in a file that only hookd may read.
    auth_credentials: Option<Credentials>,

    /// A configuration file of Mercurial that is read as well, for certificates, proxies or keys: no other is, neither those of
    /// the user or the system, nor that of the repository.
    hgrc: Option<PathBuf>,

    /// The program. One with a slash in its name is found from the folder of the configuration file, others in `PATH`.
    #[serde(default = "default_hgbin")]
    hgbin: PathBuf,
}

/// A user and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The name of the user.
    user: String,
    /// The password, or a token.
    password: Secret,
}

fn default_true() -> bool {
    true
}

fn default_encoding() -> String {
    "utf-8".to_owned()
}

fn default_hgbin() -> PathBuf {
    "hg".into()
}

impl PollerOptions for Options {
    /// As Buildbot's: bookmarks and branches are part of it.
    fn default_name(options: &Map<String, Value>) -> Option<String> {
        let mut name = without_credentials(options.get("repourl")?.as_str()?);
        let named = ["bookmarks", "branch", "branches"].iter().filter_map(|option| options.get(*option));
        for value in named {
            let names = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
            for part in names.iter().filter_map(Value::as_str) {
                name.push('_');
                name.push_str(part);
            }
        }
        Some(name)
    }

    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut wrong = |option: &str, message: String| problems.push(Problem::with(option, message));
        let mut source = Source::parse(&self.repourl).map_err(|message| wrong("repourl", message)).ok();
        if self.branch.is_some() && !self.branches.is_empty() {
            wrong("branch", "there is `branches` as well: use one of them".to_owned());
        }
        let mut branches: Vec<String> = self.branch.into_iter().chain(self.branches).collect();
        if branches.is_empty() && self.bookmarks.is_empty() {
            branches.push("default".to_owned());
        }
        let mut names: Vec<Name> = Vec::new();
        for (kind, option, texts) in
            [(Kind::Branch, "branches", branches), (Kind::Bookmark, "bookmarks", self.bookmarks)]
        {
            for text in texts {
                match Name::new(kind, text) {
                    Ok(name) if names.contains(&name) => {}
                    Ok(name) => names.push(name),
                    Err(message) => wrong(option, message),
                }
            }
        }
        // Python has more ways to write these names.
        let label = self.encoding.replace(['-', '_'], "");
        let encoding = [&self.encoding, &label].into_iter().find_map(|label| Encoding::for_label(label.as_bytes()));
        if encoding.is_none() {
            let message = format!("unknown encoding `{}`, expected one such as `utf-8` or `latin-1`", self.encoding);
            wrong("encoding", message);
        }
        let template = self.revlink.filter(|template| !template.is_empty());
        let revlink = template.as_deref().map(RevlinkTemplate::parse).transpose();
        let revlink = revlink.map_err(|message| wrong("revlink", message)).ok().flatten();
        if let Some(Credentials { user, password }) = self.auth_credentials {
            match context.text(&password) {
                Ok(password) => {
                    let set = source.as_mut().map_or(Ok(()), |source| source.set_credentials(user, password));
                    set.unwrap_or_else(|message| wrong("auth_credentials", message));
                }
                Err(message) => wrong("auth_credentials", message),
            }
        } else if source.as_ref().is_some_and(Source::has_credentials) {
            warnings.push(
                "`repourl` has credentials in it, which whoever reads the file can see: `auth_credentials` takes them \
                 from a file or the environment"
                    .to_owned(),
            );
        }
        let hgrc = self.hgrc.map(|path| context.path(&path));
        if hgrc.as_ref().is_some_and(|path| !can_be_included(path)) {
            wrong("hgrc", "expected a path without `$`, `~` and control characters".to_owned());
        }
        let (Some(source), Some(encoding), true) = (source, encoding, problems.is_empty()) else {
            return Err(problems);
        };
        let repository = source.shown.clone();
        let recipe = Recipe { repository: repository.clone(), uses_timestamps: self.usetimestamps, encoding, revlink };
        Ok(Box::new(Hg {
            commands: Commands::new(context.program(&self.hgbin), context.folder.to_owned(), source, hgrc),
            follow: Follow { names, recipe },
            folder: context.folder.to_owned(),
            repository,
            warnings,
        }))
    }
}
