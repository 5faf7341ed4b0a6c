//! Runs `svn`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::log::{self, Entry, Info};
use crate::address::without_credentials;
use crate::folder::WorkFolder;
use crate::tool::{Call, Failure, SSH, Tool};

/// How long `svn` may print nothing. A server may look through many revisions for those of a folder.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// The longest answer of `svn info`.
const MAX_INFO_BYTES: usize = 1 << 20;

/// The longest log, in bytes.
const MAX_LOG_BYTES: usize = 64 << 20;

/// The longest log of a single revision: one that touches a million paths.
const MAX_REVISION_BYTES: usize = 512 << 20;

/// Errors that say that a path did not exist at some revision.
const NO_SUCH_PATH: [&str; 3] = ["E160013", "E195012", "E170000"];

/// The configuration of Subversion: a connection that is dead is noticed.
const SERVERS: &str = "[global]\nhttp-timeout = 300\n";

/// Schemes that `svn` knows itself. Others would run a command of the configuration.
const SCHEMES: [&str; 5] = ["file", "http", "https", "svn", "svn+ssh"];

/// Checks a URL before it is ever an argument.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let expected = "expected a URL such as `https://svn.example.org/repo`";
    if url.chars().any(char::is_control) {
        return Err("it has a control character".to_owned());
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!("it is no URL, {expected}"));
    };
    if !SCHEMES.contains(&scheme) {
        let known: Vec<String> = SCHEMES.iter().map(|scheme| format!("`{scheme}`")).collect();
        return Err(format!("unknown scheme `{scheme}`, expected one of {}", known.join(", ")));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if user.is_some() && without_credentials(url) != url {
        return Err("it has credentials in it: put them into `svnuser` and `svnpasswd`".to_owned());
    }
    if scheme != "file" && host.is_empty() {
        return Err(format!("it has no host, {expected}"));
    }
    if host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
        return Err("no host or user begins with `-`".to_owned());
    }
    Ok(())
}

/// Which revisions are read.
#[derive(Clone, Copy)]
pub(crate) struct LogRange {
    /// The oldest.
    pub(crate) from: u64,
    /// The newest.
    pub(crate) until: u64,
    /// How many, the oldest first.
    pub(crate) limit: u32,
}

/// Why a log could not be read.
pub(crate) struct LogError(Failure);

impl LogError {
    pub(crate) fn is_too_much(&self) -> bool {
        matches!(self.0, Failure::TooMuch(_))
    }

    /// Whether what is polled did not exist at one of the revisions.
    pub(crate) fn is_no_such_path(&self) -> bool {
        matches!(&self.0, Failure::Exited { message, .. } if NO_SUCH_PATH.iter().any(|code| message.contains(code)))
    }

    pub(crate) fn into_message(self) -> String {
        self.0.into_message()
    }
}

/// How `svn` is run for one URL.
pub(crate) struct Commands {
    tool: Tool,
    url: String,
    user: Option<String>,
    password: Option<String>,
    certificate_failures: Vec<&'static str>,
    /// A configuration of the user's.
    config_folder: Option<PathBuf>,
}

impl Commands {
    pub(crate) fn new(
        program: PathBuf,
        url: String,
        user: Option<String>,
        password: Option<String>,
        certificate_failures: Vec<&'static str>,
        config_folder: Option<PathBuf>,
    ) -> Self {
        let ssh = std::env::var_os("SVN_SSH").unwrap_or_else(|| format!("{SSH} -q --").into());
        let tool = Tool {
            name: "svn",
            program,
            folder: "/".into(),
            environment: vec![("SVN_SSH".into(), ssh)],
            secrets: password.iter().cloned().collect(),
        };
        Self { tool, url, user, password, certificate_failures, config_folder }
    }

    /// What there is at the URL.
    pub(crate) async fn info(&self, folder: &WorkFolder) -> Result<Info, String> {
        let arguments = self.arguments(folder, "info", [], &format!("{}@HEAD", self.url))?;
        let xml = self.run("info", arguments, MAX_INFO_BYTES).await.map_err(Failure::into_message)?;
        Info::parse(&xml)
    }

