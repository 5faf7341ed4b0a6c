//! Blocks: what one transaction stores, compressed together.
//!
//! # Layout of version 3
//!
//! The fields come in this order, with nothing between them. Their kinds are those of [`super::wire`]; each of the two
//! parts is compressed and enveloped as [`super::version`] says.
//!
//! **Records**: four bytes, little-endian: the length of the deliveries in bytes; then the deliveries; then the groups of
//! changes, up to the end. Numbers of deliveries and changes follow from those of the block, one after the other.
//!
//! - *delivery*: `received_at` (integer, microseconds since 1970), `dialect` (text), `forge_id` (optional text), `identity`
//!   (the byte 0; or the byte 1, then 16 bytes, little-endian), `event` (optional text), `state` (byte: 0 pending, 1 accepted, 2 ignored, 3 refused), `reason` (optional text),
//!   `reported_changes` (number), `first_changeid` (number, 0: none), `change_count` (number), `head_length` and
//!   `body_length` of its request (numbers, bytes; a `head_length` of 0: it came without a request), `peer`, `user`
//!   (optional texts), `proof` (number, 0: none required, 1: verified, n + 1: by the secret of this number), `replay_of`
//!   (number, 0: it is no replay)
//! - *group of changes*: `deliveryid` (integer), its `received_at` (integer) and `dialect` (text), how many changes
//!   (number), the properties that changes share (list of lists of names (text), each with its JSON value); then the changes. A delivery that was accepted at once has its group in its own block, one that was pending
//!   in the block of the transaction that completed it
//! - *change*: `author` (text), `branch`, `category` (optional texts), `codebase`, `comments` (texts), `committer`
//!   (optional text), `files` (list of texts), `project` (text), `properties` (number: which of those that changes of the
//!   group share, from 1 on, or 0: none; then its own, which hide those of the same name: list of names (text), each with its
//!   JSON value), `repository` (text), `revision`, `revlink`, `src` (optional texts), `when_timestamp` (optional integer,
//!   seconds since 1970)
//!
//! **Requests**, in the order of their deliveries, each a head and a body:
//!
//! - *head*: `method` (byte: 0 GET, 1 POST), `path`, `query` (texts), `headers` (list of names (text) and values (optional
//!   text; none: the `forge_id` of the delivery))
//! - *body*: as it was sent

use std::sync::Arc;

use hookd_core::Change;
use hookd_store::StoredRequest;
use serde_json::{Map, Value};

use super::dictionary::{Compressor, Part};
use super::records::{DeliveryEntry, Group, LENGTH_BYTES};
use super::{change, request, version};
use crate::error::Failure;

/// A block is closed when one of its parts has this many bytes, so that reading from it stays cheap. It may be larger by one
/// delivery, which is never split: by its body (`max_body`), and by its changes, which are bounded by that as well.
const MAX_BLOCK_BYTES: usize = 1 << 20;

/// How much memory a part keeps for the next block, in bytes.
const KEPT_BYTES: usize = 2 * MAX_BLOCK_BYTES;

/// A block that is being filled.
pub(crate) struct BlockBuilder {
    /// The length of the deliveries, and the deliveries.
    records: Part,
    changes: Vec<u8>,
    requests: Part,
    delivery_count: i64,
    change_count: i64,
    newest_received_at: i64,
    compressor: Compressor,
}

/// A block as it is stored.
pub(crate) struct Block {
    pub(crate) delivery_count: i64,
    pub(crate) change_count: i64,
    /// When the youngest in it was received, in microseconds since 1970.
    pub(crate) received_at: i64,
    /// Packed.
    pub(crate) records: Vec<u8>,
    /// Packed; `None` where it has no request.
    pub(crate) requests: Option<Vec<u8>>,
}

