//! The settings of a hook: options of the command line, and below them the configuration of the repository, with the names
//! that Buildbot's scripts gave them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::change::text;
use super::{Deadline, Failure};
use crate::submission::{Credentials, Endpoint};

/// How long all of it may take by default, in seconds.
const DEFAULT_TIMEOUT_SECONDS: u64 = 3;

/// How many changes a push becomes at most, by default.
const DEFAULT_MAX_CHANGES: usize = 1000;

/// How many masters there can be: each is sent to by a thread of its own.
const MAX_MASTERS: usize = 16;

/// Options that every system has.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Common {
    /// The URL of a base dialect, such as `https://hooks.example.org/change_hook/base`; can be repeated.
    #[arg(long = "master", value_name = "URL")]
    masters: Vec<String>,

    /// The user for `change_hook_auth`.
    #[arg(long)]
    user: Option<String>,

    /// The file with the user's password in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// From the configuration of the repository only: whoever is on the machine sees a command line.
    #[arg(skip)]
    password: Option<Password>,

    /// Trust also the certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The category of the changes.
    #[arg(long)]
    category: Option<String>,

    /// Their project.
    #[arg(long)]
    project: Option<String>,

    /// Their codebase.
    #[arg(long)]
    codebase: Option<String>,

    /// Where the code is checked out from; by default `--baseurl` and the path of the repository without `--strip` slashes.
    #[arg(long)]
    repository: Option<String>,

    /// What stands before the path of the repository.
    #[arg(long, value_name = "PREFIX")]
    baseurl: Option<String>,

    /// How many slashes of the path of the repository are left out, with what is before each; by default none.
    #[arg(long, value_name = "COUNT")]
    strip: Option<usize>,

    /// Keep in this folder what could not be sent, and send it first the next time. A relative path starts at the repository.
    #[arg(long, value_name = "FOLDER")]
    spool: Option<PathBuf>,

    /// How long all of it may take, in seconds; by default 3.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: Option<u64>,

    /// How many changes a push becomes at most, the newest ones; by default 1000.
    #[arg(long, value_name = "COUNT", value_parser = at_least_one)]
    max_changes: Option<usize>,

    /// Exit with a code that says what failed; without it, a hook succeeds whatever becomes of the changes.
    #[arg(long)]
    strict: bool,

    /// Send only what is left in the spool.
    #[arg(long)]
    pub(crate) flush: bool,

    /// Report success, too.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print the changes as JSON, and send nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// A password, which is not shown.
#[derive(Clone)]
struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "expected a number of at least 1".to_owned())
}

/// The options of one hook, complete.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to send: each once.
    pub(crate) masters: Vec<String>,
    pub(crate) category: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) codebase: Option<String>,
    /// The `repository` of the changes.
    pub(crate) repository: String,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) max_changes: usize,
    credentials: Option<Credentials>,
    ca: Option<PathBuf>,
}

