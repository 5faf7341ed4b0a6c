//! The type `git`: polls a repository with the real `git`.
//!
//! A poll lists the refs of the remote repository, and is over where none has moved: then it costs one `git ls-remote`.
//! Otherwise it fetches those that have into a [work folder](folder), and reports the commits that they have and no stored
//! position has. The key of a position is the full name of a ref. The position is the commit up to which it was reported,
//! or several while a long history is reported in parts: those that together have all that was reported.
//!
//! Invariants: a commit that was reported is reached from a position, or was when it was; so none is reported twice, for
//! as long as refs are not deleted. A position moves to a commit when all that it reaches was reported. A ref that the
//! remote still has keeps its position, whatever the poller follows. Nothing that a remote says becomes an option, a
//! program, or part of a path.

mod address;
mod command;
mod folder;
mod follow;
mod history;
mod listing;
mod options;
mod reconcile;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hookd_core::Change;

use self::command::{Call, Commands, Failure};
use self::folder::{Folder, at_ref, new_ref};
use self::follow::Follow;
use self::listing::{Listing, local_name};
use self::options::Options;
use self::reconcile::{Reconcile, since_key};
use self::report::{Head, Report};
use crate::{Poll, PollError, Polled, Poller, PollerType};

/// The most that a listing of refs may have, in bytes.
const MAX_LISTING_BYTES: usize = 256 << 20;

/// How long listing the refs may take until something is printed.
const LISTING_SILENCE: Duration = Duration::from_secs(5 * 60);

/// How often a poll begins anew because refs were deleted between listing and fetching.
const MAX_ROUNDS: usize = 3;

/// How many positions that are missing here are asked for by their hash.
const MAX_ASKED_FOR: usize = 16;

/// A poller of one repository.
struct Git {
    name: String,
    commands: Commands,
    folder: PathBuf,
    follow: Follow,
    reconcile: Option<Reconcile>,
    is_first_parent: bool,
    uses_timestamps: bool,
    reports_pushes_without_commits: bool,
    warnings: Vec<String>,
}

impl Poller for Git {
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        self.rounds(poll).map(|outcome| outcome.map_err(|failure| PollError(failure.into_cause()))).boxed()
    }

    fn repository(&self) -> String {
        self.commands.address().to_owned()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn awaits(&self, change: &Change) -> bool {
        self.reconcile.as_ref().is_some_and(|reconcile| reconcile.awaits(change))
    }

    fn polls_at_launch(&self) -> bool {
        // What was pushed while hookd did not run is what it is for.
        self.reconcile.is_some()
    }
}

impl Git {
    async fn rounds(&self, poll: Poll<'_>) -> Result<Polled, Failure> {
        let mut round = 1;
        loop {
            match self.round(poll).await {
                // git's own words, which are English here: a ref was deleted since it was listed.
                Err(Failure::Other(cause)) if round < MAX_ROUNDS && cause.contains("couldn't find remote ref") => {}
                outcome => return outcome,
            }
            round += 1;
        }
    }

    async fn list(&self) -> Result<Listing, Failure> {
        let mut arguments = vec!["--symref".into(), "--".into(), self.commands.address().into()];
        arguments.extend(self.follow.listed().into_iter().map(Into::into));
        let call = Call {
            command: "ls-remote",
            arguments,
            folder: None,
            is_remote: true,
            input: Vec::new(),
            most: MAX_LISTING_BYTES,
            silence: Some(LISTING_SILENCE),
        };
        Ok(Listing::parse(&self.commands.run(call).await?, &self.follow))
    }

    async fn round(&self, poll: Poll<'_>) -> Result<Polled, Failure> {
        let mut listing = self.list().await?;
        if let (None, true, Some(head)) = (poll.positions, listing.refs.is_empty(), listing.head.take()) {
            // Of a repository in which nothing is followed yet, this is known: the first tag, or the first branch that a
            // pattern matches, does not tell all that was there before.
            listing.refs.insert("HEAD".to_owned(), head);
        }
        let none = BTreeMap::new();
        let at = poll.positions.map_or(&none, |positions| &positions.at);
        let mut complaints: Vec<String> = Vec::new();
        for full in self.follow.expected().filter(|full| !listing.refs.contains_key(*full)) {
            complaints.push(match full.strip_prefix("refs/heads/") {
                Some(branch) => format!("there is no branch `{branch}`"),
                None => format!("there is no ref `{full}`"),
            });
        }
        let mut gone: Vec<(String, Option<String>)> = Vec::new();
        let is_followed = |key: &&String| match self.follow {
            Follow::Head => !key.starts_with("since:"),
            Follow::Refs(_) => self.follow.matches(key),
        };
        if listing.refs.is_empty() && at.keys().any(|key| is_followed(&key)) {
            // More likely a repository that is being moved than one that was emptied; if they come back, nothing is
            // reported twice.
            if complaints.is_empty() {
                complaints.push("the repository has none of the refs that it had".to_owned());
            }
        } else {
            // Of those that are not listed nothing is known.
            for key in at.keys().filter(|key| self.follow.matches(key) && !listing.refs.contains_key(*key)) {
                gone.extend([(key.clone(), None), (since_key(key), None)]);
            }
        }
        let is_baseline = poll.positions.is_none();
        let has_moved = listing.refs.iter().any(|(key, one)| at.get(key) != Some(&one.peeled));
        let mut polled = Polled::default();
        if has_moved {
            polled = self.read(poll, &listing, at, is_baseline).await?;
        }
        polled.set.extend(gone);
        polled.error = (!complaints.is_empty()).then(|| complaints.join("; "));
        Ok(polled)
    }