impl BlockBuilder {
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut builder = Self {
            records: Part::new(),
            changes: Vec::new(),
            requests: Part::new(),
            delivery_count: 0,
            change_count: 0,
            newest_received_at: i64::MIN,
            compressor: Compressor::new()?,
        };
        builder.clear();
        Ok(builder)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.requests.bytes().len() >= MAX_BLOCK_BYTES
            || self.records.bytes().len() + self.changes.len() >= MAX_BLOCK_BYTES
    }

    /// Adds a delivery and its request; the lengths of the request are filled in here.
    pub(crate) fn delivery(&mut self, mut entry: DeliveryEntry<'_>, request: Option<&StoredRequest>) {
        if let Some(StoredRequest { head, body }) = request {
            let requests = self.requests.end();
            let before = requests.len();
            request::write_head(requests, head, entry.forge_id);
            (entry.head_length, entry.body_length) = (requests.len() - before, body.len());
            requests.extend_from_slice(body);
        }
        entry.write(self.records.end());
        self.delivery_count += 1;
        self.newest_received_at = self.newest_received_at.max(entry.received_at);
    }

    /// Adds the changes of a delivery, if there are any.
    pub(crate) fn changes<'c>(&mut self, group: &Group<'_>, changes: &'c [Change]) {
        if changes.is_empty() {
            return;
        }
        // Those of a delivery share one, which each holds.
        let mut shared: Vec<&Arc<Map<String, Value>>> = Vec::new();
        let number = |change: &'c Change| {
            let Some(layer) = change.properties.shared() else { return 0 };
            if !shared.last().is_some_and(|last| Arc::ptr_eq(last, layer)) {
                shared.push(layer);
            }
            shared.len()
        };
        let numbers: Vec<usize> = changes.iter().map(number).collect();
        group.write(&mut self.changes, changes.len(), &shared);
        for (change, number) in changes.iter().zip(numbers) {
            change::write(&mut self.changes, change, number);
        }
        self.change_count += i64::try_from(changes.len()).unwrap_or(i64::MAX);
        self.newest_received_at = self.newest_received_at.max(group.received_at);
    }

    /// The block, packed, after which this is empty again; `None` where nothing is in it.
    ///
    /// # Errors
    /// When zstd fails, which it does for lack of memory only.
    pub(crate) fn finish(&mut self) -> Result<Option<Block>, Failure> {
        if self.delivery_count + self.change_count == 0 {
            return Ok(None);
        }
        let block = self.pack();
        self.clear();
        block.map(Some)
    }

    /// A block with nothing in it, from which the next numbers follow where all others have expired.
    ///
    /// # Errors
    /// As [`BlockBuilder::finish`].
    pub(crate) fn empty(&mut self) -> Result<Block, Failure> {
        self.clear();
        let block = self.pack();
        self.clear();
        Ok(Block { received_at: 0, ..block? })
    }

    fn pack(&mut self) -> Result<Block, Failure> {
        self.join()?;
        Ok(Block {
            delivery_count: self.delivery_count,
            change_count: self.change_count,
            received_at: self.newest_received_at,
            records: version::pack(&mut self.compressor, &self.records)?,
            requests: match self.requests.bytes() {
                [] => None,
                _ => Some(version::pack(&mut self.compressor, &self.requests)?),
            },
        })
    }

    /// Puts the length before the deliveries, and the changes behind them.
    fn join(&mut self) -> Result<(), Failure> {
        let length = u32::try_from(self.records.bytes().len() - LENGTH_BYTES);
        let length = length.map_err(|error| super::wire::broken(&error.to_string()))?;
        self.records.bytes_mut()[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        self.records.end().append(&mut self.changes);
        Ok(())
    }

    /// Empties the block. The memory of an unusually large one is given back.
    pub(crate) fn clear(&mut self) {
        self.records.clear(KEPT_BYTES);
        self.records.end().extend([0; LENGTH_BYTES]);
        self.changes.clear();
        self.changes.shrink_to(KEPT_BYTES);
        self.requests.clear(KEPT_BYTES);
        (self.delivery_count, self.change_count, self.newest_received_at) = (0, 0, i64::MIN);
    }
}
