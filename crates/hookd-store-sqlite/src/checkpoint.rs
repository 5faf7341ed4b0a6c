//! Writes the WAL back into the file, beside the writer and not in its way.
//!
//! A checkpoint within a commit holds up all that waits for it, for tens of milliseconds. So a thread of its own copies
//! what there is, and the writer then only the little that came meanwhile; with nothing left to copy, its next
//! transaction begins the WAL from the start again, which so stays small under any load. Searches that overlap without end
//! would keep it from that: beyond a size they are held back for a moment.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::OpenError;

/// With so many bytes in the WAL it is copied.
const CHECKPOINT_BYTES: usize = 8 << 20;

/// With so many pages in the WAL, of 4 KiB mostly, searches are held back until it is copied and emptied.
const MAX_WAL_PAGES: i64 = 16_384;

/// How long emptying the WAL waits for what reads from it otherwise, such as another process.
const EMPTY_TIMEOUT: Duration = Duration::from_millis(200);

/// How long it waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Checkpoints {
    /// How many bytes the writer has written since the WAL began.
    written: usize,
    begin: Option<SyncSender<()>>,
    /// Whether the thread has copied what there was when it began.
    has_copied: Arc<AtomicBool>,
    is_at_work: bool,
    /// Searches hold it while they have a snapshot.
    gate: Arc<RwLock<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, for the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened once more, or the thread not started.
    pub(crate) fn start(path: &Path, gate: Arc<RwLock<()>>) -> Result<Self, OpenError> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| OpenError::sqlite(path, source))?;
        let (begin, begins) = sync_channel(1);
        let has_copied = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&has_copied);
        let run = move || {
            for () in begins {
                let _ = copy(&connection);
                done.store(true, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("store-checkpoint".into()).spawn(run);
        let thread = thread.map_err(OpenError::Thread)?;
        Ok(Self { written: 0, begin: Some(begin), has_copied, is_at_work: false, gate, thread: Some(thread) })
    }

    /// Takes note of a commit of the writer, of about this many bytes.
    pub(crate) fn committed(&mut self, bytes: usize) {
        self.written += bytes;
        if !self.is_at_work && self.written >= CHECKPOINT_BYTES {
            self.is_at_work = self.begin.as_ref().is_some_and(|begin| begin.try_send(()).is_ok());
        }
    }

    /// Copies the rest, where the thread is done. The writer calls it when it has answered.
    pub(crate) fn finish(&mut self, connection: &Connection) {
        if self.is_at_work && self.has_copied.swap(false, Ordering::Acquire) {
            if copy(connection) > MAX_WAL_PAGES {
                let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
                empty(connection);
            }
            self.is_at_work = false;
            self.written = 0;
        }
    }

    /// Ends the thread when it has copied what it was asked to.
    pub(crate) fn stop(&mut self) {
        self.begin.take();
        if let Some(thread) = self.thread.take() {
            // One that panicked has copied nothing, which the next start does.
            let _ = thread.join();
        }
    }
}

/// Copies what can be copied without waiting for a reader. What fails is tried again with the next one; a full disk is
/// reported by the commit that meets it. Returns how many pages are in the WAL.
fn copy(connection: &Connection) -> i64 {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1));
    copied.unwrap_or_else(|error| {
        tracing::debug!("the WAL was not written back: {error}");
        0
    })
}

/// Copies the WAL and empties it, while no search has a snapshot.
fn empty(connection: &Connection) {
    let emptied = (|| {
        let before: i64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
        connection.busy_timeout(EMPTY_TIMEOUT)?;
        let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        connection.busy_timeout(Duration::from_millis(u64::try_from(before).unwrap_or(0)))?;
        result
    })();
    if let Err(error) = emptied {
        tracing::debug!("the WAL was not emptied: {error}");
    }
}
