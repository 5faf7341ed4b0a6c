//! The first half of the writer: takes what waits, and makes blocks of it.

use std::borrow::Cow;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hookd_core::Change;

use super::job::{Job, Next};
use crate::block::{Block, Entry, Pack};
use crate::keys::{BlockKeys, key_of};
use crate::{NewDelivery, Receipt, StoreError};

/// How many writes one transaction takes at most.
const BATCH: usize = 512;

/// How long the writer waits for company when the last batch was larger: those who were answered with it are about to
/// send again, and one commit for all of them costs less than one for each.
const GATHER: Duration = Duration::from_micros(100);

pub(super) struct Intake {
    jobs: Receiver<Job>,
    /// How many writes the last batch had.
    last: usize,
    pack: Pack,
    keys: BlockKeys,
}

/// What a batch stores.
pub(super) struct Packed {
    /// The first numbers of it.
    pub(super) from: Next,
    /// The next ones.
    pub(super) to: Next,
    /// At least one delivery or change each.
    pub(super) blocks: Vec<(Block, BlockKeys)>,
}

/// Whether a delivery of a batch is new.
pub(super) enum Found {
    New,
    /// It is the same as an earlier one of the batch, at this place.
    InBatch(usize),
    /// It is the same as one that was stored before, which was answered with this.
    InLog(Receipt),
}

impl Intake {
    pub(super) fn new(jobs: Receiver<Job>) -> Result<Self, StoreError> {
        let pack = Pack::new().map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { jobs, last: 0, pack, keys: BlockKeys::default() })
    }

    /// Waits for writes; `None` when all senders are gone and nothing is left.
    pub(super) fn take(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.jobs.recv().ok()?];
        batch.extend(self.jobs.try_iter().take(BATCH - 1));
        if batch.len() < self.last {
            std::thread::sleep(GATHER);
            batch.extend(self.jobs.try_iter().take(BATCH - batch.len()));
        }
        self.last = batch.len();
        Some(batch)
    }

    /// Makes blocks of the deliveries of a batch that are new.
    pub(super) fn pack(&mut self, batch: &[Job], found: &[Found], from: Next) -> Result<Packed, StoreError> {
        let mut packed = Packed { from, to: from, blocks: Vec::new() };
        for (job, found) in batch.iter().zip(found) {
            if let (Job::Submit(delivery, _), Found::New) = (job, found) {
                if self.pack.is_full() {
                    self.finish(&mut packed)?;
                }
                self.add(delivery, &mut packed.to);
            }
        }
        self.finish(&mut packed)?;
        Ok(packed)
    }

    fn add(&mut self, delivery: &NewDelivery, next: &mut Next) {
        let changes = delivery.state.changes();
        let (head_length, body_length) = self.pack.request(&delivery.request);
        self.pack.delivery(&Entry {
            received_at: delivery.received_at,
            dialect: Cow::Borrowed(&delivery.dialect),
            forge_id: delivery.forge_id.as_deref().map(Cow::Borrowed),
            event: delivery.event.as_deref().map(Cow::Borrowed),
            state: delivery.state.state().code(),
            reason: delivery.state.reason().map(Cow::Borrowed),
            told: delivery.state.told(),
            first_changeid: (!changes.is_empty()).then_some(next.changeid),
            change_count: changes.len(),
            head_length,
            body_length,
        });
        self.keys.delivery(delivery.forge_id.as_deref().map(key_of));
        self.add_changes(next.deliveryid, delivery.received_at, changes, next);
        next.deliveryid += 1;
    }

    /// Adds a block of changes to what a batch stores, if there are any: each with the delivery that they came of, and
    /// when that was received.
    pub(super) fn pack_changes(
        &mut self,
        changes: &[(i64, i64, &[Change])],
        packed: &mut Packed,
    ) -> Result<(), StoreError> {
        for (deliveryid, received_at, changes) in changes {
            self.add_changes(*deliveryid, *received_at, changes, &mut packed.to);
        }
        self.finish(packed)
    }

    fn add_changes(&mut self, deliveryid: i64, received_at: i64, changes: &[Change], next: &mut Next) {
        for change in changes {
            self.pack.change(deliveryid, received_at, change);
            self.keys.change(change);
            next.changeid += 1;
        }
    }

    /// Ends the block that is being filled, if there is anything in it.
    fn finish(&mut self, packed: &mut Packed) -> Result<(), StoreError> {
        let keys = std::mem::take(&mut self.keys);
        if let Some(block) = self.pack.finish()? {
            packed.blocks.push((block, keys));
            packed.to.blockid += 1;
        }
        Ok(())
    }
}
