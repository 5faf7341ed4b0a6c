//! The writer: one task that takes all that waits, stores it as one transaction, and then answers all of it.
//!
//! A batch goes through it as *take → lock the head → write → move the head and commit → answer*. Results are put into the
//! jobs as they arise and are sent when the commit is known to have taken place. Where the connection is lost during a
//! commit, the head tells the outcome over another connection; as long as nobody knows it, nothing is acknowledged.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hookd_store::{Observer, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::error::Failure;
use crate::head::{self, Committed, Head};
use crate::health::Health;
use crate::job::Job;
use crate::lease::{self, Lease};
use crate::overload::Overload;
use crate::session::Connector;
use crate::{OpenError, batch};

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
    holder: String,
    /// That of this process; another one than the head's where it may not write.
    epoch: i64,
    lease: Arc<Lease>,
    renewed_at: Instant,
    random: RandomState,
    commits: u64,
    /// Why the last connection could not be made, and when.
    unconnected: Option<(Instant, Failure)>,
    monitor: Monitor,
}

/// What takes note of the writer's transactions.
pub(crate) struct Monitor {
    pub(crate) health: Health,
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) overload: Arc<Overload>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Writer {
    /// Takes the log, waiting until a holder that has died without a word may be counted as dead.
    pub(crate) async fn open(
        connector: Connector,
        client: Arc<Client>,
        jobs: mpsc::Receiver<Job>,
        lease: Arc<Lease>,
        monitor: Monitor,
    ) -> Result<Self, OpenError> {
        let mut writer = Self {
            connector,
            client: Some(client),
            jobs,
            tail: watch::Sender::new(0),
            holder: lease::holder(),
            epoch: -1,
            lease,
            renewed_at: Instant::now(),
            random: RandomState::new(),
            commits: 0,
            unconnected: None,
            monitor,
        };
        let begun = Instant::now();
        let mut seen = None;
        loop {
            let failure = match writer.attempt(&mut []).await {
                Ok(()) => return Ok(writer),
                Err(failure) => failure,
            };
            let Failure::Fenced { holder } = failure else { return Err(writer.connector.unavailable(&failure)) };
            let look = match writer.connected().await {
                Ok(client) => head::look(&client).await,
                Err(failure) => Err(failure),
            };
            let look = look.map_err(|failure| writer.connector.unavailable(&failure))?;
            let first = *seen.get_or_insert_with(|| {
                tracing::info!(holder, "waiting for the store: another hookd has used it, or uses it");
                look.last_commit
            });
            if first != look.last_commit || begun.elapsed() > 2 * writer.lease.length() {
                return Err(OpenError::InUse { place: writer.connector.options().place(), holder });
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// A watch on the newest change.
    pub(crate) fn tail(&self) -> watch::Receiver<i64> {
        self.tail.subscribe()
    }

    /// Serves until all senders are gone and all that they queued is stored, and then lets go of the log.
    pub(crate) async fn run(mut self) {
        let beat = MAX_BEAT.min(self.lease.length() / 6);
        loop {
            let first = tokio::select! {
                biased;
                job = self.jobs.recv() => job,
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
        if let Err(failure) = self.release().await {
            tracing::debug!("the store was not let go of: {failure}");
        }
    }

    /// Says that this hookd is alive, and sees what others have committed.
    async fn beat(&mut self) {
        let outcome = if self.renewed_at.elapsed() >= self.lease.length() / 3 {
            self.store(&mut []).await
        } else {
            self.look().await
        };
        match outcome {
            Ok(()) => self.monitor.health.committed(),
            Err(failure) => self.monitor.health.failed(&failure, 0),
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let client = self.connected().await?;
        match timeout(MAX_TRANSACTION_TIME, head::look(&client)).await {
            Ok(Ok(head)) => {
                self.wake(head.next_changeid - 1);
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
        let (epoch, holder) = (self.epoch, self.holder.clone());
        self.commits += 1;
        let token = i64::try_from(self.random.hash_one(self.commits) >> 1).unwrap_or(0);
        let written = timeout(MAX_TRANSACTION_TIME, async {
            let mut head = head::lock(&client).await?;
            take(&mut head, epoch, holder)?;
            head.last_commit = token;
            batch::write(&client, &mut head, batch).await?;
            Ok(head)
        });
        let head = match written.await.unwrap_or_else(|_| Err(no_answer())) {
            Ok(head) => head,
            Err(failure) => {
                let is_lost = failure.is_of_connection() || head::roll_back(&client).await.is_err();
                if is_lost {
                    self.client = None;
                }
                return Err(failure);
            }
        };
        let sent = Instant::now();
        let commit = head::commit(&client, &head, self.lease.length());
        match timeout(MAX_TRANSACTION_TIME, commit).await.unwrap_or(Ok(Committed::Unknown)) {
            Ok(Committed::Yes) => {
                self.committed(&head, sent);
                Ok(())
            }
            Ok(Committed::Unknown) => {
                self.client = None;
                self.resolve(&head, sent).await
            }
            Err(failure) => {
                if head::roll_back(&client).await.is_err() {
                    self.client = None;
                }
                Err(failure)
            }
        }
    }

    /// Finds out whether a commit took place. Whoever has locked the head sees the outcome of all transactions before.
    ///
    /// # Errors
    /// [`Failure::Connection`] if it certainly did not; [`Failure::Unknown`] if nobody knows.
    async fn resolve(&mut self, head: &Head, sent: Instant) -> Result<(), Failure> {
        let begun = Instant::now();
        tracing::warn!("the connection to PostgreSQL was lost during a commit: asking whether it took place");
        while begun.elapsed() < MAX_RESOLVE_TIME {
            match timeout(MAX_RESOLVE_TIME, self.locked_head()).await.unwrap_or_else(|_| Err(no_answer())) {
                Ok(found) if found.last_commit == head.last_commit => {
                    tracing::info!("it took place");
                    self.committed(head, sent);
                    return Ok(());
                }
                Ok(found) if found.epoch == head.epoch || found.epoch == self.epoch => {
                    tracing::info!("it did not take place");
                    return Err(Failure::Connection {
                        cause: "the connection to PostgreSQL was lost".to_owned(),
                        remedy: "see whether PostgreSQL runs and can be reached; hookd continues by itself",
                    });
                }
                // Another hookd has written since.
                Ok(_) => break,
                Err(failure) => {
                    tracing::debug!("not known yet: {failure}");
                    self.client = None;
                    sleep(RECONNECT_PAUSE).await;
                }
            }
        }
        Err(Failure::Unknown)
    }

    async fn locked_head(&mut self) -> Result<Head, Failure> {
        let client = self.connected().await?;
        let head = head::lock(&client).await?;
        head::roll_back(&client).await?;
        Ok(head)
    }

    fn committed(&mut self, head: &Head, sent: Instant) {
        if self.epoch != head.epoch && self.epoch >= 0 {
            tracing::warn!("another hookd had taken the store and no longer uses it: this one goes on");
        }
        self.epoch = head.epoch;
        self.renewed_at = sent;
        self.lease.renewed(sent);
        self.wake(head.next_changeid - 1);
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

    /// Lets go of the log, so that another hookd need not wait.
    async fn release(&mut self) -> Result<(), Failure> {
        let client = self.connected().await?;
        let sql = "UPDATE hookd.head SET held_until = '-infinity' WHERE epoch = $1";
        let epoch: [(&(dyn ToSql + Sync), Type); 1] = [(&self.epoch, Type::INT8)];
        timeout(MAX_TRANSACTION_TIME, client.execute_typed(sql, &epoch)).await.map_err(|_| no_answer())??;
        Ok(())
    }
}

/// Checks who may write, and takes the log where nobody holds it any more.
fn take(head: &mut Head, epoch: i64, holder: String) -> Result<(), Failure> {
    if head.epoch == epoch {
        return Ok(());
    }
    if !head.is_free {
        return Err(Failure::Fenced { holder: head.holder.clone() });
    }
    head.epoch += 1;
    head.holder = holder;
    Ok(())
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
