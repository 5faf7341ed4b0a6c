//! Runs `hg`: with a configuration of its own, so that nothing in that of the user, the system or the repository changes
//! what it prints or runs programs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::Failed;
use crate::address::without_credentials;
use crate::folder::WorkFolder;
use crate::tool::{Call, Failure, SSH, Tool};

/// The name of the clone in the work folder.
pub(crate) const CLONE: &str = "repository";

/// The name of the configuration in the work folder.
const HGRC: &str = "hgrc";

/// How long asking the other side may take, without anything to fetch.
const ASKING: Duration = Duration::from_secs(5 * 60);

/// The most that a command prints, in bytes: a line for each of many heads or bookmarks.
pub(crate) const MAX_LIST_BYTES: usize = 64 << 20;

/// Schemes that are known. Others would be those of extensions.
const SCHEMES: [&str; 4] = ["file", "http", "https", "ssh"];

/// Where a repository is.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// As an argument: without credentials, if it is over HTTP.
    pub(crate) argument: String,
    /// As it is shown.
    pub(crate) shown: String,
    credentials: Option<(String, String)>,
}

impl Source {
    /// Parses a repository.
    pub(crate) fn parse(address: &str) -> Result<Self, String> {
        if address.chars().any(char::is_control) {
            return Err("it has a control character".to_owned());
        }
        let shown = without_credentials(address);
        let Some((scheme, rest)) = address.split_once("://") else {
            return if address.starts_with('/') {
                Ok(Self { argument: address.to_owned(), shown, credentials: None })
            } else {
                Err("expected a URL such as `https://hg.example.org/repo`, or an absolute path".to_owned())
            };
        };
        if !SCHEMES.contains(&scheme) {
            let known: Vec<String> = SCHEMES.iter().map(|scheme| format!("`{scheme}`")).collect();
            return Err(format!("unknown scheme `{scheme}`, expected one of {}", known.join(", ")));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user_info, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        if scheme != "file" && host.is_empty() {
            return Err("it has no host, expected a URL such as `https://hg.example.org/repo`".to_owned());
        }
        if host.starts_with('-') || user_info.starts_with('-') {
            return Err("no host or user begins with `-`".to_owned());
        }
        let mut this = Self { argument: address.to_owned(), shown, credentials: None };
        if scheme.starts_with("http") {
            this.argument = format!("{scheme}://{}", &rest[rest.len().min(authority.len() - host.len())..]);
            if !user_info.is_empty() {
                let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
                let decoded = |text: &str| {
                    percent_decode_str(text)
                        .decode_utf8()
                        .map(std::borrow::Cow::into_owned)
                        .map_err(|_| "its credentials are not UTF-8".to_owned())
                };
                this.set_credentials(decoded(user)?, decoded(password)?)?;
            }
        } else if user_info.contains(':') {
            return Err("it has a password in it, which only a repository over HTTP takes".to_owned());
        }
        Ok(this)
    }

    /// Whether there are credentials.
    pub(crate) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// Sets the credentials.
    ///
    /// # Errors
    /// Where they cannot be used, without them.
    pub(crate) fn set_credentials(&mut self, user: String, password: String) -> Result<(), String> {
        if self.credentials.is_some() {
            return Err("`repourl` has credentials in it as well".to_owned());
        }
        if !self.argument.starts_with("http") {
            return Err("only a repository over HTTP takes a password".to_owned());
        }
        // What Mercurial's configuration file cannot have.
        let is_line = |text: &str| !text.chars().any(char::is_control) && text.trim() == text;
        if user.is_empty() || !is_line(&user) || user.contains('$') || user.starts_with('~') {
            return Err("a user has no `$`, no `~` at its beginning, and no spaces at its ends".to_owned());
        }
        if !is_line(&password) {
            return Err("a password is one line, without spaces at its ends".to_owned());
        }
        self.credentials = Some((user, password));
        Ok(())
    }

    /// Scheme and host: credentials are for them alone, and for none that they redirect to.
    fn origin(&self) -> &str {
        let start = self.argument.find("://").map_or(0, |at| at + 3);
        let end = self.argument[start..].find(['/', '?', '#']).map_or(self.argument.len(), |at| start + at);
        &self.argument[..end]
    }
}

/// Whether the path of a configuration file can stand in one.
pub(crate) fn can_be_included(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains('$') && !path.chars().any(char::is_control) && path.trim() == path)
}

/// How `hg` is run for one repository.
pub(crate) struct Commands {
    tool: Tool,
    source: Source,
    hgrc: Option<PathBuf>,
}

impl Commands {
    pub(crate) fn new(program: PathBuf, folder: PathBuf, source: Source, hgrc: Option<PathBuf>) -> Self {
        let environment = [
            // From the folder where it runs: a list of paths, in which a colon could not stand.
            ("HGRCPATH", HGRC),
            ("HGRCSKIPREPO", "1"),
            ("HGPLAIN", "+strictflags"),
            ("HGENCODING", "utf-8"),
            ("HGENCODINGMODE", "replace"),
        ];
        let secrets = source.credentials.iter();
        let secrets = secrets.map(|(user, password)| if password.is_empty() { user } else { password });
        let tool = Tool {
            name: "hg",
            program,
            folder,
            environment: environment.map(|(name, value)| (name.into(), value.into())).to_vec(),
            secrets: secrets.cloned().collect(),
        };
        Self { tool, source, hgrc }
    }

