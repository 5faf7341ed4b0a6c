//! Writes the WAL back into the file, beside the writer and not in its way.
//!
//! A checkpoint within a commit holds up all that waits for it, for tens of milliseconds. So a thread of its own copies
//! what there is, and the writer then only the little that came meanwhile; with nothing left to copy, its next
//! transaction begins the WAL from the start again, which so stays small under any load.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::OpenError;

/// With so many bytes in the WAL it is copied.
const CHECKPOINT_BYTES: usize = 8 << 20;

/// How long it waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Checkpoints {
    /// How many bytes the writer has written since the WAL began.
    written: usize,
    begin: Option<SyncSender<()>>,
    /// Whether the thread has copied what there was when it began.
    has_copied: Arc<AtomicBool>,
    is_at_work: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, for the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened once more, or the thread not started.
    pub(crate) fn start(path: &Path) -> Result<Self, OpenError> {
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
                copy(&connection);
                done.store(true, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("store-checkpoint".into()).spawn(run);
        let thread = thread.map_err(OpenError::Thread)?;
        Ok(Self { written: 0, begin: Some(begin), has_copied, is_at_work: false, thread: Some(thread) })
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
            copy(connection);
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
/// reported by the commit that meets it.
fn copy(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::debug!("the WAL was not written back: {error}");
    }
}
