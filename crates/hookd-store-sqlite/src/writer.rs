//! The writer: one thread that takes all that waits, stores it as one transaction, and then answers all of it.
//!
//! A batch goes through it as *take → find duplicates → pack → commit → answer*. Results are put into the jobs as they
//! arise and are sent when they are on disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use hookd_store::{
    Completion, Due, Identity, KeptChanges, NewDelivery, NewState, Observer, PositionMove, Receipt, State, StoreError,
    shortened,
};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use crate::blocks::{self, Part};
use crate::checkpoint::Checkpoints;
use crate::error::Failure;
use crate::format::{Group, state_code};
use crate::fresh::Fresh;
use crate::health::Health;
use crate::index::{IdentityIndex, KeyKind, RecentKeys, SealedRun, key_of_identity, recent};
use crate::intake::Intake;
use crate::packer::{Numbers, PackedBlock, Packer};
use crate::reader::Indexes;
use crate::texts::OpenSegment;
use crate::{cursors, positions, retention};
use hookd_store::engine::Job;
use hookd_store::engine::Overload;

/// How many statements are kept prepared.
const CACHED_STATEMENTS: usize = 48;

/// A page of the file; a block dirties a few besides its own.
const PAGE_BYTES: usize = 4096;

/// How many bytes a probe writes while the store fails: as many as a large webhook. A few may still fit onto a disk that is
/// full.
const FAILING_PROBE_BYTES: i64 = 128 << 10;

/// The same while it works.
const PROBE_BYTES: i64 = 8;

pub(crate) struct Writer {
    connection: Connection,
    intake: Intake,
    packer: Packer,
    next: Numbers,
    recent_keys: Arc<RecentKeys>,
    open_segment: Arc<OpenSegment>,
    fresh: Arc<Fresh>,
    /// The runs of identities, once they were needed: reading them takes longer than all else at the start.
    identities: Option<IdentityIndex>,
    checkpoints: Checkpoints,
    /// The newest change.
    tail: watch::Sender<i64>,
    monitor: Monitor,
}

