//! The poller `hg`: branches and bookmarks of a Mercurial repository, as Buildbot's `HgPoller`.
//!
//! The position of a branch are the hashes of its heads, of which there may be several; that of a bookmark is one. A poll
//! brings a clone up to date and reports what the new heads have and the old ones have not. The clone is never changed by
//! what the other side rewrites or deletes: what was known remains known there, and what is not there any more is left
//! out.

mod clone;
mod commands;
mod follow;
mod names;
mod options;
mod records;

use std::path::PathBuf;

use futures_util::future::BoxFuture;

use self::commands::Commands;
use self::follow::Follow;
use self::options::Options;
use crate::folder::WorkFolder;
use crate::{Poll, PollError, Polled, Poller, PollerType};

/// Why a poll failed.
#[derive(Debug)]
enum Failed {
    /// The clone may be broken.
    Broken(String),
    /// Another reason, such as a repository that cannot be reached.
    Other(String),
}

impl Failed {
    fn into_message(self) -> String {
        match self {
            Self::Broken(message) | Self::Other(message) => message,
        }
    }
}

struct Hg {
    commands: Commands,
    follow: Follow,
    folder: PathBuf,
    /// Without credentials.
    repository: String,
    warnings: Vec<String>,
}

impl Hg {
    async fn read(&self, poll: Poll<'_>) -> Result<Polled, String> {
        let folder = WorkFolder::lock(&self.folder)?;
        self.commands.prepare(&folder)?;
        match self.follow.poll(&self.commands, &folder, poll.positions).await {
            Err(Failed::Broken(_)) => {
                // Nothing in it is needed.
                folder.remove(commands::CLONE)?;
                self.follow.poll(&self.commands, &folder, poll.positions).await.map_err(Failed::into_message)
            }
            read => read.map_err(Failed::into_message),
        }
    }
}

impl Poller for Hg {
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        Box::pin(async move { self.read(poll).await.map_err(PollError) })
    }

    fn repository(&self) -> String {
        self.repository.clone()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

inventory::submit! {
    PollerType::new::<Options>("hg", "Branches and bookmarks of a Mercurial repository, as Buildbot's `HgPoller`.")
}
