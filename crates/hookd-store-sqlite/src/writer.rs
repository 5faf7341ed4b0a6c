//! The writer: one thread that takes all that waits, stores it as one transaction, and then answers all of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use hookd_core::Change;
use rusqlite::{Connection, OptionalExtension};

use super::checkpoint::Checkpoints;
use super::health::Health;
use super::intake::{Found, Intake, Packed};
use super::job::{Job, Next};
use super::log;
use super::overload::Overload;
use super::runs::{Added, Filtered};
use super::{retention, tail};
use crate::block::Block;
use crate::keys::{BlockKeys, Kind, Tail, key_of};
use crate::{Completion, Due, NewDelivery, NewState, Observer, Receipt, State, StoreError};

/// A page of the file; a block dirties a few besides its own.
const PAGE: usize = 4096;

/// What a write gave, to be sent when the transaction is committed.
enum Done {
    Submitted(Receipt),
    Completed(bool),
    Expired(u64),
    Nothing,
}

/// What a transaction gave.
struct Stored {
    /// The end of each write.
    done: Vec<Done>,
    packed: Packed,
    /// Whether the tail was made into runs.
    is_sealed: bool,
    /// The new run of forge ids then.
    added: Option<Added>,
    /// Runs that were deleted.
    expired: Vec<i64>,
}

/// The writer, in two halves.
pub(super) struct Writer {
    intake: Intake,
    log: Log,
}

/// The second half of the writer: stores batches, one after the other.
struct Log {
    connection: Connection,
    next: Next,
    tail: Arc<Tail>,
    /// The runs of forge ids, as soon as they were needed: reading them takes longer than all else at the start.
    runs: Option<Filtered>,
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
        jobs: Receiver<Job>,
    ) -> Result<Self, StoreError> {
        connection.set_prepared_statement_cache_capacity(32);
        tail::read(&connection, &tail)?;
        let next = Next::read(&connection)?;
        let log = Log { connection, next, tail, runs: None, checkpoints, watch };
        Ok(Self { intake: Intake::new(jobs)?, log })
    }

    /// Serves until all senders are gone and all that they queued is stored.
    pub(super) fn run(mut self) {
        while let Some(mut batch) = self.intake.take() {
            let outcome = self.log.store(&mut self.intake, &batch);
            answer(&mut batch, outcome);
            self.log.checkpoints.finish(&self.log.connection);
        }
    }
}

impl Log {
    /// Stores a batch as one transaction.
    fn store(&mut self, intake: &mut Intake, batch: &[Job]) -> Result<Vec<Done>, StoreError> {
        let begun = Instant::now();
        let outcome = match self.transaction(intake, batch) {
            Ok(Stored { done, packed, is_sealed, added, expired }) => {
                self.committed(&packed, is_sealed, added, &expired);
                Ok(done)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                Err(error)
            }
        };
        self.watch.over(batch.len(), outcome.as_ref().err(), begun.elapsed());
        outcome
    }

