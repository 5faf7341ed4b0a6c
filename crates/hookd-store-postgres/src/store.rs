//! The store: its writer, its reader, and the contract that they fulfil together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookd_store::engine::{Job, Overload, Promise};
use hookd_store::{
    Browse, Completion, Cursor, CursorMove, Due, Expired, Expiry, IdentityKey, Leadership, Log, LoggedChange, Moved,
    NewDelivery, Observer, Part, PositionMove, Positions, Receipt, Reply, Store, StoreError,
};
use tokio::sync::{mpsc, watch};

use crate::error::Failure;
use crate::health::Health;
use crate::leases::Leases;
use crate::pool::Pool;
use crate::reader::{Reader, rows};
use crate::replica::Replica;
use crate::schema::{self, Facts};
use crate::session::Connector;
use crate::threads::Threads;
use crate::writer::{Monitor, Writer};
use crate::{OpenError, Options, cursors, leases, notices, pending, positions};

/// How many writes may wait; more are refused with [`StoreError::Overloaded`].
const MAX_QUEUED_WRITES: usize = 4096;

/// How many changes one read gives at most.
const MAX_CHANGES_AT_ONCE: usize = 4096;

/// How often the size of the tables is asked for.
const SIZE_INTERVAL: Duration = Duration::from_secs(30);

/// The size of all tables, with their indexes.
const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::int8 FROM pg_class \
    JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'hookd' AND relkind = 'r'";

/// The store in the tables of a PostgreSQL database.
pub struct PostgresStore {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    /// Ends when the writer has ended.
    writer: Mutex<Option<Receiver<()>>>,
    reader: Reader,
    identity_key: IdentityKey,
    /// The hookd that this process is among those that share the log.
    replica: i64,
    tail: watch::Receiver<i64>,
    handovers: watch::Receiver<u64>,
    leases: Arc<Leases>,
    /// Writes that were queued and are not stored yet.
    queued: Arc<AtomicUsize>,
    overload: Arc<Overload>,
    size: Arc<AtomicU64>,
    /// Last, since all else runs on them.
    threads: Threads,
}

impl PostgresStore {
    /// Connects, makes the tables where there are none or brings them up to date, and joins those that share the log.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: Options) -> Result<Self, OpenError> {
        Self::open_observed(options, Arc::new(()))
    }

    /// The same, with an observer of its transactions.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_observed(options: Options, observer: Arc<dyn Observer>) -> Result<Self, OpenError> {
        let threads = Threads::start()?;
        let Opened { connector, facts, writer, sender, leases, replica, queued, overload } =
            threads.wait(open(options, observer))?;
        let (tail, handovers, heard) = (writer.tail(), writer.handovers(), writer.heard());
        let (ended, writer_ended) = sync_channel(1);
        threads.handle().spawn(async move {
            writer.run().await;
            drop(ended);
        });
        let size = Arc::<AtomicU64>::default();
        threads.handle().spawn(notices::listen(connector.clone(), replica, heard));
        threads.handle().spawn(watch_size(connector.clone(), Arc::clone(&size)));
        let identity_key = facts.identity_key;
        let reader = Reader::new(Pool::new(threads.handle().clone(), connector), facts.instance, Some(replica));
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer_ended)),
            reader,
            identity_key,
            replica,
            tail,
            handovers,
            leases,
            queued,
            overload,
            size,
            threads,
        })
    }

    /// Ends at once, as a kill of the process would: what waits is neither written nor answered, the lease stays. For tests.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.threads.end();
    }

    fn queue<T>(&self, job: impl FnOnce(Promise<T>) -> Job) -> Reply<T> {
        let (sender, reply) = Reply::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(jobs) = jobs.as_ref() else { return Reply::failed(StoreError::Closed) };
        // Before it is sent, since the writer may be done with it at once.
        self.queued.fetch_add(1, Ordering::Relaxed);
        let error = match jobs.try_send(job(Promise::new(sender))) {
            Ok(()) => return reply,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overload.refused(MAX_QUEUED_WRITES);
                StoreError::Overloaded
            }
            Err(mpsc::error::TrySendError::Closed(_)) => StoreError::Closed,
        };
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Reply::failed(error)
    }
}

/// What a store is made of once it is open.
struct Opened {
    connector: Connector,
    facts: Facts,
    writer: Writer,
    sender: mpsc::Sender<Job>,
    leases: Arc<Leases>,
    replica: i64,
    queued: Arc<AtomicUsize>,
    overload: Arc<Overload>,
}

