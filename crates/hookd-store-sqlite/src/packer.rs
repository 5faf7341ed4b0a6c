//! Makes blocks of what a batch stores, with the keys that lead to it.

use hookd_core::Change;
use hookd_store::{Completion, Identity, NewDelivery, State};

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
    /// Whether a delivery of the block has lost its request.
    has_lost_requests: bool,
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
            has_lost_requests: false,
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
        self.has_lost_requests = false;
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
        self.add_sized(delivery, identity, 0)
    }

    /// The same with a delivery that is copied. If its request is no longer kept, that had this many bytes.
    ///
    /// A block keeps all of its requests or none, so that it does not take one that has lost its request beside one that
    /// has it.
    pub(crate) fn add_sized(
        &mut self,
        delivery: &NewDelivery,
        identity: Option<Identity>,
        lost_bytes: usize,
    ) -> Result<(), Failure> {
        let has_lost = lost_bytes > 0 && delivery.request.is_none();
        let fits_not =
            if has_lost { self.request_count > 0 } else { delivery.request.is_some() && self.has_lost_requests };
        if self.builder.is_full() || fits_not {
            self.finish_block()?;
        }
        self.has_lost_requests |= has_lost;
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
            body_length: if has_lost { lost_bytes } else { 0 },
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

    /// Adds changes of an earlier delivery, without its result.
    pub(crate) fn add_late(&mut self, group: &Group<'_>, changes: &[Change]) -> Result<(), Failure> {
        if self.builder.is_full() {
            self.finish_block()?;
        }
        self.add_changes(group, changes);
        Ok(())
    }

    /// The result of a delivery that was pending, for the text index.
    pub(crate) fn add_outcome(&mut self, deliveryid: i64, state: State, reason: Option<&str>) {
        self.texts.add_outcome(deliveryid, state, reason);
    }

    /// A block with nothing in it.
    pub(crate) fn add_empty(&mut self) -> Result<(), Failure> {
        let (block, keys) = (self.builder.empty()?, BlockKeys::default());
        self.blocks.push(PackedBlock { first: self.next, block, keys, request_count: 0 });
        self.next.blockid += 1;
        Ok(())
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
        self.has_lost_requests = false;
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
