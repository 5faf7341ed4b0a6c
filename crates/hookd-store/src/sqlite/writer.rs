//! The writer: one thread that takes all that waits, stores it as one transaction, and then answers all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use hookd_core::Change;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::block::{self, Block, Place};
use super::health::Health;
use super::overload::Overload;
use super::retention;
use super::tables::{head_key, key_of, place_of, state_of};
use crate::{Completion, Due, Expiry, NewDelivery, NewState, Observer, Receipt, State, StoreError};

/// How many writes one transaction takes at most.
const BATCH: usize = 512;

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

pub(super) struct Writer {
    connection: Connection,
    next: Next,
    block: Block,
    health: Health,
    queued: Arc<AtomicUsize>,
    overload: Arc<Overload>,
    observer: Arc<dyn Observer>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        health: Health,
        queued: Arc<AtomicUsize>,
        overload: Arc<Overload>,
        observer: Arc<dyn Observer>,
    ) -> rusqlite::Result<Self> {
        connection.set_prepared_statement_cache_capacity(32);
        let next = Next::read(&connection)?;
        let block = Block::new().map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self { connection, next, block, health, queued, overload, observer })
    }

    /// Serves until all senders are gone and all that they queued is stored.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Ok(first) = jobs.recv() {
            batch.push(first);
            batch.extend(jobs.try_iter().take(BATCH - 1));
            let begun = Instant::now();
            let outcome = self.store(&batch);
            if self.queued.fetch_sub(batch.len(), Ordering::Relaxed) == batch.len() {
                self.overload.drained();
            }
            match &outcome {
                Ok(_) => {
                    self.health.committed();
                    self.observer.committed(batch.len(), begun.elapsed());
                }
                Err(error) => {
                    self.health.failed(error, batch.len());
                    self.observer.failed(batch.len());
                }
            }
            answer(&mut batch, outcome);
        }
        // So that the file alone is the whole store. Where a reader is still at work, the next start does it.
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Stores a batch as one transaction.
    fn store(&mut self, batch: &[Job]) -> Result<Vec<Done>, StoreError> {
        self.health.permit()?;
        self.connection.busy_timeout(self.health.patience())?;
        let before = self.next;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let stored = self.store_each(batch).and_then(|done| {
            self.flush()?;
            self.connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        self.block.clear();
        if stored.is_err() {
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            self.next = Next::read(&self.connection).unwrap_or(before);
        }
        stored
    }

    fn store_each(&mut self, batch: &[Job]) -> Result<Vec<Done>, StoreError> {
        batch
            .iter()
            .map(|job| match job {
                Job::Submit(delivery, _) => self.submit(delivery).map(Done::Submitted),
                Job::Complete(completion, _) => self.complete(completion).map(Done::Completed),
                Job::Postpone(due, _) => self.postpone(due).map(|()| Done::Nothing),
                Job::Expire(expiry, _) => retention::step(&self.connection, expiry).map(Done::Expired),
                Job::Probe(_) => self.probe().map(|()| Done::Nothing),
            })
            .collect()
    }

    fn submit(&mut self, delivery: &NewDelivery) -> Result<Receipt, StoreError> {
        let body_hash = key_of(&delivery.request.body);
        // What was refused was not acknowledged, so it may come again and be looked at afresh.
        let identity = match (&delivery.forge_id, &delivery.state) {
            (Some(forge_id), state) if delivery.deduplicate && state.state() != State::Refused => Some(forge_id),
            _ => None,
        };
        if let Some(forge_id) = identity
            && let Some(receipt) = self.stored_before(delivery, forge_id, body_hash)?
        {
            return Ok(receipt);
        }
        if self.block.is_full() {
            self.flush()?;
        }
        let place = self.block.push(&delivery.request);
        let deliveryid = self.next.deliveryid;
        self.next.deliveryid += 1;
        let (changes, told, reason): (&[Change], usize, _) = match &delivery.state {
            NewState::Accepted(changes) => (changes, changes.len(), None),
            NewState::Ignored(reason) | NewState::Refused(reason) => (&[], 0, Some(reason)),
            NewState::Pending { expected } => (&[], *expected, None),
        };
        let first = self.add_changes(changes, deliveryid, delivery.received_at)?;
        self.connection
            .prepare_cached("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                deliveryid,
                delivery.received_at,
                delivery.dialect,
                delivery.forge_id,
                delivery.event,
                delivery.state.state().code(),
                reason,
                told,
                first,
                changes.len(),
                self.next.blockid,
                place.offset,
                place.head_length,
                place.body_length,
                body_hash,
            ])?;
        if let Some(forge_id) = &delivery.forge_id {
            self.connection
                .prepare_cached("INSERT INTO forge_ids VALUES (?, ?)")?
                .execute((key_of(forge_id.as_bytes()), deliveryid))?;
        }
        if delivery.state.state() == State::Pending {
            self.connection
                .prepare_cached("INSERT INTO pending VALUES (?, 0, ?)")?
                .execute((deliveryid, delivery.received_at))?;
        }
        Ok(Receipt {
            deliveryid,
            state: delivery.state.state(),
            changes: told,
            reason: reason.cloned(),
            is_duplicate: false,
        })
    }

    /// The receipt of an earlier delivery that is the same: forge id, dialect and every byte of the body.
    fn stored_before(
        &self,
        delivery: &NewDelivery,
        forge_id: &str,
        body_hash: i64,
    ) -> Result<Option<Receipt>, StoreError> {
        let mut candidates = self.connection.prepare_cached(
            "SELECT d.deliveryid, d.state, d.told, d.reason, d.blockid, d.block_offset, d.head_length, d.body_length \
             FROM forge_ids f JOIN deliveries d USING (deliveryid) \
             WHERE f.key = ? AND d.forge_id = ? AND d.dialect = ? AND d.body_hash = ? AND d.blockid IS NOT NULL \
             AND (d.state <> 3 OR d.told > 0)",
        )?;
        let mut rows = candidates.query((key_of(forge_id.as_bytes()), forge_id, &delivery.dialect, body_hash))?;
        while let Some(row) = rows.next()? {
            if self.is_body_at(&delivery.request.body, row.get(4)?, place_of(row, 5)?)? {
                let told: usize = row.get(2)?;
                // Refused after its sender was told of changes: it was pending then.
                let state = match state_of(row.get(1)?) {
                    State::Refused => State::Pending,
                    state => state,
                };
                return Ok(Some(Receipt {
                    deliveryid: row.get(0)?,
                    state,
                    changes: told,
                    reason: row.get(3)?,
                    is_duplicate: true,
                }));
            }
        }
        Ok(None)
    }

    fn is_body_at(&self, body: &[u8], blockid: i64, place: Place) -> Result<bool, StoreError> {
        if blockid == self.next.blockid {
            return Ok(self.block.body(place) == Some(body));
        }
        let data: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT data FROM payload_blocks WHERE blockid = ?")?
            .query_row([blockid], |row| row.get(0))
            .optional()?;
        Ok(match data {
            Some(data) => block::read(&data, place)?.body == body,
            None => false,
        })
    }

    /// Adds changes; gives the number of the first.
    fn add_changes(
        &mut self,
        changes: &[Change],
        deliveryid: i64,
        received_at: i64,
    ) -> Result<Option<i64>, StoreError> {
        let first = self.next.changeid;
        for change in changes {
            let changeid = self.next.changeid;
            self.next.changeid += 1;
            let key = head_key(change);
            let parent: Option<i64> = self
                .connection
                .prepare_cached("SELECT changeid FROM heads WHERE key = ?")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            self.connection.prepare_cached("INSERT OR REPLACE INTO heads VALUES (?, ?)")?.execute((key, changeid))?;
            if let Some(revision) = &change.revision {
                self.connection
                    .prepare_cached("INSERT INTO revisions VALUES (?, ?)")?
                    .execute((key_of(revision.as_bytes()), changeid))?;
            }
            self.connection
                .prepare_cached("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
                .execute(params![
                    changeid,
                    deliveryid,
                    received_at,
                    parent,
                    change.author,
                    change.branch,
                    change.category,
                    change.codebase,
                    change.comments,
                    change.committer,
                    json_of(&change.files),
                    change.project,
                    json_of(&change.properties),
                    change.repository,
                    change.revision,
                    change.revlink,
                    change.src,
                    change.when_timestamp.unwrap_or(received_at.div_euclid(1_000_000)),
                ])?;
        }
        Ok((!changes.is_empty()).then_some(first))
    }

    fn complete(&mut self, completion: &Completion) -> Result<bool, StoreError> {
        let received_at: Option<i64> = self
            .connection
            .prepare_cached("SELECT received_at FROM deliveries WHERE deliveryid = ? AND state = 0")?
            .query_row([completion.deliveryid], |row| row.get(0))
            .optional()?;
        let Some(received_at) = received_at else { return Ok(false) };
        let (changes, reason): (&[Change], _) = match &completion.state {
            NewState::Accepted(changes) => (changes, completion.note.as_ref()),
            NewState::Ignored(reason) | NewState::Refused(reason) => (&[], Some(reason)),
            NewState::Pending { .. } => return Ok(false),
        };
        let first = self.add_changes(changes, completion.deliveryid, received_at)?;
        self.connection
            .prepare_cached(
                "UPDATE deliveries SET state = ?, reason = ?, first_changeid = ?, change_count = ? WHERE deliveryid = ?",
            )?
            .execute((completion.state.state().code(), reason, first, changes.len(), completion.deliveryid))?;
        self.connection.prepare_cached("DELETE FROM pending WHERE deliveryid = ?")?.execute([completion.deliveryid])?;
        Ok(true)
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
        let size: i64 = if self.health.is_failing() { 128 << 10 } else { 8 };
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO facts VALUES ('probe', hex(randomblob(?)))")?
            .execute([size])?;
        Ok(())
    }

    /// Stores the block that is being filled.
    fn flush(&mut self) -> Result<(), StoreError> {
        if !self.block.is_empty() {
            let data = self.block.compressed().map_err(|error| StoreError::Failed(error.to_string()))?;
            self.connection
                .prepare_cached("INSERT INTO payload_blocks VALUES (?, ?)")?
                .execute((self.next.blockid, data))?;
            self.next.blockid += 1;
            self.block.clear();
        }
        Ok(())
    }
}

impl Next {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let after_last = |column: &str, table: &str| {
            connection.query_row(&format!("SELECT ifnull(max({column}), 0) + 1 FROM {table}"), [], |row| row.get(0))
        };
        Ok(Self {
            deliveryid: after_last("deliveryid", "deliveries")?,
            changeid: after_last("changeid", "changes")?,
            blockid: after_last("blockid", "payload_blocks")?,
        })
    }
}

fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and JSON values serialize")
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