async fn open(options: Options, observer: Arc<dyn Observer>) -> Result<Opened, OpenError> {
    let leases = Arc::new(Leases::new(options.lease));
    let connector = Connector::new(options)?;
    let unavailable = |failure: Failure| connector.unavailable(&failure);
    let client = connector.connect().await.map_err(unavailable)?;
    schema::prepare(&connector, &client).await?;
    schema::refuse_unfinished(&connector, &client).await?;
    let facts = schema::facts(&client).await.map_err(unavailable)?;
    let (queued, overload) = (Arc::<AtomicUsize>::default(), Arc::<Overload>::default());
    let monitor = Monitor {
        health: Health::new(connector.options().place()),
        queued: Arc::clone(&queued),
        overload: Arc::clone(&overload),
        observer,
    };
    let (sender, jobs) = mpsc::channel(MAX_QUEUED_WRITES);
    let replica = Replica::new();
    let id = replica.id;
    let instance = facts.instance.clone();
    let joined =
        Writer::open(connector.clone(), Arc::clone(&client), jobs, instance, replica, Arc::clone(&leases), monitor)
            .await;
    // A copy may have begun before this hookd had joined; afterwards none does.
    schema::refuse_unfinished(&connector, &client).await?;
    let writer = joined?;
    Ok(Opened { connector, facts, writer, sender, leases, replica: id, queued, overload })
}

/// Keeps the size up to date, as well as it can.
async fn watch_size(connector: Connector, size: Arc<AtomicU64>) {
    loop {
        if let Ok(client) = connector.connect().await {
            while let Ok(row) = client.query_typed_one(SIZE, &[]).await {
                if let Ok(bytes) = row.try_get::<_, i64>(0) {
                    size.store(bytes.unsigned_abs(), Ordering::Relaxed);
                }
                tokio::time::sleep(SIZE_INTERVAL).await;
            }
        }
        tokio::time::sleep(SIZE_INTERVAL).await;
    }
}

impl Log for PostgresStore {
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
        let poller = poller.to_owned();
        self.reader.read(move |client| {
            let poller = poller.clone();
            async move { positions::get(&client, &poller).await }
        })
    }

    fn pollers(&self) -> Result<Vec<String>, StoreError> {
        self.reader.read(|client| async move { positions::pollers(&client).await })
    }

    fn move_cursors(&self, moves: Vec<CursorMove>) -> Reply<Vec<Moved>> {
        match moves.iter().try_for_each(CursorMove::validate) {
            Ok(()) => self.queue(|promise| Job::MoveCursors(moves, promise)),
            Err(error) => Reply::failed(error),
        }
    }

    fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        self.reader.read(|client| async move { cursors::all(&client).await })
    }

    fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.pending_after(0, usize::MAX)
    }

    fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError> {
        let (most, replica) = (rows(most), self.replica);
        self.reader.read(move |client| async move { pending::after(&client, replica, after, most).await })
    }

    fn lead(&self, part: Part) -> Leadership {
        self.leases.campaign(&part)
    }

    fn ask(&self, part: &Part) -> Result<(), StoreError> {
        let part = part.to_string();
        self.reader.read(move |client| {
            let part = part.clone();
            async move {
                leases::ask(&client, &part).await?;
                notices::send(&client, 0).await
            }
        })
    }

    fn handovers(&self) -> watch::Receiver<u64> {
        self.handovers.clone()
    }

    fn pending_count(&self) -> Result<usize, StoreError> {
        self.reader.read(|client| async move { pending::count(&client).await })
    }

    fn read_on(&self, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError> {
        // What is newer may be committed already; whoever waits for it is woken.
        if most == 0 || after >= *self.tail.borrow() {
            return Ok(Vec::new());
        }
        let changes = self.reader.read_on(after, most.min(MAX_CHANGES_AT_ONCE))?;
        Ok(changes.into_iter().map(Arc::new).collect())
    }

    fn tail(&self) -> watch::Receiver<i64> {
        self.tail.clone()
    }

    fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// As it was at most half a minute ago.
    fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    fn probe(&self) -> Reply<()> {
        self.queue(Job::Probe)
    }

    fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It sends nothing, and hangs up when it has ended.
            let _ = writer.recv();
        }
        self.reader.close();
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for PostgresStore {
    fn reader(&self) -> &dyn Browse {
        &self.reader
    }
}
