//! The store in one SQLite file: one writer thread, any number of readers, WAL, `synchronous=FULL`.

pub mod care;
mod checkpoint;
mod health;
mod intake;
mod job;
mod log;
mod overload;
mod reader;
mod retention;
mod runs;
mod schema;
mod tail;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::keys::Tail;
use crate::{
    ChangeRecord, Completion, DeliveryRecord, Due, Expiry, NewDelivery, Observer, OpenError, Page, Query, Receipt,
    Reply, Store, StoreError, StoredRequest,
};
use checkpoint::Checkpoints;
use health::Health;
use job::Job;
use overload::Overload;
use reader::Readers;
use writer::{Watch, Writer};

/// How many writes may wait; more are refused with [`StoreError::Overloaded`].
const QUEUE: usize = 4096;

/// The store in one SQLite file.
pub struct SqliteStore {
    jobs: Mutex<Option<SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
    path: PathBuf,
    /// Writes that were queued and are not stored yet.
    queued: Arc<AtomicUsize>,
    overload: Arc<Overload>,
    /// Held as long as the store is open, so that no second hookd writes to the same file.
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_watched(path, Arc::new(()))
    }

    /// The same, watched by `observer`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_watched(path: &Path, observer: Arc<dyn Observer>) -> Result<Self, OpenError> {
        let lock = locked(path)?;
        keep_damaged_log(path)?;
        let sqlite = |source| OpenError::sqlite(path, source);
        let mut connection = rusqlite::Connection::open(path).map_err(sqlite)?;
        // SQLite opens what it may not write all the same, and then would never write, whatever becomes of the file.
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
            return Err(OpenError::ReadOnly { path: path.to_owned() });
        }
        schema::prepare(&mut connection, path)?;
        let tail = Arc::new(Tail::default());
        let readers = Readers::new(path.to_owned(), schema::instance(&connection).map_err(sqlite)?, Arc::clone(&tail));
        let queued = Arc::new(AtomicUsize::new(0));
        let checkpoints = Checkpoints::start(path).map_err(sqlite)?;
        let overload = Arc::<Overload>::default();
        let watch =
            Watch { health: Health::new(path), queued: Arc::clone(&queued), overload: Arc::clone(&overload), observer };
        let (sender, jobs) = sync_channel(QUEUE);
        let writer = Writer::new(connection, checkpoints, tail, watch, jobs)
            .map_err(|source| OpenError::Broken { path: path.to_owned(), source })?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)?;
        let (jobs, writer) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { jobs, writer, readers, path: path.to_owned(), queued, overload, _lock: lock })
    }

    fn queue<T>(&self, job: impl FnOnce(job::Sender<T>) -> Job) -> Reply<T> {
        let (sender, reply) = Reply::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(jobs) = jobs.as_ref() else { return Reply::failed(StoreError::Closed) };
        // Before it is sent, since the writer may be done with it at once.
        self.queued.fetch_add(1, Ordering::Relaxed);
        let error = match jobs.try_send(job(sender)) {
            Ok(()) => return reply,
            Err(TrySendError::Full(_)) => {
                self.overload.refused(QUEUE);
                StoreError::Overloaded
            }
            Err(TrySendError::Disconnected(_)) => StoreError::Closed,
        };
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Reply::failed(error)
    }
}

impl Store for SqliteStore {
    fn submit(&self, delivery: NewDelivery) -> Reply<Receipt> {
        self.queue(|sender| Job::Submit(Box::new(delivery), sender))
    }

    fn complete(&self, completion: Completion) -> Reply<bool> {
        self.queue(|sender| Job::Complete(Box::new(completion), sender))
    }

    fn postpone(&self, due: Due) -> Reply<()> {
        self.queue(|sender| Job::Postpone(due, sender))
    }

    fn expire(&self, expiry: Expiry) -> Reply<u64> {
        self.queue(|sender| Job::Expire(expiry, sender))
    }

    fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.readers.pending()
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.readers.request(deliveryid)
    }

    fn changes(&self, query: &Query) -> Result<Page<ChangeRecord>, StoreError> {
        self.readers.changes(query)
    }

    fn deliveries(&self, query: &Query) -> Result<Page<DeliveryRecord>, StoreError> {
        self.readers.deliveries(query)
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    fn size(&self) -> u64 {
        size_of(&self.path)
    }

    fn probe(&self) -> Reply<()> {
        self.queue(Job::Probe)
    }

    fn close(&self) {
        // The last connection to close writes the log back into the file, and must be the writer's to do so.
        self.readers.close();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has answered its callers by dropping their replies.
            let _ = writer.join();
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Keeps a copy of the log of SQLite where something that was acknowledged cannot be read from it, and says so. What
/// comes now is taken all the same: to lose that as well would help nobody.
fn keep_damaged_log(path: &Path) -> Result<(), OpenError> {
    let log = wal::log_of(path);
    let failed = |source| OpenError::Log { path: log.clone(), source };
    if let Some(damage) = wal::damage(path).map_err(failed)? {
        let kept = wal::keep(path).map_err(failed)?;
        tracing::error!(
            log = %log.display(),
            kept = %kept.display(),
            "the log of the store is damaged: {damage}; webhooks that were acknowledged are missing, have the forges send \
             them again"
        );
    }
    Ok(())
}

/// How many bytes the database takes with its log.
fn size_of(path: &Path) -> u64 {
    let wal = wal::log_of(path);
    [path, &wal].into_iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum()
}

/// A file that belongs to the database: its path with something added.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A lock on a file beside the database, which goes with the process however it ends.
fn locked(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, ".lock");
    let lock = File::create(&lock_path).map_err(|source| OpenError::Lock { path: lock_path.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Lock { path: lock_path, source }),
    }
}