    fn transaction(&mut self, intake: &mut Intake, batch: &[Job]) -> Result<Stored, StoreError> {
        self.watch.health.permit()?;
        self.connection.busy_timeout(self.watch.health.patience())?;
        let found = self.found(batch)?;
        let mut packed = intake.pack(batch, &found, self.next)?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        // All of the tail was committed before.
        let is_sealed = self.tail.is_full();
        let added = if is_sealed {
            tail::seal(&self.connection, &self.tail, self.next.deliveryid - 1, self.next.changeid - 1)?
        } else {
            None
        };
        insert(&self.connection, &packed.blocks, packed.from)?;
        let (mut done, mut completed, mut expired) =
            (Vec::with_capacity(batch.len()), Completed::from(packed.to), Vec::new());
        let mut deliveryid = packed.from.deliveryid;
        for (job, found) in batch.iter().zip(&found) {
            let end = match job {
                Job::Submit(delivery, _) => Done::Submitted(match found {
                    Found::New => {
                        deliveryid += 1;
                        self.submitted(delivery, deliveryid - 1)?
                    }
                    Found::InBatch(index) => match &done[*index] {
                        Done::Submitted(receipt) => Receipt { is_duplicate: true, ..receipt.clone() },
                        _ => unreachable!("only a delivery is the same as a delivery"),
                    },
                    Found::InLog(receipt) => receipt.clone(),
                }),
                Job::Complete(completion, _) => Done::Completed(self.complete(completion, &mut completed)?),
                Job::Postpone(due, _) => self.postpone(due).map(|()| Done::Nothing)?,
                Job::Expire(expiry, _) => {
                    let gone = retention::step(&self.connection, expiry)?;
                    expired.extend(gone.runs);
                    Done::Expired(gone.rows)
                }
                Job::Probe(_) => self.probe().map(|()| Done::Nothing)?,
            };
            done.push(end);
        }
        let (from, first) = (packed.to, packed.blocks.len());
        intake.pack_changes(&completed.changes, &mut packed)?;
        insert(&self.connection, &packed.blocks[first..], from)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(Stored { done, packed, is_sealed, added, expired })
    }

    /// Takes into memory what was committed.
    fn committed(&mut self, packed: &Packed, is_sealed: bool, added: Option<Added>, expired: &[i64]) {
        if is_sealed {
            self.tail.clear();
        }
        self.tail.add(
            numbered(&packed.blocks, packed.from).flat_map(|(next, _, keys)| keys.keys(next.deliveryid, next.changeid)),
        );
        if let Some(runs) = &mut self.runs {
            added.into_iter().for_each(|added| runs.add(added));
            expired.iter().for_each(|runid| runs.remove(*runid));
        }
        self.next = packed.to;
        let bytes = |block: &Block| block.records.len() + block.requests.as_ref().map_or(0, Vec::len) + 4 * PAGE;
        self.checkpoints.committed(packed.blocks.iter().map(|(block, _)| bytes(block)).sum());
    }

    /// Looks for each write of a batch whether it is a delivery that was there before.
    fn found(&mut self, batch: &[Job]) -> Result<Vec<Found>, StoreError> {
        // The deliveries of the batch by the keys of their forge ids.
        let mut earlier: HashMap<u64, Vec<usize>> = HashMap::with_capacity(batch.len());
        let mut found = Vec::with_capacity(batch.len());
        for (index, job) in batch.iter().enumerate() {
            let mut same = Found::New;
            if let Job::Submit(delivery, _) = job
                && let Some(forge_id) = &delivery.forge_id
            {
                let key = key_of(forge_id);
                // What was refused was not acknowledged, so it may come again and be looked at afresh.
                if delivery.deduplicate && delivery.state.state() != State::Refused {
                    let in_batch = earlier.get(&key).into_iter().flatten().find(|index| match &batch[**index] {
                        Job::Submit(other, _) => is_same(other, delivery),
                        _ => false,
                    });
                    same = match in_batch {
                        Some(index) => Found::InBatch(*index),
                        None => self.same_in_log(key, forge_id, delivery)?.map_or(Found::New, Found::InLog),
                    };
                }
                if matches!(same, Found::New) {
                    earlier.entry(key).or_default().push(index);
                }
            }
            found.push(same);
        }
        Ok(found)
    }

