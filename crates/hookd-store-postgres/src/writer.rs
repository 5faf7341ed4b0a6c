//! The writer: one task that takes all that waits, stores it as one transaction, and then answers all of it.
//!
//! A batch goes through it as *take → lock the head → write → move the head and commit → answer*. Results are put into the
//! jobs as they arise and are sent when the commit is known to have taken place. Where the connection is lost during a
//! commit, the row of this hookd tells the outcome over another connection; as long as nobody knows it, nothing is
//! acknowledged.
//!
//! Now and then a transaction also renews the leases of this hookd and looks around among the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hookd_store::engine::{Job, Overload};
use hookd_store::{Observer, StoreError};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::error::Failure;
use crate::head::{self, Committed, Head};
use crate::health::Health;
use crate::leases::{self, Held, Leases, Wanted};
use crate::replica::{self, Replica, Sharers};
use crate::session::Connector;
use crate::{OpenError, batch, notices, pending};

/// How many writes one transaction takes at most.
const MAX_BATCH_WRITES: usize = 512;

/// How often the writer looks at the head while there is nothing to write, at least.
const MAX_BEAT: Duration = Duration::from_secs(1);

/// How long a transaction may take before the connection counts as lost.
const MAX_TRANSACTION_TIME: Duration = Duration::from_secs(30);

/// How long the outcome of a commit is asked for, while its writers wait.
const MAX_RESOLVE_TIME: Duration = Duration::from_secs(12);

/// How long nothing is tried after a connection could not be made: those who wait in the queue meanwhile get the same error.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

pub(crate) struct Writer {
    connector: Connector,
    client: Option<Arc<Client>>,
    jobs: mpsc::Receiver<Job>,
    /// The newest change.
    tail: watch::Sender<i64>,
    /// The name of the store that was opened.
    instance: String,
    replica: Replica,
    sharers: Sharers,
    leases: Arc<Leases>,
    /// When the leases were renewed last; `None` makes the next transaction renew them.
    renewed_at: Option<Instant>,
    /// The number of the last transaction that this hookd has tried to commit.
    commits: i64,
    /// How often pending deliveries came from other hookds.
    handovers: watch::Sender<u64>,
    /// The newest of them that was seen.
    handed_over: i64,
    /// When another hookd says that there is something to see.
    heard: Arc<Notify>,
    /// Why the last connection could not be made, and when.
    unconnected: Option<(Instant, Failure)>,
    monitor: Monitor,
}

/// What a transaction has renewed.
struct Renewal {
    wanted: Wanted,
    held: Held,
    sharers: Sharers,
    /// Whether there were pending deliveries of hookds that have died.
    took_over: bool,
    /// The newest pending delivery that came from another one.
    handed_over: i64,
}