impl Common {
    /// Whether a failure is to be seen in the exit code.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// When reading the configuration itself has to be done.
    pub(crate) fn reading(&self, started: std::time::Instant) -> Deadline {
        Deadline::new(started, self.limit()).for_reading()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout.unwrap_or(DEFAULT_TIMEOUT_SECONDS))
    }

    /// Takes an option from the configuration of the repository, unless it is there already. Returns whether it is one of
    /// these; `place` is its full name, for messages.
    pub(crate) fn take(&mut self, name: &str, value: &str, place: &str) -> Result<bool, Failure> {
        fn fill<T>(option: &mut Option<T>, value: T) {
            option.get_or_insert(value);
        }
        match name {
            "master" => self.masters.push(value.to_owned()),
            "user" | "username" => fill(&mut self.user, value.to_owned()),
            "passwd" | "auth" => fill(&mut self.password, Password(value.to_owned())),
            "passwordfile" | "password-file" => fill(&mut self.password_file, value.into()),
            "ca" => fill(&mut self.ca, value.into()),
            "category" => fill(&mut self.category, value.to_owned()),
            "project" => fill(&mut self.project, value.to_owned()),
            "codebase" => fill(&mut self.codebase, value.to_owned()),
            "repository" => fill(&mut self.repository, value.to_owned()),
            "baseurl" => fill(&mut self.baseurl, value.to_owned()),
            "strip" => fill(&mut self.strip, number(value, place)?),
            "spool" => fill(&mut self.spool, value.into()),
            "timeout" => {
                let seconds = number(value, place)?;
                if !(1..=600).contains(&seconds) {
                    return Err(Failure::invalid(format!("`{place}` is `{value}`, expected 1 to 600 seconds")));
                }
                fill(&mut self.timeout, seconds as u64);
            }
            "maxchanges" | "max-changes" => {
                let count = at_least_one(value)
                    .map_err(|expected| Failure::invalid(format!("`{place}` is `{value}`, {expected}")))?;
                fill(&mut self.max_changes, count);
            }
            "strict" => self.strict |= boolean(value, place)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether masters were named on the command line: then those of the configuration do not count.
    pub(crate) fn has_masters(&self) -> bool {
        !self.masters.is_empty()
    }

    /// The settings for a repository at this path.
    pub(crate) fn settle(&self, path: &Path) -> Result<Settings, Failure> {
        let mut masters: Vec<String> = Vec::new();
        for master in self.masters.iter().flat_map(|masters| list(masters)) {
            // Buildbot's hook takes `localhost:8020/change_hook/base`.
            let url = if master.contains("://") { master } else { format!("http://{master}") };
            if !masters.contains(&url) {
                masters.push(url);
            }
        }
        if masters.is_empty() {
            return Err(Failure::invalid(
                "nobody to send to: name a `master`, such as `http://localhost:8010/change_hook/base`",
            ));
        }
        if masters.len() > MAX_MASTERS {
            return Err(Failure::invalid(format!("{} masters, expected at most {MAX_MASTERS}", masters.len())));
        }
        let settings = Settings {
            masters,
            category: self.category.clone(),
            project: self.project.clone(),
            codebase: self.codebase.clone(),
            repository: self.repository.clone().unwrap_or_else(|| self.location(path)),
            spool: self.spool.as_ref().map(|spool| path.join(spool)),
            timeout: self.limit(),
            max_changes: self.max_changes.unwrap_or(DEFAULT_MAX_CHANGES),
            credentials: self.credentials(path)?,
            ca: self.ca.as_ref().map(|ca| path.join(ca)),
        };
        for master in &settings.masters {
            settings.endpoint(master, settings.timeout)?;
        }
        Ok(settings)
    }

    fn location(&self, path: &Path) -> String {
        let path = text(path.as_os_str().as_encoded_bytes());
        let stripped = path.splitn(self.strip.unwrap_or_default().saturating_add(1), '/').last().unwrap_or_default();
        format!("{}{stripped}", self.baseurl.as_deref().unwrap_or_default())
    }

    fn credentials(&self, path: &Path) -> Result<Option<Credentials>, Failure> {
        let password = self.password.as_ref().map(|Password(password)| password);
        match (&self.user, &self.password_file, password) {
            (None, None, _) => Ok(None),
            (None, Some(_), _) => Err(Failure::invalid("a password file without a user: name the `user`, too")),
            // Standard input is the hook's.
            (Some(_), Some(file), _) if file == Path::new("-") => {
                Err(Failure::invalid("the password cannot come from standard input here, expected a file"))
            }
            (Some(user), Some(file), _) => {
                Credentials::read(user, &path.join(file)).map(Some).map_err(Failure::Invalid)
            }
            (Some(user), None, Some(password)) => Ok(Some(Credentials::new(user, password))),
            (Some(_), None, None) => Err(Failure::invalid("a user without a password: name a `--password-file`, too")),
        }
    }
}

impl Settings {
    /// Where a request to this master goes, which may take this long.
    pub(crate) fn endpoint(&self, master: &str, timeout: Duration) -> Result<Endpoint, Failure> {
        let mut endpoint =
            Endpoint::new(master, timeout).map_err(|error| Failure::Invalid(format!("master: {error}")))?;
        if let Some(credentials) = &self.credentials {
            endpoint = endpoint.with_credentials(credentials.clone());
        }
        match &self.ca {
            Some(ca) => endpoint.trusting(ca).map_err(Failure::Invalid),
            None => Ok(endpoint),
        }
    }
}

/// The items of a list, as Mercurial takes it: separated by commas or blanks.
fn list(value: &str) -> impl Iterator<Item = String> {
    value.split([',', ' ', '\t', '\n']).filter(|item| !item.is_empty()).map(str::to_owned)
}

fn number(value: &str, place: &str) -> Result<usize, Failure> {
    value.trim().parse().map_err(|_| Failure::invalid(format!("`{place}` is `{value}`, expected a number")))
}

/// A boolean as `git config` and Mercurial write it.
pub(crate) fn boolean(value: &str, place: &str) -> Result<bool, Failure> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "always" => Ok(true),
        "false" | "no" | "off" | "0" | "never" | "" => Ok(false),
        _ => Err(Failure::invalid(format!("`{place}` is `{value}`, expected `true` or `false`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "http://localhost:8010/change_hook/base";

    fn with(options: &[(&str, &str)]) -> Result<Settings, Failure> {
        let mut common = Common::default();
        for (name, value) in [("master", MASTER)].iter().chain(options) {
            assert!(common.take(name, value, &format!("hookd.{name}"))?, "{name}");
        }
        common.settle(Path::new("/home/hg/repos/myrepo"))
    }

    #[test]
    fn the_repository_is_baseurl_and_its_path_without_slashes() {
        let repository = |options: &[(&str, &str)]| with(options).unwrap().repository;
        let base = ("baseurl", "https://code.company.com/");
        assert_eq!(repository(&[]), "/home/hg/repos/myrepo");
        assert_eq!(repository(&[base, ("strip", "4")]), "https://code.company.com/myrepo");
        assert_eq!(repository(&[base, ("strip", "3")]), "https://code.company.com/repos/myrepo");
        assert_eq!(repository(&[("strip", "40")]), "myrepo");
        assert_eq!(repository(&[base, ("strip", "4"), ("repository", "ssh://x")]), "ssh://x");
    }

    #[test]
    fn masters_are_a_list_with_or_without_a_scheme() {
        let settings = with(&[("master", "a:1/change_hook/base,https://b/base  a:1/change_hook/base")]).unwrap();
        assert_eq!(settings.masters, [MASTER, "http://a:1/change_hook/base", "https://b/base"]);
    }

    #[test]
    fn what_came_first_counts() {
        let settings = with(&[("project", "tea"), ("project", "coffee"), ("timeout", "9"), ("timeout", "8")]).unwrap();
        assert_eq!((settings.project.as_deref(), settings.timeout), (Some("tea"), Duration::from_secs(9)));
    }

    #[test]
    fn invalid_settings_are_named_with_what_is_possible() {
        for (options, message) in [
            (&[("strip", "few")][..], "`hookd.strip` is `few`, expected a number"),
            (&[("timeout", "0")], "`hookd.timeout` is `0`, expected 1 to 600 seconds"),
            (&[("maxchanges", "0")], "`hookd.maxchanges` is `0`, expected a number of at least 1"),
            (&[("strict", "perhaps")], "`hookd.strict` is `perhaps`, expected `true` or `false`"),
            (&[("user", "ann")], "a user without a password: name a `--password-file`, too"),
            (&[("user", "ann"), ("passwordfile", "-")], "the password cannot come from standard input here"),
            (&[("passwordfile", "p")], "a password file without a user"),
            (&[("master", "ftp://x")], "master: invalid URL: scheme `ftp`, expected `http` or `https`"),
            (&[("master", "http://ann:hunter2@x/")], "master: invalid URL: it has credentials"),
        ] {
            let message_of = with(options).unwrap_err().to_string();
            assert!(message_of.starts_with(message) && !message_of.contains("hunter2"), "{message_of}");
        }
        let nobody = Common::default().settle(Path::new("/r")).unwrap_err().to_string();
        assert!(nobody.starts_with("nobody to send to: name a `master`"), "{nobody}");
        assert!(!Common::default().take("venv", "x", "hgbuildbot.venv").unwrap());
    }

    #[test]
    fn passwords_are_not_shown() {
        let mut common = Common::default();
        common.take("passwd", "hunter2", "hookd.passwd").unwrap();
        assert!(!format!("{common:?}").contains("hunter2"), "{common:?}");
        let settings = with(&[("user", "ann"), ("passwd", "hunter2")]).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
    }
}
