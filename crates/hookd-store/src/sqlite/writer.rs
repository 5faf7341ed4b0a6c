//! The writer: one thread that takes all that waits, stores it as one transaction, and then answers all of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use hookd_core::Change;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

use super::checkpoint::Checkpoints;
use super::health::Health;
use super::log::{self, Part};
use super::overload::Overload;
use super::runs::{self, Run};
use super::{retention, tail};
use crate::block::{Entry, Pack};
use crate::keys::{BlockKeys, Key, Kind, Tail, key_of};
use crate::{Completion, Due, Expiry, NewDelivery, NewState, Observer, Receipt, State, StoreError};

/// How many writes one transaction takes at most.
const BATCH: usize = 512;

/// A page of the file; a block dirties a few besides its own.
const PAGE: usize = 4096;

/// How long the writer waits for company when the last batch was larger: those who were answered with it are about to
/// send again, and one commit for all of them costs less than one for each.
const GATHER: Duration = Duration::from_micros(100);

pub(super) type Sender<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write and where its answer goes.
pub(super) enum Job {
    Submit(Box<NewDelivery>, Sender<Receipt>),
    Complete(Box<Completion>, Sender<bool>),
    Postpone(Due, Sender<()>),
    Expire(Expiry, Sender<u64>),
    Probe(Sender<()>),
}

/// What a write gave, to be sent when the transaction is committed.
enum Done {
    Submitted(Receipt),
    Completed(bool),
    Expired(u64),
    Nothing,
}

/// The next number of each kind. They are counted here: the writer is the only one, and holds the store's lock.
#[derive(Clone, Copy)]
struct Next {
    deliveryid: i64,
    changeid: i64,
    blockid: i64,
}

/// What a transaction gave: the end of each write, and the new runs of forge ids, if the tail was made into runs.
struct Stored {
    done: Vec<Done>,
    sealed: Option<Vec<Run>>,
}

pub(super) struct Writer {
    connection: Connection,
    next: Next,
    pack: Pack,
    tail: Arc<Tail>,
    /// The runs of forge ids, as soon as they were needed: reading them takes longer than all else at the start.
    runs: Option<Vec<Run>>,
    /// Runs that go with the transaction.
    expired: Vec<i64>,
    /// Keys of the block that is being filled.
    block_keys: BlockKeys,
    /// Keys of what is in the transaction, for the tail.
    keys: Vec<(Kind, Key)>,
    /// The writes of the batch that stored a delivery, by the key of its forge id.
    submitted: HashMap<u64, Vec<usize>>,
    /// How many bytes of blocks the transaction has.
    bytes: usize,
    checkpoints: Checkpoints,
    watch: Watch,
}

