//! Makes blocks of what a batch stores, with the keys that lead to it.

use hookd_core::Change;
use hookd_store::{Completion, Identity, NewDelivery};

use crate::error::Failure;
use crate::format::{Block, BlockBuilder, DeliveryEntry, Group};
use crate::index::{BlockKeys, Key, KeyKind};
use crate::texts::BatchTexts;

/// The next number of each kind. The writer counts them: it is the only one, and holds the store's lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) deliveryid: i64,
    pub(crate) changeid: i64,
    pub(crate) blockid: i64,
}

pub(crate) struct Packer {
    builder: BlockBuilder,
    keys: BlockKeys,
    request_count: i64,
    /// What the batch brings to the text index.
    texts: BatchTexts,
    /// The numbers of the next delivery and change, and of the block that is being filled.
    next: Numbers,
    blocks: Vec<PackedBlock>,
}

/// A block as it is stored, with its first numbers.
pub(crate) struct PackedBlock {
    pub(crate) first: Numbers,
    pub(crate) block: Block,
    pub(crate) keys: BlockKeys,
    /// How many of its deliveries have a request.
    pub(crate) request_count: i64,
}

impl PackedBlock {
    /// The keys, each with the number that it leads to.
    pub(crate) fn numbered_keys(&self) -> impl Iterator<Item = (KeyKind, Key)> {
        self.keys.keys(self.first.deliveryid, self.first.changeid)
    }
}

impl Packer {
    pub(crate) fn new() -> Result<Self, Failure> {
        let builder = BlockBuilder::new().map_err(|error| Failure::Damaged(error.to_string()))?;
        let next = Numbers { deliveryid: 1, changeid: 1, blockid: 1 };
        Ok(Self {
            builder,
            keys: BlockKeys::default(),
            request_count: 0,
            texts: BatchTexts::default(),
            next,
            blocks: Vec::new(),
        })
    }

    /// Begins a batch with these numbers; whatever an earlier one left is dropped.
    pub(crate) fn begin(&mut self, next: Numbers) {
        self.builder.clear();
        self.keys = BlockKeys::default();
        self.request_count = 0;
        self.texts = BatchTexts::default();
        self.blocks.clear();
        self.next = next;
    }

    /// The numbers that come next.
    pub(crate) fn next(&self) -> Numbers {
        self.next
    }

    /// Adds a delivery, with the changes that it has already.
    pub(crate) fn add(&mut self, delivery: &NewDelivery, identity: Option<Identity>) -> Result<(), Failure> {
        if self.builder.is_full() {
            self.finish_block()?;
        }
        let NewDelivery {
            received_at,
            dialect,
            event,
            forge_id,
            origin,
            replay,
            positions: _,
            request,
            state,
            deduplicate: _,
            note: _,
        } = delivery;
        let changes = state.changes();
        let entry = DeliveryEntry {
            received_at: received_at.as_micros(),
            dialect,
            forge_id: forge_id.as_deref(),
            identity,
            event: event.as_deref(),
            state: state.state(),
            reason: delivery.reason(),
            reported_changes: state.reported_changes(),
            first_changeid: (!changes.is_empty()).then_some(self.next.changeid),
            change_count: changes.len(),
            head_length: 0,
            body_length: 0,
            peer: origin.peer.as_deref(),
            user: origin.user.as_deref(),
            proof: origin.proof,
            replay_of: replay.as_ref().map(|replay| replay.of),
        };
        self.keys.add_delivery(&entry);
        self.texts.add_delivery(&entry);
        self.builder.delivery(entry, request.as_ref());
        self.request_count += i64::from(request.is_some());
        let group = Group { deliveryid: self.next.deliveryid, received_at: received_at.as_micros(), dialect };
        self.add_changes(&group, changes);
        self.next.deliveryid += 1;
        Ok(())
    }

    /// Adds the result of a delivery that was pending; gives the number of the first of its changes.
    pub(crate) fn add_completed(&mut self, group: &Group<'_>, completion: &Completion) -> Result<i64, Failure> {
        if self.builder.is_full() {
            self.finish_block()?;
        }
        let first = self.next.changeid;
        self.add_changes(group, completion.state.changes());
        self.texts.add_outcome(group.deliveryid, completion.state.state(), completion.reason());
        Ok(first)
    }

    fn add_changes(&mut self, group: &Group<'_>, changes: &[Change]) {
        self.builder.changes(group, changes);
        for change in changes {
            self.keys.add_change(change);
            self.texts.add_change(group.deliveryid, change);
            self.next.changeid += 1;
        }
    }

    /// Ends the block that is being filled, if there is anything in it.
    pub(crate) fn finish_block(&mut self) -> Result<(), Failure> {
        let Some(block) = self.builder.finish()? else { return Ok(()) };
        let first = Numbers {
            deliveryid: self.next.deliveryid - block.delivery_count,
            changeid: self.next.changeid - block.change_count,
            blockid: self.next.blockid,
        };
        let keys = std::mem::take(&mut self.keys);
        let request_count = std::mem::take(&mut self.request_count);
        self.blocks.push(PackedBlock { first, block, keys, request_count });
        self.next.blockid += 1;
        Ok(())
    }

    /// What the batch brings to the text index.
    pub(crate) fn texts(&self) -> &BatchTexts {
        &self.texts
    }

    /// The blocks of the batch that are finished.
    pub(crate) fn blocks(&self) -> &[PackedBlock] {
        &self.blocks
    }
}
