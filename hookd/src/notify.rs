//! `hookd notify`: what a repository's hook runs, so that a push becomes changes.
//!
//! Invariants:
//! - One push is one request for each master, with one change for each revision, parents before children, and an id that is
//!   the same each time that it is sent: what arrived although its answer got lost is stored once.
//! - All of it ends within [`Settings::timeout`], whatever the master, the network or a command does.
//! - Nothing that was pushed becomes an option or a part of a command: revisions are hexadecimal or decimal numbers, and
//!   names of refs are never arguments. There is no shell.
//! - Credentials are neither in the spool nor in messages.

mod change;
mod command;
mod deadline;
mod delivery;
mod git;
mod hg;
mod settings;
mod spool;
mod svn;

use std::io::Read;

pub(crate) use change::Push;
pub(crate) use deadline::Deadline;
pub(crate) use delivery::{Report, Verdict, flush, send};
pub(crate) use settings::{Common, Settings};
pub(crate) use spool::Spool;

pub(crate) use git::GitArgs;
pub(crate) use hg::HgArgs;
pub(crate) use svn::SvnArgs;

/// A repository whose hook this is.
pub(crate) struct Opened<'a> {
    pub(crate) settings: Settings,
    /// Whether a failure is to be seen in the exit code.
    pub(crate) is_strict: bool,
    /// Reads what was pushed, with the hook's standard input.
    pub(crate) read: ReadPush<'a>,
}

type ReadPush<'a> = Box<dyn FnOnce(&Settings, &mut dyn Read) -> Result<Push, Failure> + 'a>;

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The options, the repository's configuration or what the hook was given is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The repository could not be read, for now.
    #[error("{0}")]
    Unread(String),
}

impl Failure {
    fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}

impl From<command::Failed> for Failure {
    fn from(failed: command::Failed) -> Self {
        Self::Unread(failed.to_string())
    }
}