/// What watches the writer.
pub(super) struct Watch {
    pub(super) health: Health,
    pub(super) queued: Arc<AtomicUsize>,
    pub(super) overload: Arc<Overload>,
    pub(super) observer: Arc<dyn Observer>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        checkpoints: Checkpoints,
        tail: Arc<Tail>,
        watch: Watch,
    ) -> Result<Self, StoreError> {
        connection.set_prepared_statement_cache_capacity(32);
        tail::read(&connection, &tail)?;
        Ok(Self {
            next: Next::read(&connection)?,
            pack: Pack::new().map_err(|error| StoreError::Failed(error.to_string()))?,
            connection,
            tail,
            runs: None,
            expired: Vec::new(),
            block_keys: BlockKeys::default(),
            keys: Vec::new(),
            submitted: HashMap::new(),
            bytes: 0,
            checkpoints,
            watch,
        })
    }

    /// Serves until all senders are gone and all that they queued is stored.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut last = 0;
        while let Ok(first) = jobs.recv() {
            batch.push(first);
            batch.extend(jobs.try_iter().take(BATCH - 1));
            if batch.len() < last {
                std::thread::sleep(GATHER);
                batch.extend(jobs.try_iter().take(BATCH - batch.len()));
            }
            last = batch.len();
            let begun = Instant::now();
            let outcome = self.store(&batch);
            self.watch.over(batch.len(), outcome.as_ref().err(), begun.elapsed());
            answer(&mut batch, outcome);
            self.checkpoints.committed(std::mem::take(&mut self.bytes), &self.connection);
        }
        self.checkpoints.stop();
        // So that the file alone is the whole store. Where a reader is still at work, the next start does it.
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Stores a batch as one transaction.
    fn store(&mut self, batch: &[Job]) -> Result<Vec<Done>, StoreError> {
        let before = self.next;
        let stored = self.transaction(batch);
        self.pack.clear();
        self.block_keys.clear();
        self.submitted.clear();
        match stored {
            Ok(Stored { done, sealed }) => {
                if sealed.is_some() {
                    self.tail.clear();
                }
                self.tail.add(self.keys.drain(..));
                if let Some(runs) = &mut self.runs {
                    runs.extend(sealed.into_iter().flatten());
                    runs.retain(|run| !self.expired.contains(&run.runid()));
                }
                self.expired.clear();
                Ok(done)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                self.keys.clear();
                self.expired.clear();
                self.next = before;
                Err(error)
            }
        }
    }

    fn transaction(&mut self, batch: &[Job]) -> Result<Stored, StoreError> {
        self.watch.health.permit()?;
        self.connection.busy_timeout(self.watch.health.patience())?;
        if self.runs.is_none() && batch.iter().any(|job| matches!(job, Job::Submit(..))) {
            self.runs = Some(runs::filtered(&self.connection)?);
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        // All of the tail was committed before.
        let sealed = if self.tail.is_full() {
            Some(tail::seal(&self.connection, &self.tail, self.next.deliveryid - 1, self.next.changeid - 1)?)
        } else {
            None
        };
        let mut done = Vec::with_capacity(batch.len());
        for job in batch {
            let next = match job {
                Job::Submit(delivery, _) => Done::Submitted(self.submit(delivery, batch, &done)?),
                Job::Complete(completion, _) => Done::Completed(self.complete(completion)?),
                Job::Postpone(due, _) => self.postpone(due).map(|()| Done::Nothing)?,
                Job::Expire(expiry, _) => Done::Expired(self.expire(expiry)?),
                Job::Probe(_) => self.probe().map(|()| Done::Nothing)?,
            };
            done.push(next);
        }
        self.flush()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(Stored { done, sealed })
    }

    /// Stores a delivery, the next of a batch of which some is done.
    fn submit(&mut self, delivery: &NewDelivery, batch: &[Job], done: &[Done]) -> Result<Receipt, StoreError> {
        let key = delivery.forge_id.as_deref().map(key_of);
        if let (Some(key), Some(forge_id)) = (key, &delivery.forge_id) {
            // What was refused was not acknowledged, so it may come again and be looked at afresh.
            if delivery.deduplicate && delivery.state.state() != State::Refused {
                let receipt = match self.same_in_batch(key, delivery, batch, done) {
                    Some(receipt) => Some(receipt),
                    None => self.same_in_log(key, forge_id, delivery)?,
                };
                if let Some(receipt) = receipt {
                    return Ok(Receipt { is_duplicate: true, ..receipt });
                }
            }
            self.submitted.entry(key).or_default().push(done.len());
        }
        if self.pack.is_full() {
            self.flush()?;
        }
        self.block_keys.delivery(key);
        let deliveryid = self.next.deliveryid;
        self.next.deliveryid += 1;
        let (changes, told, reason): (&[Change], usize, _) = match &delivery.state {
            NewState::Accepted(changes) => (changes, changes.len(), None),
            NewState::Ignored(reason) | NewState::Refused(reason) => (&[], 0, Some(reason)),
            NewState::Pending { expected } => (&[], *expected, None),
        };
        let state = delivery.state.state();
        let (head_length, body_length) = self.pack.request(&delivery.request);
        self.pack.delivery(&Entry {
            received_at: delivery.received_at,
            dialect: Cow::Borrowed(&delivery.dialect),
            forge_id: delivery.forge_id.as_deref().map(Cow::Borrowed),
            event: delivery.event.as_deref().map(Cow::Borrowed),
            state: state.code(),
            reason: reason.map(|reason| Cow::Borrowed(reason.as_str())),
            told,
            first_changeid: (!changes.is_empty()).then_some(self.next.changeid),
            change_count: changes.len(),
            head_length,
            body_length,
        });
        self.add_changes(changes, deliveryid, delivery.received_at);
        if state == State::Pending {
            self.connection.prepare_cached("INSERT INTO pending VALUES (?1, ?2, ?3, 0, ?3)")?.execute((
                deliveryid,
                &delivery.dialect,
                delivery.received_at,
            ))?;
        }
        Ok(Receipt { deliveryid, state, changes: told, reason: reason.cloned(), is_duplicate: false })
    }

    /// The receipt of an earlier delivery of the batch that is the same: forge id, dialect and every byte of the body.
    fn same_in_batch(&self, key: u64, delivery: &NewDelivery, batch: &[Job], done: &[Done]) -> Option<Receipt> {
        let is_same = |earlier: &NewDelivery| {
            earlier.forge_id == delivery.forge_id
                && earlier.dialect == delivery.dialect
                && earlier.state.state() != State::Refused
                && earlier.request.body == delivery.request.body
        };
        self.submitted.get(&key)?.iter().find_map(|index| match (&batch[*index], &done[*index]) {
            (Job::Submit(earlier, _), Done::Submitted(receipt)) if is_same(earlier) => Some(receipt.clone()),
            _ => None,
        })
    }

    /// The same, of what was committed before and whose request is still kept.
    fn same_in_log(&self, key: u64, forge_id: &str, delivery: &NewDelivery) -> Result<Option<Receipt>, StoreError> {
        let mut candidates = self.tail.find(Kind::ForgeId, key);
        for run in self.runs.iter().flatten() {
            candidates.extend(run.find(&self.connection, key)?);
        }
        for deliveryid in candidates {
            let found = log::entry(&self.connection, deliveryid, |blockid, entry, place| {
                let state = State::of(entry.state);
                let is_alike = entry.forge_id.as_deref() == Some(forge_id)
                    && entry.dialect == delivery.dialect
                    && entry.body_length == delivery.request.body.len()
                    && state != State::Refused;
                let reason = entry.reason.as_deref().map(str::to_owned);
                let receipt = Receipt { deliveryid, state, changes: entry.told, reason, is_duplicate: true };
                is_alike.then_some((receipt, blockid, place))
            })?;
            let Some((receipt, blockid, place)) = found.flatten() else { continue };
            if log::request(&self.connection, blockid, place)?
                .is_some_and(|request| request.body == delivery.request.body)
            {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// Adds changes; gives the number of the first.
    fn add_changes(&mut self, changes: &[Change], deliveryid: i64, received_at: i64) -> Option<i64> {
        let first = self.next.changeid;
        for change in changes {
            self.pack.change(deliveryid, received_at, change);
            self.block_keys.change(change);
            self.next.changeid += 1;
        }
        (!changes.is_empty()).then_some(first)
    }

    fn complete(&mut self, completion: &Completion) -> Result<bool, StoreError> {
        let received_at: Option<i64> = self
            .connection
            .prepare_cached("DELETE FROM pending WHERE deliveryid = ? RETURNING received_at")?
            .query_row([completion.deliveryid], |row| row.get(0))
            .optional()?;
        let Some(received_at) = received_at else { return Ok(false) };
        let (changes, reason): (&[Change], _) = match &completion.state {
            NewState::Accepted(changes) => (changes, completion.note.as_ref()),
            NewState::Ignored(reason) | NewState::Refused(reason) => (&[], Some(reason)),
            NewState::Pending { .. } => return Err(StoreError::Failed("pending is no end of a delivery".to_owned())),
        };
        let first = self.add_changes(changes, completion.deliveryid, received_at);
        self.connection.prepare_cached("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)")?.execute((
            completion.deliveryid,
            completion.state.state().code(),
            reason,
            first,
            changes.len(),
        ))?;
        Ok(true)
    }

    fn expire(&mut self, expiry: &Expiry) -> Result<u64, StoreError> {
        // What is in the transaction so far must be seen as well.
        self.flush()?;
        let gone = retention::step(&self.connection, expiry)?;
        self.expired.extend(gone.runs);
        Ok(gone.rows)
    }

    fn postpone(&self, due: &Due) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE pending SET attempts = ?, next_at = ? WHERE deliveryid = ?")?
            .execute((due.attempts, due.next_at, due.deliveryid))?;
        Ok(())
    }

    /// Writes something that nobody reads, so that the commit has to reach the disk: something random, since SQLite
    /// writes nothing where a row stays the same. While the store fails that is as much as a large webhook: a little may
    /// fit onto a disk that is full.
    fn probe(&self) -> Result<(), StoreError> {
        let size: i64 = if self.watch.health.is_failing() { 128 << 10 } else { 8 };
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO facts VALUES ('probe', hex(randomblob(?)))")?
            .execute([size])?;
        Ok(())
    }

    /// Stores the block that is being filled.
    fn flush(&mut self) -> Result<(), StoreError> {
        if self.pack.is_empty() {
            return Ok(());
        }
        let Pack { delivery_count, change_count, received_at, .. } = self.pack;
        let (records, requests) = (self.pack.records()?, self.pack.requests()?);
        self.bytes += records.len() + requests.as_ref().map_or(0, Vec::len) + 4 * PAGE;
        let (first_deliveryid, first_changeid) =
            (self.next.deliveryid - delivery_count, self.next.changeid - change_count);
        let deliveries = (first_deliveryid, delivery_count);
        tail::write(&self.connection, self.next.blockid, deliveries, first_changeid, &self.block_keys)?;
        self.keys.extend(self.block_keys.keys(first_deliveryid, first_changeid));
        self.block_keys.clear();
        self.connection.prepare_cached("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            self.next.blockid,
            first_deliveryid,
            delivery_count,
            first_changeid,
            change_count,
            received_at,
            records,
            requests,
        ))?;
        self.next.blockid += 1;
        self.pack.clear();
        Ok(())
    }
}

impl Watch {
    /// A batch of so many writes was stored, or failed.
    fn over(&mut self, writes: usize, error: Option<&StoreError>, took: Duration) {
        if self.queued.fetch_sub(writes, Ordering::Relaxed) == writes {
            self.overload.drained();
        }
        match error {
            None => {
                self.health.committed();
                self.observer.committed(writes, took);
            }
            Some(error) => {
                self.health.failed(error, writes);
                self.observer.failed(writes);
            }
        }
    }
}

impl Next {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let last = log::ends(connection)?.map(|(_, last)| last);
        Ok(Self {
            deliveryid: last.map_or(1, |last| last.next(Part::Deliveries)),
            changeid: last.map_or(1, |last| last.next(Part::Changes)),
            blockid: last.map_or(1, |last| last.blockid + 1),
        })
    }
}

