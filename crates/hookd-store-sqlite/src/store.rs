//! The store: its writer, its reader, and the contract that they fulfil together.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use hookd_store::{
    Browse, Completion, Cursor, CursorMove, Due, Expired, Expiry, IdentityKey, Log, LoggedChange, Moved, NewDelivery,
    Observer, PositionMove, Positions, Receipt, Reply, Store, StoreError,
};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::checkpoint::Checkpoints;
use crate::error::Failure;
use crate::fresh::Fresh;
use crate::health::Health;
use crate::index::RecentKeys;
use crate::packer::Numbers;
use crate::paths::StoreLock;
use crate::reader::{Indexes, Reader};
use crate::texts::OpenSegment;
use crate::writer::{Monitor, Writer};
use crate::{Fault, OpenError, onward, paths, schema, wal};
use hookd_store::engine::Overload;
use hookd_store::engine::{Job, Promise};

/// How many writes may wait; more are refused with [`StoreError::Overloaded`].
pub(crate) const MAX_QUEUED_WRITES: usize = 4096;

/// The store in one SQLite file.
pub struct SqliteStore {
    jobs: Mutex<Option<SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    reader: Reader,
    identity_key: IdentityKey,
    path: PathBuf,
    tail: watch::Receiver<i64>,
    /// Writes that were queued and are not stored yet.
    queued: Arc<AtomicUsize>,
    overload: Arc<Overload>,
    _lock: StoreLock,
}

impl SqliteStore {
    /// Opens the file, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_observed(path, Arc::new(()))
    }

    /// The same, with an observer of its transactions.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_observed(path: &Path, observer: Arc<dyn Observer>) -> Result<Self, OpenError> {
        let lock = paths::lock(path)?;
        keep_damaged_wal(path)?;
        let sqlite = |source| OpenError::sqlite(path, source);
        let mut connection = Connection::open(path).map_err(sqlite)?;
        // SQLite opens what it may not write all the same, and then would never write, whatever becomes of the file.
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
            return Err(OpenError::Faulty { path: path.to_owned(), fault: Fault::ReadOnly });
        }
        schema::prepare(&mut connection, path)?;
        schema::refuse_unfinished(&connection, path)?;
        let instance = schema::instance(&connection).map_err(sqlite)?;
        let identity_key = schema::identity_key(&connection).map_err(sqlite)?;
        let next = Numbers::read(&connection).map_err(sqlite)?;
        let broken = |failure: Failure| OpenError::Broken { path: path.to_owned(), source: failure.into() };
        let open_segment = Arc::new(OpenSegment::read(&connection, next).map_err(broken)?);
        let (tail_sender, tail) = watch::channel(next.changeid - 1);
        let recent_keys = Arc::new(RecentKeys::default());
        let gate = Arc::<RwLock<()>>::default();
        let fresh = Arc::new(Fresh::new(instance.clone()));
        let indexes = Indexes { recent_keys, open_segment, fresh };
        let reader = Reader::new(path.to_owned(), instance, indexes.clone(), Arc::clone(&gate));
        let queued = Arc::new(AtomicUsize::new(0));
        let overload = Arc::<Overload>::default();
        let monitor = Monitor {
            health: Health::new(path),
            queued: Arc::clone(&queued),
            overload: Arc::clone(&overload),
            observer,
        };
        let checkpoints = Checkpoints::start(path, gate)?;
        let (sender, jobs) = sync_channel(MAX_QUEUED_WRITES);
        let writer = Writer::new(connection, checkpoints, indexes, next, tail_sender, monitor, jobs).map_err(broken)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)?;
        let (jobs, writer) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { jobs, writer, reader, identity_key, path: path.to_owned(), tail, queued, overload, _lock: lock })
    }

    fn queue<T>(&self, job: impl FnOnce(Promise<T>) -> Job) -> Reply<T> {
        let (sender, reply) = Reply::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(jobs) = jobs.as_ref() else { return Reply::failed(StoreError::Closed) };
        // Before it is sent, since the writer may be done with it at once.
        self.queued.fetch_add(1, Ordering::Relaxed);
        let error = match jobs.try_send(job(Promise::new(sender))) {
            Ok(()) => return reply,
            Err(TrySendError::Full(_)) => {
                self.overload.refused(MAX_QUEUED_WRITES);
                StoreError::Overloaded
            }
            Err(TrySendError::Disconnected(_)) => StoreError::Closed,
        };
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Reply::failed(error)
    }
}