    /// The revisions that touched what is polled, oldest first.
    pub(crate) async fn log(&self, folder: &WorkFolder, info: &Info, range: LogRange) -> Result<Vec<Entry>, LogError> {
        self.log_of(folder, &format!("{}@{}", self.url, info.youngest), range).await
    }

    /// All revisions of the repository, oldest first.
    pub(crate) async fn log_of_root(
        &self,
        folder: &WorkFolder,
        info: &Info,
        range: LogRange,
    ) -> Result<Vec<Entry>, LogError> {
        self.log_of(folder, &format!("{}@{}", info.root, info.youngest), range).await
    }

    async fn log_of(&self, folder: &WorkFolder, target: &str, range: LogRange) -> Result<Vec<Entry>, LogError> {
        let LogRange { from, until, limit } = range;
        let options =
            ["--verbose".into(), format!("--revision={from}:{until}").into(), format!("--limit={limit}").into()];
        let other = |message| LogError(Failure::Other(message));
        let arguments = self.arguments(folder, "log", options, target).map_err(other)?;
        let most = if limit == 1 { MAX_REVISION_BYTES } else { MAX_LOG_BYTES };
        let xml = self.run("log", arguments, most).await.map_err(LogError)?;
        log::parse(&xml).map_err(other)
    }

    fn arguments<const N: usize>(
        &self,
        folder: &WorkFolder,
        command: &str,
        options: [OsString; N],
        target: &str,
    ) -> Result<Vec<OsString>, String> {
        let config_folder = match &self.config_folder {
            Some(config_folder) => config_folder.clone(),
            None => {
                let config_folder = folder.join("config");
                std::fs::create_dir_all(&config_folder)
                    .map_err(|error| format!("cannot make `{}`: {error}", config_folder.display()))?;
                folder.write("config/servers", SERVERS)?;
                config_folder
            }
        };
        let mut arguments: Vec<OsString> =
            [command, "--xml", "--non-interactive", "--no-auth-cache"].iter().map(OsString::from).collect();
        arguments.extend(["--config-dir".into(), config_folder.into()]);
        arguments.extend(self.user.iter().map(|user| format!("--username={user}").into()));
        if self.password.is_some() {
            arguments.push("--password-from-stdin".into());
        }
        if !self.certificate_failures.is_empty() {
            arguments.push(format!("--trust-server-cert-failures={}", self.certificate_failures.join(",")).into());
        }
        arguments.extend(options);
        arguments.extend(["--".into(), target.into()]);
        Ok(arguments)
    }

    async fn run(&self, command: &'static str, arguments: Vec<OsString>, most: usize) -> Result<Vec<u8>, Failure> {
        let input = self.password.iter().flat_map(|password| [password.as_bytes(), b"\n"].concat()).collect();
        self.tool.run(Call { command, arguments, input, most, silence: Some(SILENCE) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn only_urls_are_polled() {
        for url in [
            "https://svn.example.org/repo/a%20b@c",
            "svn+ssh://me@svn.example.org/repo",
            "file:///srv/svn",
            "svn://[::1]:3690/r",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for (url, message) in [
            ("/srv/svn", "it is no URL"),
            ("--config-option=x", "it is no URL"),
            ("svn+x://host/a", "unknown scheme `svn+x`, expected one of `file`, `http`"),
            ("svn+ssh://-oProxyCommand=x/a", "begins with `-`"),
            ("svn+ssh://-l@host/a", "begins with `-`"),
            ("https:///a", "it has no host"),
            ("https://a/\n", "control character"),
            ("https://me:secret@host/a", "put them into `svnuser` and `svnpasswd`"),
            ("https://token@host/a", "put them into `svnuser` and `svnpasswd`"),
        ] {
            let error = check_url(url).unwrap_err();
            assert!(error.contains(message) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
