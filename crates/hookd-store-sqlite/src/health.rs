//! Whether the store works, as its writer sees it: one line in the log when it begins to fail and one when it works
//! again, however many webhooks come in between.
//!
//! What holds here: nothing is written to a file that was found damaged, until hookd is started again; nothing is
//! written to a file that nobody can find any more.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::fs::{AtFlags, StatxFlags};

use crate::{Fault, StoreError};

/// How long a transaction waits for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits while the store fails anyway: those behind it in the queue have waited already.
const NO_PATIENCE: Duration = Duration::from_millis(100);

/// How long a cause is not told again: where a little fits yet, and a lot does not, each webhook would be an outage.
const QUIET: Duration = Duration::from_secs(60);

pub(super) struct Health {
    database: Watched,
    log: Watched,
    /// When each cause was told last.
    told: HashMap<String, Instant>,
    outage: Option<Outage>,
}

/// A time in which every transaction failed.
struct Outage {
    since: Instant,
    /// Writes that were refused.
    writes: u64,
    /// The causes that were told in this outage.
    told: HashSet<String>,
    /// What was found damaged.
    damage: Option<StoreError>,
}

/// A file that must stay where it is.
struct Watched {
    path: PathBuf,
    /// Device and inode, once it was there.
    identity: Option<(u64, u64)>,
}

impl Health {
    pub(super) fn new(path: &Path) -> Self {
        let watched = |path: PathBuf| Watched { identity: identity(&path), path };
        Self {
            database: watched(path.to_owned()),
            log: watched(super::beside(path, "-wal")),
            told: HashMap::new(),
            outage: None,
        }
    }

    /// Whether the last transaction failed.
    pub(super) fn is_failing(&self) -> bool {
        self.outage.is_some()
    }

    /// How long a transaction may wait for a lock.
    pub(super) fn patience(&self) -> Duration {
        if self.is_failing() { NO_PATIENCE } else { PATIENCE }
    }

    /// Whether a transaction may be tried.
    ///
    /// # Errors
    /// Why it would be in vain, or do harm.
    pub(super) fn permit(&mut self) -> Result<(), StoreError> {
        if let Some(damage) = self.outage.as_ref().and_then(|outage| outage.damage.clone()) {
            return Err(damage);
        }
        self.database.is_in_place()?;
        self.log.is_in_place()
    }

    /// A transaction was committed.
    pub(super) fn committed(&mut self) {
        if let Some(Outage { since, writes, told, .. }) = self.outage.take()
            && !told.is_empty()
        {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(store = %self.database.path.display(), refused = writes, seconds, "the store works again");
        }
    }

    /// A transaction of so many writes failed.
    pub(super) fn failed(&mut self, error: &StoreError, writes: usize) {
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: Instant::now(),
            writes: 0,
            told: HashSet::new(),
            damage: None,
        });
        outage.writes += writes as u64;
        let (fault, cause) = match error {
            StoreError::Fault { fault, message } => (*fault, message.clone()),
            other => (Fault::Other, other.to_string()),
        };
        if fault == Fault::Damaged {
            outage.damage.get_or_insert_with(|| error.clone());
        }
        let is_quiet = self.told.get(&cause).is_some_and(|told| told.elapsed() < QUIET);
        if is_quiet || outage.told.contains(&cause) {
            return;
        }
        let fault = fault.looked_at(&[&self.database.path, &self.log.path]);
        tracing::error!(
            store = %self.database.path.display(),
            cause,
            remedy = fault.remedy(),
            "the store fails, {fault}: webhooks are answered with 503 until it works"
        );
        outage.told.insert(cause.clone());
        self.told.insert(cause, Instant::now());
    }
}

impl Watched {
    /// Looks whether it still is where it was.
    fn is_in_place(&mut self) -> Result<(), StoreError> {
        let found = identity(&self.path);
        match (self.identity, found) {
            (None, found) => self.identity = found,
            (Some(known), Some(found)) if known == found => {}
            (Some(_), _) => {
                let message = format!("`{}` is not the file that hookd has opened", self.path.display());
                return Err(StoreError::Fault { fault: Fault::Gone, message });
            }
        }
        Ok(())
    }
}

/// Device and inode of a file; `None` where there is none.
///
/// It is asked for nothing else: where the kernel is asked for the times of a file, the next write has to set them
/// anew, and the next `fdatasync` then writes the inode as well (Linux from 6.13 on, with its fine-grained times).
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(target_os = "linux")]
    if let Ok(file) = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::INO) {
        return Some((rustix::fs::makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino));
    }
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