/// What takes note of the writer's transactions.
pub(crate) struct Monitor {
    pub(crate) health: Health,
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) overload: Arc<Overload>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// What a transaction changed besides its blocks, to be taken into memory when it is committed.
#[derive(Default)]
struct Changed {
    /// Whether the recent keys were made into runs.
    is_sealed: bool,
    /// Whether the segment of the text index was full, and was written.
    is_segment_written: bool,
    /// The new run of identities then.
    sealed: Option<SealedRun>,
    /// Runs that were deleted.
    expired_runs: Vec<i64>,
    /// Whether changes were deleted.
    has_expired: bool,
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        checkpoints: Checkpoints,
        Indexes { recent_keys, open_segment, fresh }: Indexes,
        next: Numbers,
        tail: watch::Sender<i64>,
        monitor: Monitor,
        jobs: Receiver<Job>,
    ) -> Result<Self, Failure> {
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        recent::read(&connection, &recent_keys)?;
        let (intake, packer, identities) = (Intake::new(jobs), Packer::new()?, None);
        Ok(Self {
            connection,
            intake,
            packer,
            next,
            recent_keys,
            open_segment,
            fresh,
            identities,
            checkpoints,
            tail,
            monitor,
        })
    }

    /// Serves until all senders are gone and all that they queued is stored.
    pub(crate) fn run(mut self) {
        while let Some(mut batch) = self.intake.take() {
            let begun = Instant::now();
            let outcome = self.store(&mut batch);
            self.monitor.over(batch.len(), outcome.as_ref().err(), begun.elapsed());
            let error = outcome.err().map(StoreError::from);
            batch.into_iter().for_each(|job| job.answer(error.as_ref()));
            self.checkpoints.finish(&self.connection);
        }
        // So that the next start need not read it from the log.
        if let Err(failure) = self.monitor.health.permit().and_then(|()| self.open_segment.write(&self.connection)) {
            tracing::debug!("the text index was not written: {failure}");
        }
    }

    /// Stores a batch as one transaction.
    fn store(&mut self, batch: &mut [Job]) -> Result<(), Failure> {
        match self.transaction(batch) {
            Ok(changed) => {
                self.committed(changed, batch);
                Ok(())
            }
            Err(failure) => {
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                Err(failure)
            }
        }
    }

    fn transaction(&mut self, batch: &mut [Job]) -> Result<Changed, Failure> {
        self.monitor.health.permit()?;
        self.connection.busy_timeout(self.monitor.health.busy_timeout())?;
        self.packer.begin(self.next);
        self.receive(batch)?;
        self.packer.finish_block()?;

        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut changed = Changed::default();
        // All recent keys were committed before.
        if self.recent_keys.is_full() {
            let (deliveryid, changeid) = (self.next.deliveryid - 1, self.next.changeid - 1);
            changed.sealed = recent::seal(&self.connection, &self.recent_keys, deliveryid, changeid)?;
            changed.is_sealed = true;
        }
        if self.open_segment.is_full() {
            self.open_segment.write(&self.connection)?;
            changed.is_segment_written = true;
        }
        self.insert(0)?;
        let inserted = self.packer.blocks().len();
        for job in batch {
            self.perform(job, &mut changed)?;
        }
        // The changes of what was completed.
        self.packer.finish_block()?;
        self.insert(inserted)?;
        let begun = Instant::now();
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.intake.committed(begun.elapsed());
        Ok(changed)
    }

    /// Takes into memory what was committed, and wakes readers.
    fn committed(&mut self, changed: Changed, batch: &mut [Job]) {
        let Changed { is_sealed, is_segment_written, sealed, expired_runs, has_expired } = changed;
        if has_expired {
            self.fresh.clear();
        }
        if is_segment_written {
            self.open_segment.begin_next();
        }
        self.open_segment.add(self.packer.texts(), self.packer.next().blockid);
        if is_sealed {
            self.recent_keys.clear();
        }
        self.recent_keys.add(self.packer.blocks().iter().flat_map(PackedBlock::numbered_keys));
        if let Some(index) = &mut self.identities {
            sealed.into_iter().for_each(|sealed| index.add(sealed));
            expired_runs.iter().for_each(|runid| index.remove(*runid));
        }
        let bytes = |PackedBlock { block, .. }: &PackedBlock| {
            block.records.len() + block.requests.as_ref().map_or(0, Vec::len) + 4 * PAGE_BYTES
        };
        self.checkpoints.committed(self.packer.blocks().iter().map(bytes).sum());
        let first_changeid = self.next.changeid;
        let has_changes = self.packer.next().changeid > self.next.changeid;
        self.next = self.packer.next();
        if has_changes {
            // Before readers are woken.
            self.fresh.add(batch, first_changeid);
            self.tail.send_replace(self.next.changeid - 1);
        }
    }

    /// Gives each delivery of a batch its receipt, and packs those that are new.
    fn receive(&mut self, batch: &mut [Job]) -> Result<(), Failure> {
        // The receipts of the new deliveries of the batch, of each identity the last.
        let mut earlier: HashMap<Identity, Receipt> = HashMap::with_capacity(batch.len());
        // The versions that positions get by the batch.
        let mut versions: HashMap<String, u64> = HashMap::new();
        for job in batch {
            if let Job::MovePositions(moved, promise) = job {
                let decided = self.move_positions(moved, &mut versions)?;
                promise.set(decided);
            }
            let Job::Append(delivery, identity, promise) = job else { continue };
            if let Some(identity) = identity.filter(|_| delivery.deduplicate) {
                let duplicate = match earlier.get(&identity) {
                    Some(receipt) => Some(receipt.clone()),
                    None => self.find_in_log(identity)?,
                };
                if let Some(receipt) = duplicate {
                    promise.set(Ok(Receipt { is_duplicate: true, ..receipt }));
                    continue;
                }
            }
            if let Some(moved) = &delivery.positions
                && let Err(error) = self.move_positions(moved, &mut versions)?
            {
                promise.set(Err(error));
                continue;
            }
            let receipt = Receipt {
                deliveryid: self.packer.next().deliveryid,
                state: delivery.state.state(),
                reported_changes: delivery.state.reported_changes(),
                reason: delivery.reason().map(str::to_owned),
                is_duplicate: false,
            };
            self.packer.add(delivery, *identity)?;
            // What made no change is translated afresh when it comes again.
            if let Some(identity) = identity.filter(|_| receipt.state.may_have_changes()) {
                earlier.insert(identity, receipt.clone());
            }
            promise.set(Ok(receipt));
        }
        Ok(())
    }

    /// Decides whether positions move, in a batch that has moved these already.
    fn move_positions(
        &self,
        moved: &PositionMove,
        versions: &mut HashMap<String, u64>,
    ) -> Result<Result<(), StoreError>, Failure> {
        let current = match versions.get(&moved.poller) {
            Some(version) => *version,
            None => positions::version(&self.connection, &moved.poller)?,
        };
        Ok(moved.decide(current).map(|version| {
            versions.insert(moved.poller.clone(), version);
        }))
    }

    /// The receipt of the delivery of this identity that was committed before, unless that produced no change.
    ///
    /// However many there are of one identity, the last one decides, and no body is read.
    fn find_in_log(&mut self, identity: Identity) -> Result<Option<Receipt>, Failure> {
        let key = key_of_identity(identity);
        let index = match &mut self.identities {
            Some(index) => index,
            none => none.insert(IdentityIndex::read(&self.connection)?),
        };
        let recent = self.recent_keys.newest(KeyKind::Identity, key).map(Ok);
        for deliveryid in recent.into_iter().chain(index.newest(&self.connection, key)) {
            let deliveryid = deliveryid?;
            let found = blocks::entry(&self.connection, deliveryid, |_, entry, _| {
                (entry.identity == Some(identity)).then(|| Receipt {
                    deliveryid,
                    state: entry.state,
                    reported_changes: entry.reported_changes,
                    reason: entry.reason.map(str::to_owned),
                    is_duplicate: true,
                })
            })?;
            let Some(receipt) = found.flatten() else { continue };
            let state = match receipt.state {
                State::Pending => blocks::completed_state(&self.connection, deliveryid)?.unwrap_or(State::Pending),
                state => state,
            };
            return Ok(state.may_have_changes().then_some(receipt));
        }
        Ok(None)
    }

    /// Inserts the packed blocks from the one at this index on.
    fn insert(&self, first: usize) -> rusqlite::Result<()> {
        for packed in &self.packer.blocks()[first..] {
            recent::write(&self.connection, packed)?;
            blocks::insert(&self.connection, packed)?;
        }
        Ok(())
    }

    /// Does what a job asks for, besides inserting its block.
    fn perform(&mut self, job: &mut Job, changed: &mut Changed) -> Result<(), Failure> {
        match job {
            Job::Append(delivery, _, promise) => {
                if let (Some(moved), Some(Receipt { is_duplicate: false, .. })) = (&delivery.positions, promise.get()) {
                    positions::put(&self.connection, moved, moved.expected + 1, !delivery.state.changes().is_empty())?;
                }
                if let Some(Receipt { deliveryid, state: State::Pending, is_duplicate: false, .. }) = promise.get() {
                    self.await_completion(*deliveryid, delivery)?;
                }
            }
            Job::Complete(completion, promise) => promise.set(Ok(self.complete(completion)?)),
            Job::Postpone(due, promise) => promise.set(Ok(self.postpone(due)?)),
            Job::Expire(expiry, promise) => {
                let step = retention::step(&self.connection, expiry)?;
                changed.has_expired |= step.expired.changes > 0;
                changed.expired_runs.extend(step.runs);
                promise.set(Ok(step.expired));
            }
            Job::MoveCursors(moves, promise) => {
                promise.set(cursors::move_all(&self.connection, moves, self.kept_changes()?)?);
            }
            Job::MovePositions(moved, promise) => {
                if promise.get().is_some() {
                    positions::put(&self.connection, moved, moved.expected + 1, false)?;
                }
            }
            Job::Probe(promise) => promise.set(Ok(self.probe()?)),
        }
        Ok(())
    }

    fn await_completion(&self, deliveryid: i64, delivery: &NewDelivery) -> rusqlite::Result<()> {
        let NewState::Pending { about, .. } = &delivery.state else { return Ok(()) };
        self.connection.prepare_cached("INSERT INTO pending VALUES (?1, ?2, ?3, 0, ?3, NULL, ?4, ?5, ?6)")?.execute(
            (
                deliveryid,
                &delivery.dialect,
                delivery.received_at.as_micros(),
                shortened(&about.repository),
                about.branch.as_deref().map(shortened),
                about.revision.as_deref().map(shortened),
            ),
        )?;
        Ok(())
    }

    fn complete(&mut self, completion: &Completion) -> Result<bool, Failure> {
        let pending: Option<(i64, String)> = self
            .connection
            .prepare_cached("DELETE FROM pending WHERE deliveryid = ? RETURNING received_at, dialect")?
            .query_row([completion.deliveryid], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((received_at, dialect)) = pending else { return Ok(false) };
        let changes = completion.state.changes();
        let group = Group { deliveryid: completion.deliveryid, received_at, dialect: &dialect };
        let first = self.packer.add_completed(&group, completion)?;
        self.connection
            .prepare_cached("INSERT INTO unindexed_outcomes VALUES (?)")?
            .execute([completion.deliveryid])?;
        self.connection.prepare_cached("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            completion.deliveryid,
            state_code(completion.state.state()),
            completion.reason(),
            (!changes.is_empty()).then_some(first),
            changes.len(),
            completion.api_calls.made,
            completion.api_calls.failed,
            completion.api_calls.last_error.as_deref(),
        ))?;
        Ok(true)
    }

    fn postpone(&self, due: &Due) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE pending SET attempts = ?, next_at = ?, error = ? WHERE deliveryid = ?")?
            .execute((due.attempts, due.next_at.as_micros(), due.error.as_deref().map(shortened), due.deliveryid))?;
        Ok(())
    }

    /// What cursors may point to: what was committed before this transaction, and is still there.
    fn kept_changes(&self) -> rusqlite::Result<KeptChanges> {
        let first = blocks::first(&self.connection)?;
        Ok(KeptChanges {
            first: first.map_or(self.next.changeid, |first| first.first(Part::Changes)),
            newest: self.next.changeid - 1,
        })
    }

    /// Writes something that nobody reads, so that the commit has to reach the disk: something random, since SQLite
    /// writes nothing where a row stays the same.
    fn probe(&self) -> rusqlite::Result<()> {
        let size = if self.monitor.health.is_failing() { FAILING_PROBE_BYTES } else { PROBE_BYTES };
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO facts VALUES ('probe', hex(randomblob(?)))")?
            .execute([size])?;
        Ok(())
    }
}

impl Drop for Writer {
    /// Makes the file alone the whole store. Where a reader is still at work, the next start does it.
    fn drop(&mut self) {
        self.checkpoints.stop();
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
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