    /// Fetches and reports. A work folder that turns out to be broken is made anew, once.
    async fn read(
        &self,
        poll: Poll<'_>,
        listing: &Listing,
        at: &BTreeMap<String, String>,
        is_baseline: bool,
    ) -> Result<Polled, Failure> {
        let folder = Folder::lock(&self.commands, &self.folder)?;
        match self.report(poll, &folder, listing, at, is_baseline).await {
            Err(Failure::Broken(cause)) => {
                tracing::warn!(poller = self.name, "the work folder is made anew: {cause}");
                folder.discard().await?;
                self.report(poll, &folder, listing, at, is_baseline).await
            }
            outcome => outcome,
        }
    }

    async fn report(
        &self,
        poll: Poll<'_>,
        folder: &Folder<'_>,
        listing: &Listing,
        at: &BTreeMap<String, String>,
        is_baseline: bool,
    ) -> Result<Polled, Failure> {
        let name_length = listing.refs.values().next().map_or(0, |one| one.object.len());
        folder.make(name_length).await?;
        let moved: Vec<&String> =
            listing.refs.iter().filter(|(key, one)| at.get(*key) != Some(&one.peeled)).map(|(key, _)| key).collect();
        self.fetch(folder, listing, &moved, at).await?;

        let names: Vec<String> = moved.iter().map(|key| new_ref(&local_name(key))).collect();
        let found = folder.commits(&names).await?;
        let heads: Vec<Head> = moved
            .iter()
            .zip(found)
            .map(|(key, commit)| Head { key: (*key).clone(), commit, listed: listing.refs[*key].peeled.clone() })
            .collect();
        if is_baseline {
            let set = heads.into_iter().map(|head| (head.key, Some(head.commit.unwrap_or(head.listed)))).collect();
            return Ok(Polled { set, ..Polled::default() });
        }
        let known = self.known(folder, &moved, at).await?;
        Report::new(self, poll, folder, at, known).of(heads).await
    }

    /// Fetches what is not here as it is there.
    async fn fetch(
        &self,
        folder: &Folder<'_>,
        listing: &Listing,
        moved: &[&String],
        at: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let refs = folder.refs().await?;
        let missing: Vec<(&[u8], String)> = listing
            .refs
            .iter()
            .map(|(key, one)| (one, new_ref(&local_name(key))))
            .filter(|(one, local)| refs.get(local) != Some(&one.object))
            .map(|(one, local)| (one.name.as_slice(), local))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        // What is stored must outlive the head that replaces it here, until the new position is stored as well.
        let stored: Vec<(String, String)> = moved
            .iter()
            .flat_map(|key| ids(at, key).enumerate().map(|(index, id)| (at_ref(&local_name(key), index), id)))
            .collect();
        let names: Vec<String> = stored.iter().map(|(_, id)| id.clone()).collect();
        let there = folder.commits(&names).await?;
        let kept = stored.into_iter().zip(there).filter_map(|((name, _), id)| Some((name, id?)));
        let listed = listing.refs.keys().chain(at.keys()).map(|key| new_ref(&local_name(key)));
        let mut change: BTreeMap<String, Option<String>> = refs.keys().map(|name| (name.clone(), None)).collect();
        listed.for_each(|name| drop(change.remove(&name)));
        for (name, id) in kept {
            match refs.get(&name) {
                Some(there) if *there == id => drop(change.remove(&name)),
                _ => drop(change.insert(name, Some(id))),
            }
        }
        folder.set_refs(&change).await?;
        folder.fetch(&missing).await?;
        folder.clean_up().await;
        Ok(())
    }

    /// All commits that positions name, as far as they are here. Of refs that have moved those that are missing are asked
    /// for: the remote may still have what no ref of it reaches.
    async fn known(
        &self,
        folder: &Folder<'_>,
        moved: &[&String],
        at: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Vec<String>>, Failure> {
        let keys: Vec<&String> = at.keys().filter(|key| !key.starts_with("since:")).collect();
        let all: Vec<(&String, String)> = keys.iter().flat_map(|key| ids(at, key).map(move |id| (*key, id))).collect();
        let names: Vec<String> = all.iter().map(|(_, id)| id.clone()).collect();
        let mut found = folder.commits(&names).await?;
        let mut asked = 0;
        for ((key, id), found) in all.iter().zip(&mut found) {
            if found.is_none() && moved.contains(key) && asked < MAX_ASKED_FOR {
                asked += 1;
                let local = at_ref(&local_name(key), asked);
                if folder.fetch(&[(id.as_bytes(), local)]).await.is_ok() {
                    *found = Some(id.clone());
                }
            }
        }
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((key, _), found) in all.into_iter().zip(found) {
            known.entry(key.clone()).or_default().extend(found);
        }
        Ok(known)
    }
}

/// The commits of a position.
fn ids(at: &BTreeMap<String, String>, key: &str) -> impl Iterator<Item = String> {
    at.get(key).into_iter().flat_map(|position| position.split(' ')).map(str::to_owned)
}

inventory::submit! { PollerType::new::<Options>("git", "Polls a git repository, or finds in one what its webhooks have not brought.") }
