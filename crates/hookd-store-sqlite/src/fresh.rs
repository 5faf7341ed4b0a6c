//! The changes that were committed last, in memory while somebody reads onward.
//!
//! A sink that keeps up reads what was written milliseconds ago: taking that from memory, rather than decompressing its block
//! and building each change anew, saves half of what reading costs. Nothing depends on it; whatever is not here is in the
//! file.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hookd_core::{Change, ChangeList};
use hookd_store::{LoggedChange, NewState, Receipt, Timestamp, hookd_id};

use hookd_store::engine::Job;

/// How many changes are kept.
const MAX_CHANGES: usize = 1024;

/// How many bytes their texts take at most.
const MAX_BYTES: usize = 2 << 20;

/// After so many commits without a reader none are kept any more.
const MAX_UNREAD_COMMITS: u32 = 1024;

/// The newest changes.
pub(crate) struct Fresh {
    instance: String,
    changes: Mutex<Changes>,
    /// How many commits there were since somebody read on.
    unread_commits: AtomicU32,
}

#[derive(Default)]
struct Changes {
    /// Without gaps, up to the newest one, each with the bytes of its texts.
    changes: VecDeque<(Arc<LoggedChange>, usize)>,
    bytes: usize,
}

impl Fresh {
    pub(crate) fn new(instance: String) -> Self {
        Self { instance, changes: Mutex::default(), unread_commits: AtomicU32::new(MAX_UNREAD_COMMITS) }
    }

    /// The changes after this one, at most so many; `None` where not all of them are here.
    pub(crate) fn read_on(&self, after: i64, most: usize) -> Option<Vec<Arc<LoggedChange>>> {
        self.unread_commits.store(0, Ordering::Relaxed);
        let changes = self.lock();
        let first = changes.changes.front()?.0.changeid;
        let skipped = usize::try_from(after + 1 - first).ok()?;
        let read: Vec<_> = changes.changes.iter().skip(skipped).take(most).map(|(one, _)| Arc::clone(one)).collect();
        Some(read).filter(|read| !read.is_empty())
    }

    /// Takes the changes of a batch that was committed, of which the first has this number. Nobody needs them in the jobs any
    /// more.
    pub(crate) fn add(&self, batch: &mut [Job], first_changeid: i64) {
        // Only the writer adds, so that nothing is lost between these two.
        let unread = self.unread_commits.load(Ordering::Relaxed);
        if unread >= MAX_UNREAD_COMMITS {
            self.lock().clear();
            return;
        }
        self.unread_commits.fetch_add(1, Ordering::Relaxed);
        let mut changes = self.lock();
        if changes.next().is_some_and(|next| next != first_changeid) {
            changes.clear();
        }
        let mut changeid = first_changeid;
        let mut dialect: Arc<str> = Arc::from("");
        for job in batch.iter_mut() {
            let Job::Append(delivery, _, promise) = job else { continue };
            let Some(Receipt { deliveryid, is_duplicate: false, .. }) = promise.get() else { continue };
            let NewState::Accepted(new) = &mut delivery.state else { continue };
            if *dialect != *delivery.dialect {
                dialect = Arc::from(delivery.dialect.as_str());
            }
            for change in std::mem::take(new) {
                let change = self.logged(changeid, *deliveryid, delivery.received_at, &dialect, change);
                changes.push(change);
                changeid += 1;
            }
        }
        // The changes of what was completed come behind those of what was received, and are not here.
        if batch.iter().any(|job| matches!(job, Job::Complete(_, promise) if promise.get() == Some(&true))) {
            changes.clear();
        }
    }

    /// Forgets all of them: some may have expired.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn logged(
        &self,
        changeid: i64,
        deliveryid: i64,
        received_at: Timestamp,
        dialect: &Arc<str>,
        mut change: Change,
    ) -> LoggedChange {
        change.when_timestamp.get_or_insert(received_at.as_seconds());
        let hookd_id = hookd_id(&self.instance, changeid, received_at);
        LoggedChange { changeid, deliveryid, received_at, dialect: Arc::clone(dialect), hookd_id, change }
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// The number that comes next, where there is a last one.
    fn next(&self) -> Option<i64> {
        self.changes.back().map(|(last, _)| last.changeid + 1)
    }

    fn push(&mut self, change: LoggedChange) {
        let bytes = ChangeList::bytes(std::slice::from_ref(&change.change));
        self.bytes += bytes;
        self.changes.push_back((Arc::new(change), bytes));
        while self.changes.len() > MAX_CHANGES || self.bytes > MAX_BYTES {
            let Some((_, bytes)) = self.changes.pop_front() else { break };
            self.bytes -= bytes;
        }
    }

    fn clear(&mut self) {
        self.changes.clear();
        self.bytes = 0;
    }
}
