//! Runs git: without a shell, a terminal or hooks, and with an environment in which it can ask nobody for anything.
//!
//! The configuration of the system and of the user counts, since it says how a repository is reached: keys, proxies,
//! certificates, other addresses. What in it would run programs of its own or change what is printed does not.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookd_process::{Ended, Outputs, Process};

use super::address::{ALLOWED, Address};
use crate::address::without_credentials;
use crate::environment::environment;
use crate::tool::SSH;

/// The name of the remote in the command line; none that a user's configuration would have.
pub(crate) const REMOTE: &str = "hookd-poller";

/// How long a poll may take is an option of every poller. A single command has no limit in time but that.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The longest cause of a failure that is passed on, in characters.
const MAX_CAUSE_CHARS: usize = 600;

/// Settings for every command.
const SETTINGS: [&str; 9] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "log.showSignature=false",
    "gc.autoDetach=false",
    "fetch.showForcedUpdates=false",
    "fetch.recurseSubmodules=false",
    "init.defaultBranch=none",
    "advice.defaultBranchName=false",
];

/// A helper that takes the credentials from the environment: only there can no other user see them.
const HELPER: &str =
    r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$HOOKD_GIT_USER" "$HOOKD_GIT_PASSWORD"; }; f"#;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The work folder may be broken.
    Broken(String),
    /// Another reason, such as a repository that cannot be reached.
    Other(String),
}

impl Failure {
    /// As a sentence.
    pub(crate) fn into_cause(self) -> String {
        match self {
            Self::Broken(cause) | Self::Other(cause) => cause,
        }
    }
}

/// One command.
pub(crate) struct Call<'a> {
    /// The command of git.
    pub(crate) command: &'static str,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// The repository; `None` where it needs none.
    pub(crate) folder: Option<&'a Path>,
    /// Whether it talks to the remote repository.
    pub(crate) is_remote: bool,
    /// What it reads.
    pub(crate) input: Vec<u8>,
    /// The most that it may write, in bytes.
    pub(crate) most: usize,
    /// How long it may be silent.
    pub(crate) silence: Option<Duration>,
}

/// What a command wrote.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more than it may write.
    pub(crate) is_cut: bool,
}

/// How git is run for one repository.
pub(crate) struct Commands {
    gitbin: PathBuf,
    address: Address,
    environment: Vec<(OsString, OsString)>,
    /// What is never shown.
    secret: Option<String>,
    has_credentials: bool,
}

impl Commands {
    /// Runs this git for this repository. Credentials are a user and a password.
    pub(crate) fn new(
        gitbin: PathBuf,
        address: Address,
        ssh: &SshOptions,
        credentials: Option<(String, String)>,
    ) -> Self {
        let mut all = environment();
        let mut set = |name: &str, value: OsString| all.push((name.into(), value));
        set("GIT_TERMINAL_PROMPT", "0".into());
        set("GIT_ASKPASS", "".into());
        set("GCM_INTERACTIVE", "never".into());
        set("GIT_OPTIONAL_LOCKS", "0".into());
        set("GIT_NO_REPLACE_OBJECTS", "1".into());
        set("GIT_SSH_COMMAND", ssh.command());
        if let Some((user, password)) = &credentials {
            set("HOOKD_GIT_USER", user.into());
            set("HOOKD_GIT_PASSWORD", password.into());
        }
        let has_credentials = credentials.is_some();
        let secret = credentials.map(|(user, password)| if password.is_empty() { user } else { password });
        Self { gitbin, address, environment: all, secret, has_credentials }
    }

    /// The address that is polled.
    pub(crate) fn address(&self) -> &str {
        &self.address.shown
    }

    /// Runs a command that must not write more than it may.
    pub(crate) async fn run(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        let (command, most) = (call.command, call.most);
        let written = self.run_cut(call).await?;
        if written.is_cut {
            return Err(Failure::Other(format!("`git {command}` wrote more than {} MiB", most >> 20)));
        }
        Ok(written.bytes)
    }

    /// Runs a command of which the beginning is enough.
    pub(crate) async fn run_cut(&self, call: Call<'_>) -> Result<Written, Failure> {
        let Call { command, folder, is_remote, input, most, silence, .. } = call;
        let process = Process {
            program: self.gitbin.clone(),
            arguments: self.arguments(command, folder, is_remote, call.arguments),
            // Where no repository is, so that none is found by looking around.
            folder: Some(folder.unwrap_or(Path::new("/")).to_owned()),
            environment: self.environment(folder, is_remote),
            input,
            output: Outputs::Separate { most },
            timeout: NO_LIMIT,
            silence,
        };
        let finished = process.run().await;
        let failed = |how: String| {
            let cause = self.cause(&finished.stderr);
            let separator = if cause.is_empty() { "" } else { ": " };
            let message = format!("`git {command}` {how}{separator}{cause}");
            if is_remote { Failure::Other(message) } else { Failure::Broken(message) }
        };
        match finished.ended {
            Ended::Exited(0) => Ok(Written { bytes: finished.stdout, is_cut: false }),
            Ended::TooMuch => Ok(Written { bytes: finished.stdout, is_cut: true }),
            Ended::Exited(code) => Err(failed(format!("failed with exit code {code}"))),
            Ended::Killed(signal) => Err(failed(format!("was killed by signal {signal}"))),
            Ended::Silent => {
                let limit = hookd_core::duration::format(silence.unwrap_or_default());
                Err(Failure::Other(format!("`git {command}` wrote nothing for {limit} and was killed")))
            }
            Ended::TimedOut => Err(Failure::Other(format!("`git {command}` took too long and was killed"))),
            Ended::NotStarted(error) | Ended::Lost(error) => {
                Err(Failure::Other(format!("cannot run `{}`: {error}", self.gitbin.display())))
            }
        }
    }

