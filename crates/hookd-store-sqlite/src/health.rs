//! Whether the store works, as its writer sees it: one log line when it begins to fail and one when it works again, however
//! many webhooks come in between.
//!
//! Nothing is written to a file that was found damaged, until hookd is started again; nothing is written to a file that was
//! moved away.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use rustix::fs::{AtFlags, StatxFlags};

use crate::error::Failure;
use crate::{Fault, paths};

/// How long a transaction waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long it waits while the store fails anyway: those behind it in the queue have waited already.
const FAILING_BUSY_TIMEOUT: Duration = Duration::from_millis(100);

/// How long a cause is not reported again, and no other one within an outage. Where a small webhook still fits onto the
/// disk and a large one does not, each of them would begin or end an outage. An outage that began within the interval is
/// reported when it outlasts it: the last line must not say that the store works.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Health {
    database: WatchedFile,
    wal: WatchedFile,
    /// The cause that was reported last, and when.
    reported: Option<(String, Instant)>,
    outage: Option<Outage>,
}

/// A time in which every transaction failed.
struct Outage {
    since: Instant,
    /// Writes that were refused.
    writes: u64,
    /// Whether its begin was reported, so that its end is as well.
    is_reported: bool,
    /// What was found damaged.
    damage: Option<Failure>,
}

/// A file that must stay where it is.
struct WatchedFile {
    path: PathBuf,
    /// Device and inode, once it was there.
    identity: Option<(u64, u64)>,
}

impl Health {
    pub(crate) fn new(path: &Path) -> Self {
        let watched = |path: PathBuf| WatchedFile { identity: identity(&path), path };
        Self { database: watched(path.to_owned()), wal: watched(paths::wal(path)), reported: None, outage: None }
    }

    /// Whether the last transaction failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.outage.is_some()
    }

    /// How long a transaction may wait for a lock.
    pub(crate) fn busy_timeout(&self) -> Duration {
        if self.is_failing() { FAILING_BUSY_TIMEOUT } else { BUSY_TIMEOUT }
    }

    /// Whether a transaction may be tried.
    ///
    /// # Errors
    /// Why it would fail, or do harm.
    pub(crate) fn permit(&mut self) -> Result<(), Failure> {
        if let Some(damage) = self.outage.as_ref().and_then(|outage| outage.damage.clone()) {
            return Err(damage);
        }
        self.database.is_in_place()?;
        self.wal.is_in_place()
    }

    /// A transaction was committed.
    pub(crate) fn committed(&mut self) {
        if let Some(Outage { since, writes, is_reported: true, .. }) = self.outage.take() {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(store = %self.database.path.display(), refused = writes, seconds, "the store works again");
        }
    }

    /// A transaction of so many writes failed.
    pub(crate) fn failed(&mut self, failure: &Failure, writes: usize) {
        let is_new = self.outage.is_none();
        let outage = self.outage.get_or_insert_with(|| Outage {
            since: Instant::now(),
            writes: 0,
            is_reported: false,
            damage: None,
        });
        outage.writes += writes as u64;
        let (fault, cause) = match failure {
            Failure::Sqlite { fault, message } => (*fault, message.clone()),
            other @ (Failure::Damaged(_) | Failure::GivenUp(_)) => (Fault::Other, other.to_string()),
        };
        if fault == Fault::Damaged {
            outage.damage.get_or_insert_with(|| failure.clone());
        }
        let is_due = match &self.reported {
            Some((last, when)) => {
                let is_other = *last != cause;
                (!outage.is_reported || is_other) && when.elapsed() >= REPORT_INTERVAL || is_new && is_other
            }
            None => true,
        };
        if !is_due {
            return;
        }
        outage.is_reported = true;
        let fault = fault.examined(&[&self.database.path, &self.wal.path]);
        tracing::error!(
            store = %self.database.path.display(),
            cause,
            remedy = fault.remedy_while_open(),
            "the store fails, {fault}: webhooks are answered with 503 until it works"
        );
        self.reported = Some((cause, Instant::now()));
    }
}

impl WatchedFile {
    /// Looks whether it still is where it was.
    fn is_in_place(&mut self) -> Result<(), Failure> {
        let found = identity(&self.path);
        match (self.identity, found) {
            (None, found) => self.identity = found,
            (Some(known), Some(found)) if known == found => {}
            (Some(_), _) => {
                let message = format!("`{}` is not the file that hookd has opened", self.path.display());
                return Err(Failure::Sqlite { fault: Fault::Gone, message });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        Failure::Sqlite { fault: Fault::Full, message: message.to_owned() }
    }

    fn is_reported(health: &mut Health, message: &str) -> bool {
        let before = health.reported.as_ref().map(|(_, when)| *when);
        health.failed(&failure(message), 1);
        health.reported.as_ref().map(|(_, when)| *when) != before
    }

    #[test]
    fn a_cause_is_reported_once_however_often_it_fails_and_works_between() {
        let folder = tempfile::tempdir().unwrap();
        let mut health = Health::new(&folder.path().join("hookd.db"));
        assert!(is_reported(&mut health, "full"));
        assert!(!is_reported(&mut health, "full"));
        assert!(!is_reported(&mut health, "another"), "not within the same outage");
        health.committed();
        assert!(!is_reported(&mut health, "full"), "a small write fits, a large one does not");
        health.committed();
        assert!(is_reported(&mut health, "another"), "an outage of its own");
        health.reported.as_mut().unwrap().1 = Instant::now().checked_sub(REPORT_INTERVAL).unwrap();
        assert!(!is_reported(&mut health, "another"), "an outage that goes on is not reported again");
        assert!(is_reported(&mut health, "full"), "a new cause is, after a while");
        health.committed();
        assert!(health.outage.is_none());
    }

    #[test]
    fn an_outage_that_began_soon_after_the_last_one_is_reported_once_when_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let mut health = Health::new(&folder.path().join("hookd.db"));
        let later = |health: &mut Health| {
            health.reported.as_mut().unwrap().1 = Instant::now().checked_sub(REPORT_INTERVAL).unwrap();
        };
        assert!(is_reported(&mut health, "full"));
        health.committed();
        assert!(!is_reported(&mut health, "full"));
        later(&mut health);
        assert!(is_reported(&mut health, "full"), "the last line said that the store works");
        later(&mut health);
        assert!(!is_reported(&mut health, "full"), "an outage is reported once");
    }
}