/// What takes note of the writer's transactions.
pub(crate) struct Monitor {
    pub(crate) health: Health,
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) overload: Arc<Overload>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Writer {
    /// Joins those that share the log.
    pub(crate) async fn open(
        connector: Connector,
        client: Arc<Client>,
        jobs: mpsc::Receiver<Job>,
        instance: String,
        replica: Replica,
        leases: Arc<Leases>,
        monitor: Monitor,
    ) -> Result<Self, OpenError> {
        let mut writer = Self {
            connector,
            client: Some(client),
            jobs,
            tail: watch::Sender::new(0),
            instance,
            sharers: Sharers::alone(replica.id),
            replica,
            leases,
            renewed_at: None,
            commits: 0,
            handovers: watch::Sender::new(0),
            handed_over: 0,
            heard: Arc::default(),
            unconnected: None,
            monitor,
        };
        match writer.attempt(&mut []).await {
            Ok(()) => Ok(writer),
            Err(failure) => Err(writer.connector.unavailable(&failure)),
        }
    }

    /// A watch on the newest change.
    pub(crate) fn tail(&self) -> watch::Receiver<i64> {
        self.tail.subscribe()
    }

    /// A watch on how often pending deliveries came from other hookds.
    pub(crate) fn handovers(&self) -> watch::Receiver<u64> {
        self.handovers.subscribe()
    }

    /// Whom to tell that another hookd has something to see.
    pub(crate) fn heard(&self) -> Arc<Notify> {
        Arc::clone(&self.heard)
    }

    /// Serves until all senders are gone and all that they queued is stored, and then leaves the others.
    pub(crate) async fn run(mut self) {
        let beat = MAX_BEAT.min(self.leases.length() / 6);
        let (leases, heard) = (Arc::clone(&self.leases), Arc::clone(&self.heard));
        loop {
            let first = tokio::select! {
                biased;
                job = self.jobs.recv() => job,
                () = leases.changed() => {
                    self.renewed_at = None;
                    self.beat().await;
                    continue;
                }
                () = heard.notified() => {
                    self.beat().await;
                    continue;
                }
                () = sleep(beat) => {
                    self.beat().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH_WRITES
                && let Ok(job) = self.jobs.try_recv()
            {
                batch.push(job);
            }
            let begun = Instant::now();
            let outcome = self.store(&mut batch).await;
            self.monitor.over(batch.len(), outcome.as_ref().err(), begun.elapsed());
            let error = outcome.err().map(StoreError::from);
            batch.into_iter().for_each(|job| job.answer(error.as_ref()));
        }
        if let Err(failure) = self.leave().await {
            tracing::debug!("the others have to wait until the leases end: {failure}");
        }
    }

    /// Says that this hookd is alive, and sees what others have committed.
    async fn beat(&mut self) {
        let outcome = if self.is_renewal_due() { self.store(&mut []).await } else { self.look().await };
        match outcome {
            Ok(()) => self.monitor.health.committed(),
            Err(failure) => self.monitor.health.failed(&failure, 0),
        }
    }

    fn is_renewal_due(&self) -> bool {
        self.renewed_at.is_none_or(|renewed_at| renewed_at.elapsed() >= self.leases.length() / 3)
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let client = self.connected().await?;
        let (names, replica) = (self.leases.names(), &self.replica);
        let looked = timeout(MAX_TRANSACTION_TIME, async {
            let head = head::look(&client).await?;
            head.is_of(&self.instance)?;
            let handed_over = pending::newest_handed_over(&client, replica.id).await?;
            Ok::<_, Failure>((head, handed_over, leases::look(&client, replica, &names).await?))
        });
        match looked.await {
            Ok(Ok((head, handed_over, seen))) => {
                self.wake(head.next_changeid - 1);
                self.leases.seen(&seen);
                self.handed_over(handed_over);
                if seen.is_any_free {
                    self.renewed_at = None;
                    return self.store(&mut []).await;
                }
                Ok(())
            }
            // The next transaction makes another connection, and says if that fails.
            Ok(Err(failure)) if failure.is_of_connection() => {
                self.client = None;
                self.store(&mut []).await
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                self.client = None;
                Err(no_answer())
            }
        }
    }

    /// Stores a batch as one transaction. A connection that was lost before the commit does no harm if another one can be
    /// made. A write that the database does not take fails alone.
    async fn store(&mut self, batch: &mut [Job]) -> Result<(), Failure> {
        let was_connected = self.client.is_some();
        let mut outcome = self.attempt(batch).await;
        if was_connected && outcome.as_ref().is_err_and(Failure::is_of_connection) {
            outcome = self.attempt(batch).await;
        }
        if let Err(Failure::Database { is_of_data: true, message, .. }) = &outcome
            && batch.len() > 1
        {
            tracing::warn!(cause = message, "the database does not take something: its writes are stored one by one");
            for job in batch {
                if let Err(failure) = self.attempt(std::slice::from_mut(job)).await {
                    job.fail(failure.into());
                }
            }
            return Ok(());
        }
        outcome
    }

    /// Tries one transaction.
    async fn attempt(&mut self, batch: &mut [Job]) -> Result<(), Failure> {
        let client = self.connected().await?;
        self.commits += 1;
        let wanted = self.is_renewal_due().then(|| self.leases.wanted());
        let (instance, replica, sharers) = (&self.instance, &self.replica, &self.sharers);
        let lease = self.leases.length();
        let written = timeout(MAX_TRANSACTION_TIME, async {
            let mut head = head::lock(&client).await?;
            head.is_of(instance)?;
            batch::write(&client, &mut head, replica, sharers, batch).await?;
            let Some(wanted) = wanted else { return Ok((head, None)) };
            let held = leases::renew(&client, replica, &wanted, lease).await?;
            let (sharers, took_over) = replica::look_around(&client, replica).await?;
            let handed_over = pending::newest_handed_over(&client, replica.id).await?;
            Ok((head, Some(Renewal { wanted, held, sharers, took_over, handed_over })))
        });
        let (head, renewal) = match written.await.unwrap_or_else(|_| Err(no_answer())) {
            Ok(written) => written,
            Err(failure) => {
                let is_lost = failure.is_of_connection() || head::roll_back(&client).await.is_err();
                if is_lost {
                    self.client = None;
                }
                return Err(failure);
            }
        };
        let sent = Instant::now();
        // Whoever is alone tells nobody.
        let has_news = !batch.is_empty() && !self.sharers.is_alone();
        let notice = if has_news { notices::sql(self.replica.id) } else { String::new() };
        let commit = head::commit(&client, &head, &self.replica, self.commits, lease, &notice);
        match timeout(MAX_TRANSACTION_TIME, commit).await.unwrap_or(Ok(Committed::Unknown)) {
            Ok(Committed::Yes) => {}
            Ok(Committed::Unknown) => {
                self.client = None;
                self.resolve().await?;
            }
            Err(failure) => {
                if head::roll_back(&client).await.is_err() {
                    self.client = None;
                }
                return Err(failure);
            }
        }
        self.committed(&head, renewal, sent);
        Ok(())
    }

    /// Finds out whether the last commit took place. Whoever has locked the head sees the outcome of all transactions before.
    ///
    /// # Errors
    /// [`Failure::Connection`] if it certainly did not; [`Failure::Unknown`] if nobody knows.
    async fn resolve(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        tracing::warn!("the connection to PostgreSQL was lost during a commit: asking whether it took place");
        while begun.elapsed() < MAX_RESOLVE_TIME {
            match timeout(MAX_RESOLVE_TIME, self.last_commit()).await.unwrap_or_else(|_| Err(no_answer())) {
                Ok(number) if number == Some(self.commits) => {
                    tracing::info!("it took place");
                    return Ok(());
                }
                Ok(_) => {
                    tracing::info!("it did not take place");
                    return Err(Failure::Connection {
                        cause: "the connection to PostgreSQL was lost".to_owned(),
                        remedy: "see whether PostgreSQL runs and can be reached; hookd continues by itself",
                    });
                }
                Err(failure) => {
                    tracing::debug!("not known yet: {failure}");
                    self.client = None;
                    sleep(RECONNECT_PAUSE).await;
                }
            }
        }
        Err(Failure::Unknown)
    }

    async fn last_commit(&mut self) -> Result<Option<i64>, Failure> {
        let client = self.connected().await?;
        head::lock(&client).await?;
        let number = replica::last_commit(&client, &self.replica).await;
        head::roll_back(&client).await?;
        number
    }

    fn committed(&mut self, head: &Head, renewal: Option<Renewal>, sent: Instant) {
        if let Some(Renewal { wanted, held, sharers, took_over, handed_over }) = renewal {
            self.renewed_at = Some(sent);
            self.leases.renewed(&wanted, held, sent);
            self.sharers = sharers;
            self.handed_over(handed_over);
            if took_over {
                self.handovers.send_modify(|count| *count += 1);
            }
        }
        self.wake(head.next_changeid - 1);
    }

    /// Tells of pending deliveries that came from another hookd, if there are new ones.
    fn handed_over(&mut self, newest: i64) {
        if newest > self.handed_over {
            self.handed_over = newest;
            self.handovers.send_modify(|count| *count += 1);
        }
    }

    fn wake(&self, newest: i64) {
        self.tail.send_if_modified(|tail| {
            let is_newer = newest > *tail;
            *tail = newest.max(*tail);
            is_newer
        });
    }

    /// The connection, made anew where there is none.
    async fn connected(&mut self) -> Result<Arc<Client>, Failure> {
        if let Some(client) = self.client.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        if let Some((when, failure)) = &self.unconnected
            && when.elapsed() < RECONNECT_PAUSE
        {
            return Err(failure.clone());
        }
        match self.connector.connect().await {
            Ok(client) => {
                self.unconnected = None;
                self.client = Some(Arc::clone(&client));
                Ok(client)
            }
            Err(failure) => {
                self.unconnected = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Ends all leases, so that another hookd need not wait.
    async fn leave(&mut self) -> Result<(), Failure> {
        let client = self.connected().await?;
        timeout(MAX_TRANSACTION_TIME, replica::leave(&client, &self.replica)).await.map_err(|_| no_answer())?
    }
}

fn no_answer() -> Failure {
    Failure::Connection {
        cause: format!("PostgreSQL has not answered for {} s", MAX_TRANSACTION_TIME.as_secs()),
        remedy: "see whether PostgreSQL runs and can be reached; hookd continues by itself",
    }
}

impl Monitor {
    /// A batch of so many writes was stored, or failed.
    fn over(&mut self, writes: usize, failure: Option<&Failure>, took: Duration) {
        if self.queued.fetch_sub(writes, Ordering::Relaxed) == writes {
            self.overload.drained();
        }
        match failure {
            None => {
                self.health.committed();
                self.observer.committed(writes, took);
            }
            Some(failure) => {
                self.health.failed(failure, writes);
                self.observer.failed(writes);
            }
        }
    }
}