    /// The receipt of a delivery that was committed before, whose request is still kept, and that is the same: forge id,
    /// dialect and every byte of the body.
    fn same_in_log(&mut self, key: u64, forge_id: &str, delivery: &NewDelivery) -> Result<Option<Receipt>, StoreError> {
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Filtered::read(&self.connection)?),
        };
        let mut candidates = self.tail.find(Kind::ForgeId, key);
        candidates.extend(runs.find(&self.connection, key)?);
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

    /// Stores what besides its block is to be stored of a new delivery, and gives its receipt.
    fn submitted(&self, delivery: &NewDelivery, deliveryid: i64) -> Result<Receipt, StoreError> {
        let state = delivery.state.state();
        if state == State::Pending {
            self.connection.prepare_cached("INSERT INTO pending VALUES (?1, ?2, ?3, 0, ?3)")?.execute((
                deliveryid,
                &delivery.dialect,
                delivery.received_at,
            ))?;
        }
        let reason = delivery.state.reason().map(str::to_owned);
        Ok(Receipt { deliveryid, state, changes: delivery.state.told(), reason, is_duplicate: false })
    }

    fn complete<'b>(&self, completion: &'b Completion, completed: &mut Completed<'b>) -> Result<bool, StoreError> {
        let received_at: Option<i64> = self
            .connection
            .prepare_cached("DELETE FROM pending WHERE deliveryid = ? RETURNING received_at")?
            .query_row([completion.deliveryid], |row| row.get(0))
            .optional()?;
        let Some(received_at) = received_at else { return Ok(false) };
        let reason = match &completion.state {
            NewState::Accepted(_) => completion.note.as_deref(),
            NewState::Ignored(reason) | NewState::Refused(reason) => Some(&**reason),
            NewState::Pending { .. } => return Err(StoreError::Failed("pending is no end of a delivery".to_owned())),
        };
        let changes = completion.state.changes();
        let first = completed.add(completion.deliveryid, received_at, changes);
        self.connection.prepare_cached("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)")?.execute((
            completion.deliveryid,
            completion.state.state().code(),
            reason,
            first,
            changes.len(),
        ))?;
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
        let size: i64 = if self.watch.health.is_failing() { 128 << 10 } else { 8 };
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO facts VALUES ('probe', hex(randomblob(?)))")?
            .execute([size])?;
        Ok(())
    }
}

/// Adds blocks, the first of which has these numbers.
fn insert(connection: &Connection, blocks: &[(Block, BlockKeys)], from: Next) -> rusqlite::Result<()> {
    for (first, block, keys) in numbered(blocks, from) {
        let deliveries = (first.deliveryid, block.delivery_count);
        tail::write(connection, first.blockid, deliveries, first.changeid, keys)?;
        connection.prepare_cached("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            first.blockid,
            first.deliveryid,
            block.delivery_count,
            first.changeid,
            block.change_count,
            block.received_at,
            &block.records,
            &block.requests,
        ))?;
    }
    Ok(())
}

/// Blocks with their first numbers, those of the first being these.
fn numbered(blocks: &[(Block, BlockKeys)], from: Next) -> impl Iterator<Item = (Next, &Block, &BlockKeys)> {
    let mut next = from;
    blocks.iter().map(move |(block, keys)| {
        let first = next;
        next.deliveryid += block.delivery_count;
        next.changeid += block.change_count;
        next.blockid += 1;
        (first, block, keys)
    })
}

/// Whether a delivery is the same as an earlier one of its batch.
fn is_same(earlier: &NewDelivery, delivery: &NewDelivery) -> bool {
    earlier.forge_id == delivery.forge_id
        && earlier.dialect == delivery.dialect
        && earlier.state.state() != State::Refused
        && earlier.request.body == delivery.request.body
}

/// The changes of a batch that come of completions.
struct Completed<'b> {
    changes: Vec<(i64, i64, &'b [Change])>,
    next_changeid: i64,
}

impl<'b> Completed<'b> {
    fn from(next: Next) -> Self {
        Self { changes: Vec::new(), next_changeid: next.changeid }
    }

    /// Adds those of a delivery and when it was received; gives the number of the first.
    fn add(&mut self, deliveryid: i64, received_at: i64, changes: &'b [Change]) -> Option<i64> {
        let first = self.next_changeid;
        self.changes.push((deliveryid, received_at, changes));
        self.next_changeid += i64::try_from(changes.len()).unwrap_or(i64::MAX);
        (!changes.is_empty()).then_some(first)
    }
}

impl Drop for Log {
    /// Makes the file alone the whole store. Where a reader is still at work, the next start does it.
    fn drop(&mut self) {
        self.checkpoints.stop();
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
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
