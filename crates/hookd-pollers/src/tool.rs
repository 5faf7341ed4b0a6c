//! A program of a version control system, and how its commands end. Used by the pollers `svn` and `hg`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use hookd_process::{Ended, Outputs, Process};

use crate::address::without_credentials;
use crate::environment::environment;

/// How long a poll may take is an option of every poller, so that a single command has no limit in time but that.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The longest cause of a failure that is passed on, in characters.
const MAX_CAUSE_CHARS: usize = 600;

/// How many lines of standard error tell the cause of a failure, from the end.
const CAUSE_LINES: usize = 4;

/// How `ssh` is run: it asks nothing, and notices a connection that is dead.
pub(crate) const SSH: &str = "ssh -oBatchMode=yes -oConnectTimeout=60 -oServerAliveInterval=30";

/// A program, and how it is run for one repository.
pub(crate) struct Tool {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) program: PathBuf,
    /// Where it runs: where no working copy is, so that none is found by looking around.
    pub(crate) folder: PathBuf,
    /// Its environment, beside what commands of all pollers get.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// What is never shown.
    pub(crate) secrets: Vec<String>,
}

/// One command.
pub(crate) struct Call {
    /// Its name, for messages.
    pub(crate) command: &'static str,
    /// All of its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// What it reads.
    pub(crate) input: Vec<u8>,
    /// The most that it may write, in bytes.
    pub(crate) most: usize,
    /// How long it may be silent.
    pub(crate) silence: Option<Duration>,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It ended by itself, with this exit code.
    Exited { code: i32, message: String },
    /// It wrote more than it may.
    TooMuch(String),
    /// All else: it was not started, or killed.
    Other(String),
}

impl Failure {
    /// As a sentence.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Exited { message, .. } | Self::TooMuch(message) | Self::Other(message) => message,
        }
    }
}

impl Tool {
    /// Runs a command, and returns what it wrote to standard output.
    pub(crate) async fn run(&self, call: Call) -> Result<Vec<u8>, Failure> {
        let Call { command, arguments, input, most, silence } = call;
        let process = Process {
            program: self.program.clone(),
            arguments,
            folder: Some(self.folder.clone()),
            environment: environment().into_iter().chain(self.environment.iter().cloned()).collect(),
            input,
            output: Outputs::Separate { most },
            timeout: NO_LIMIT,
            silence,
        };
        let finished = process.run().await;
        let name = self.name;
        let failed = |how: String| {
            let cause = self.cause(&finished.stderr);
            let separator = if cause.is_empty() { "" } else { ": " };
            format!("`{name} {command}` {how}{separator}{cause}")
        };
        match finished.ended {
            Ended::Exited(0) => Ok(finished.stdout),
            Ended::Exited(code) => {
                Err(Failure::Exited { code, message: failed(format!("failed with exit code {code}")) })
            }
            Ended::Killed(signal) => Err(Failure::Other(failed(format!("was killed by signal {signal}")))),
            Ended::TooMuch => Err(Failure::TooMuch(format!("`{name} {command}` wrote more than {} MiB", most >> 20))),
            Ended::Silent => {
                let limit = hookd_core::duration::format(silence.unwrap_or_default());
                Err(Failure::Other(failed(format!("wrote nothing for {limit} and was killed"))))
            }
            Ended::TimedOut => Err(Failure::Other(failed("took too long and was killed".to_owned()))),
            Ended::NotStarted(error) | Ended::Lost(error) => {
                Err(Failure::Other(format!("cannot run `{}`: {error}", self.program.display())))
            }
        }
    }

    /// The last lines of standard error, without credentials.
    fn cause(&self, stderr: &str) -> String {
        let lines: Vec<&str> = stderr.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut text = lines[lines.len().saturating_sub(CAUSE_LINES)..].join("; ");
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.as_str(), "…");
        }
        let words = text.split_inclusive(|c: char| c.is_whitespace() || ['\'', '"'].contains(&c));
        words.map(without_credentials).collect::<String>().chars().take(MAX_CAUSE_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_no_credentials() {
        let tool = Tool {
            name: "svn",
            program: "svn".into(),
            folder: "/".into(),
            environment: Vec::new(),
            secrets: vec![String::new(), "hunter2".to_owned()],
        };
        let stderr = "svn: warning: one\n\nsvn: E170013: Unable to connect to 'https://me:pw@example.org/a'\n\
                      svn: it said hunter2 of https://token@example.org/b\n";
        assert_eq!(
            tool.cause(stderr),
            "svn: warning: one; svn: E170013: Unable to connect to 'https://example.org/a'; \
             svn: it said … of https://example.org/b"
        );
    }
}