    fn arguments(&self, command: &str, folder: Option<&Path>, is_remote: bool, rest: Vec<OsString>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut set = |setting: String| arguments.extend(["-c".into(), setting.into()]);
        SETTINGS.iter().for_each(|setting| set((*setting).to_owned()));
        if is_remote {
            set(format!("remote.{REMOTE}.url={}", self.address.shown));
            // Commits and trees are enough to name files. Not in the file of the repository, so that nothing that is read
            // there ever fetches what is missing.
            set(format!("remote.{REMOTE}.promisor=true"));
            set(format!("remote.{REMOTE}.partialclonefilter=blob:none"));
            if let (true, Some(origin)) = (self.has_credentials, self.address.origin()) {
                // For this server alone: not for one that it redirects to.
                set("credential.helper=".to_owned());
                set(format!("credential.{origin}.helper={HELPER}"));
            }
        }
        if let Some(folder) = folder {
            let mut option = OsString::from("--git-dir=");
            option.push(folder);
            arguments.push(option);
        }
        arguments.push(command.into());
        arguments.extend(rest);
        arguments
    }

    fn environment(&self, folder: Option<&Path>, is_remote: bool) -> Vec<(OsString, OsString)> {
        let mut environment = self.environment.clone();
        if !is_remote {
            environment.retain(|(name, _)| !name.as_encoded_bytes().starts_with(b"HOOKD_GIT_"));
        }
        let allowed = if is_remote { ALLOWED } else { "none" };
        environment.push(("GIT_ALLOW_PROTOCOL".into(), allowed.into()));
        if folder.is_none() {
            environment.push(("GIT_DIR".into(), "/dev/null".into()));
        }
        environment
    }

    /// The lines of standard error that say what went wrong, without credentials.
    fn cause(&self, stderr: &str) -> String {
        let lines: Vec<&str> = stderr.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
        let says_why = |line: &&&str| {
            let beginnings = ["fatal:", "error:", "remote:", "ssh:"];
            beginnings.iter().any(|beginning| line.starts_with(beginning))
                && !line.ends_with(", done.")
                && !line.contains("% (")
        };
        let mut reasons: Vec<&str> = lines.iter().filter(says_why).copied().collect();
        if reasons.is_empty()
            || (reasons.len() == 1 && lines.len() > 1 && reasons[0].contains("Could not read from remote"))
        {
            reasons = lines[lines.len().saturating_sub(3)..].to_vec();
        }
        let joined = reasons.join("; ");
        let words = joined.split_inclusive(|c: char| c.is_whitespace() || ['\'', '"'].contains(&c));
        let mut text: String = words.map(without_credentials).collect();
        if let Some(secret) = self.secret.as_deref().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "…");
        }
        text.chars().take(MAX_CAUSE_CHARS).collect()
    }
}

/// How git reaches a repository over ssh.
#[derive(Debug, Default)]
pub(crate) struct SshOptions {
    /// The file of the private key.
    pub(crate) private_key: Option<PathBuf>,
    /// The file of the servers' keys.
    pub(crate) known_hosts: Option<PathBuf>,
}

impl SshOptions {
    /// The value of `GIT_SSH_COMMAND`: an ssh that asks nothing, and notices a connection that is dead.
    fn command(&self) -> OsString {
        let mut command = OsString::from(SSH);
        let mut option = |option: &str, path: &Path| {
            command.push(format!(" {option}"));
            command.push(quoted(path.as_os_str()));
        };
        if let Some(key) = &self.private_key {
            option("-oIdentitiesOnly=yes -i ", key);
        }
        if let Some(hosts) = &self.known_hosts {
            // ssh takes a space for the beginning of the next file.
            let mut value = OsString::from("\"");
            value.push(hosts);
            value.push("\"");
            option("-oUserKnownHostsFile=", Path::new(&value));
        }
        command
    }
}

/// Quoted for the shell that git runs ssh with.
fn quoted(text: &OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut out = vec![b'\''];
    for byte in text.as_bytes() {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(credentials: Option<(String, String)>) -> Commands {
        let address = Address::parse("https://example.org/tea").unwrap();
        Commands::new("git".into(), address, &SshOptions::default(), credentials)
    }

    #[test]
    fn a_cause_has_no_credentials_and_no_progress() {
        let commands = commands(Some(("me".to_owned(), "secret".to_owned())));
        let stderr = "remote: Counting objects:  10% (1/9)\rremote: Counting objects: 100% (9/9), done.\n\
                      fatal: unable to access 'https://me:other@example.org/tea/': it said secret\n";
        assert_eq!(commands.cause(stderr), "fatal: unable to access 'https://example.org/tea/': it said …");
        let refused =
            "Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure";
        assert!(commands.cause(refused).starts_with("Permission denied"), "{}", commands.cause(refused));
    }

    #[test]
    fn a_password_is_in_no_argument_and_in_no_local_command() {
        let commands = commands(Some(("me".to_owned(), "secret".to_owned())));
        let arguments = commands.arguments("fetch", None, true, Vec::new());
        assert!(!format!("{arguments:?}").contains("secret"), "{arguments:?}");
        assert!(format!("{arguments:?}").contains("credential.https://example.org.helper="), "{arguments:?}");
        assert!(!format!("{:?}", commands.environment(None, false)).contains("secret"));
    }

    #[test]
    fn paths_of_keys_are_quoted() {
        let ssh = SshOptions { private_key: Some("/a'b c".into()), known_hosts: Some("/k h".into()) };
        let command = ssh.command().into_string().unwrap();
        assert!(command.contains(r#"-i '/a'\''b c' -oUserKnownHostsFile='"/k h"'"#), "{command}");
    }
}