/// Sends the answers of a batch. A caller that has gone away does not matter: what is stored is stored.
fn answer(batch: &mut Vec<Job>, outcome: Result<Vec<Done>, StoreError>) {
    match outcome {
        Ok(done) => {
            for (job, done) in batch.drain(..).zip(done) {
                match (job, done) {
                    (Job::Submit(_, sender), Done::Submitted(receipt)) => drop(sender.send(Ok(receipt))),
                    (Job::Complete(_, sender), Done::Completed(was_pending)) => drop(sender.send(Ok(was_pending))),
                    (Job::Expire(_, sender), Done::Expired(rows)) => drop(sender.send(Ok(rows))),
                    (Job::Postpone(_, sender) | Job::Probe(sender), Done::Nothing) => drop(sender.send(Ok(()))),
                    _ => unreachable!("each job is answered with what it gives"),
                }
            }
        }
        Err(error) => {
            for job in batch.drain(..) {
                match job {
                    Job::Submit(_, sender) => drop(sender.send(Err(error.clone()))),
                    Job::Complete(_, sender) => drop(sender.send(Err(error.clone()))),
                    Job::Expire(_, sender) => drop(sender.send(Err(error.clone()))),
                    Job::Postpone(_, sender) | Job::Probe(sender) => drop(sender.send(Err(error.clone()))),
                }
            }
        }
    }
}