    /// Writes the configuration.
    pub(crate) fn prepare(&self, folder: &WorkFolder) -> Result<(), String> {
        let mut text = format!(
            "[ui]\ninteractive = False\nclonebundles = False\ntimeout = 60\nssh = {SSH}\n[http]\ntimeout = 300\n"
        );
        if let Some((user, password)) = &self.source.credentials {
            let origin = self.source.origin();
            text.push_str(&format!(
                "[auth]\nhookd.prefix = {origin}\nhookd.username = {user}\nhookd.password = {password}\n"
            ));
        }
        if let Some(hgrc) = &self.hgrc {
            fs::metadata(hgrc).map_err(|error| format!("cannot read `{}`, the `hgrc`: {error}", hgrc.display()))?;
            text.push_str(&format!("%include {}\n", hgrc.display()));
        }
        folder.write(HGRC, &text).map(drop)
    }

    /// Runs a command that asks the other side, and needs no clone.
    pub(crate) async fn ask(&self, command: &'static str, options: &[&str], rest: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut arguments: Vec<OsString> = vec![command.into()];
        arguments.extend(options.iter().map(OsString::from));
        arguments.extend(["--".into(), self.source.argument.clone().into()]);
        arguments.extend(rest.iter().map(OsString::from));
        let asked = self.run(command, arguments, MAX_LIST_BYTES, Some(ASKING)).await;
        asked.map_err(|failure| Failed::Other(failure.into_message()))
    }

    /// Runs a command that compares the clone with the other side.
    pub(crate) async fn exchange(&self, command: &'static str, options: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut arguments = in_clone(command);
        arguments.extend(options.iter().map(OsString::from));
        arguments.extend(["--".into(), self.source.argument.clone().into()]);
        self.run(command, arguments, MAX_LIST_BYTES, None).await
    }

    /// Runs a command in the clone.
    pub(crate) async fn local(
        &self,
        command: &'static str,
        options: Vec<String>,
        most: usize,
    ) -> Result<Vec<u8>, Failure> {
        let mut arguments = in_clone(command);
        arguments.extend(options.into_iter().map(OsString::from));
        self.run(command, arguments, most, None).await
    }

    /// Makes an empty clone.
    pub(crate) async fn init(&self) -> Result<(), Failed> {
        let made = self.run("init", vec!["init".into(), "--".into(), CLONE.into()], MAX_LIST_BYTES, Some(ASKING)).await;
        made.map(drop).map_err(|failure| Failed::Other(failure.into_message()))
    }

    async fn run(
        &self,
        command: &'static str,
        arguments: Vec<OsString>,
        most: usize,
        silence: Option<Duration>,
    ) -> Result<Vec<u8>, Failure> {
        self.tool.run(Call { command, arguments, input: Vec::new(), most, silence }).await
    }
}

/// The beginning of a command in the clone. What chooses the repository comes first: further behind, Mercurial could take
/// a value for it.
fn in_clone(command: &str) -> Vec<OsString> {
    ["-R", CLONE, command].map(OsString::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_in_no_argument() {
        let source = Source::parse("https://me:hun%20ter2@hg.example.org:8443/a@b").unwrap();
        assert_eq!(source.argument, "https://hg.example.org:8443/a@b");
        assert_eq!((source.shown.as_str(), source.origin()), (source.argument.as_str(), "https://hg.example.org:8443"));
        assert_eq!(source.credentials, Some(("me".to_owned(), "hun ter2".to_owned())));
        let source = Source::parse("ssh://hg@hg.example.org:2222/~/a").unwrap();
        assert_eq!((source.argument.as_str(), source.has_credentials()), ("ssh://hg@hg.example.org:2222/~/a", false));
        assert_eq!(Source::parse("/srv/a b").unwrap().argument, "/srv/a b");
        assert_eq!(Source::parse("https://hg.example.org").unwrap().origin(), "https://hg.example.org");
    }

    #[test]
    fn only_repositories_are_polled() {
        for (address, message) in [
            ("--config=alias.pull=!touch x", "or an absolute path"),
            ("a/b", "or an absolute path"),
            ("bundle:x", "or an absolute path"),
            ("static-http://host/a", "unknown scheme `static-http`, expected one of `file`, `http`, `https`, `ssh`"),
            ("ssh://-oProxyCommand=x/a", "begins with `-`"),
            ("ssh://me:secret@host/a", "it has a password in it"),
            ("https:///a", "it has no host"),
            ("https://a/\n", "control character"),
            ("https://$me:secret@host/a", "a user has no `$`"),
            ("https://me:%0a[hooks]secret@host/a", "a password is one line"),
        ] {
            let error = Source::parse(address).unwrap_err();
            assert!(error.contains(message) && !error.contains("secret"), "{address}: {error}");
        }
    }
}