impl Log for SqliteStore {
    fn append(&self, delivery: NewDelivery) -> Reply<Receipt> {
        match delivery.validate() {
            Ok(()) => {
                let identity = self.identity_key.identity(&delivery);
                self.queue(|promise| Job::Append(Box::new(delivery), identity, promise))
            }
            Err(error) => Reply::failed(error),
        }
    }

    fn complete(&self, completion: Completion) -> Reply<bool> {
        match completion.validate() {
            Ok(()) => self.queue(|promise| Job::Complete(Box::new(completion), promise)),
            Err(error) => Reply::failed(error),
        }
    }

    fn postpone(&self, due: Due) -> Reply<()> {
        self.queue(|promise| Job::Postpone(Box::new(due), promise))
    }

    fn expire(&self, expiry: Expiry) -> Reply<Expired> {
        self.queue(|promise| Job::Expire(Box::new(expiry), promise))
    }

    fn move_positions(&self, positions: PositionMove) -> Reply<()> {
        match positions.validate() {
            Ok(()) => self.queue(|promise| Job::MovePositions(positions, promise)),
            Err(error) => Reply::failed(error),
        }
    }

    fn positions(&self, poller: &str) -> Result<Option<Positions>, StoreError> {
        self.reader.positions(poller)
    }

    fn pollers(&self) -> Result<Vec<String>, StoreError> {
        self.reader.pollers()
    }

    fn move_cursors(&self, moves: Vec<CursorMove>) -> Reply<Vec<Moved>> {
        match moves.iter().try_for_each(CursorMove::validate) {
            Ok(()) => self.queue(|promise| Job::MoveCursors(moves, promise)),
            Err(error) => Reply::failed(error),
        }
    }

    fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        self.reader.cursors()
    }

    fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.reader.pending_after(0, usize::MAX)
    }

    fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError> {
        self.reader.pending_after(after, most)
    }

    fn pending_count(&self) -> Result<usize, StoreError> {
        self.reader.pending_count()
    }

    fn read_on(&self, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError> {
        // What is newer may be committed already; whoever waits for it is woken.
        if most == 0 || after >= *self.tail.borrow() {
            return Ok(Vec::new());
        }
        self.reader.read_on(after, most.min(onward::MAX_CHANGES_AT_ONCE))
    }

    fn read_on_from_memory(&self, after: i64, most: usize) -> Option<Vec<Arc<LoggedChange>>> {
        self.reader.read_on_from_memory(after, most)
    }

    fn tail(&self) -> watch::Receiver<i64> {
        self.tail.clone()
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    fn size(&self) -> u64 {
        paths::size(&self.path)
    }

    fn probe(&self) -> Reply<()> {
        self.queue(Job::Probe)
    }

    fn close(&self) {
        // The last connection to close writes the WAL back into the file, and must be the writer's to do so.
        self.reader.close();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has answered its callers by dropping their replies.
            let _ = writer.join();
        }
    }
}

impl Store for SqliteStore {
    fn reader(&self) -> &dyn Browse {
        &self.reader
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Keeps a copy of the WAL where something that was acknowledged cannot be read from it, and says so. What is sent from
/// now on is stored all the same: to lose that as well would help nobody.
fn keep_damaged_wal(path: &Path) -> Result<(), OpenError> {
    let wal = paths::wal(path);
    let failed = |source| OpenError::Wal { path: wal.clone(), source };
    if let Some(damage) = wal::damage(path).map_err(failed)? {
        let kept = wal::keep(path).map_err(failed)?;
        tracing::error!(
            wal = %wal.display(),
            kept = %kept.display(),
            "the WAL of the store is damaged: {damage}; webhooks that were acknowledged are missing, have the forges send \
             them again"
        );
    }
    Ok(())
}
