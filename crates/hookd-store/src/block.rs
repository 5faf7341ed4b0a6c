//! Blocks: what one transaction stores, compressed together.
//!
//! A block has two parts: records (deliveries, then changes, as MessagePack values one after the other), which are kept
//! as long as changes are, and requests (heads and bodies), which go first.

use std::borrow::Cow;
use std::io::Read as _;

use bytes::Bytes;
use hookd_core::Change;
use rmp_serde::Deserializer;
use rmp_serde::decode::ReadRefReader;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::Compressor;

use crate::{RequestHead, StoreError, StoredRequest};

/// A block is closed when its requests have this many bytes, so that reading one of it stays cheap.
const FULL: usize = 1 << 20;

/// zstd's level: 1 costs the least of those that compress well.
const LEVEL: i32 = 1;

/// Bytes before the deliveries of the records: their length.
const LENGTH: usize = 4;

/// A delivery as it was when it was received.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    /// Microseconds since 1970.
    pub(crate) received_at: i64,
    #[serde(borrow)]
    pub(crate) dialect: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) forge_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) event: Option<Cow<'a, str>>,
    /// The number of its [`crate::State`].
    pub(crate) state: i64,
    #[serde(borrow)]
    pub(crate) reason: Option<Cow<'a, str>>,
    /// How many changes its sender was told of.
    pub(crate) told: usize,
    pub(crate) first_changeid: Option<i64>,
    pub(crate) change_count: usize,
    /// The bytes that its request takes among the requests of the block.
    pub(crate) head_length: usize,
    pub(crate) body_length: usize,
}

/// A change and where it came from.
#[derive(Debug, Deserialize)]
pub(crate) struct ChangeEntry {
    pub(crate) deliveryid: i64,
    /// Of the delivery, in microseconds since 1970.
    pub(crate) received_at: i64,
    pub(crate) change: Change,
}

/// Where a request lies among the requests of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) head_length: usize,
    pub(crate) body_length: usize,
}

/// A block that is being filled.
pub(crate) struct Pack {
    deliveries: Vec<u8>,
    changes: Vec<u8>,
    requests: Vec<u8>,
    delivery_count: i64,
    change_count: i64,
    received_at: i64,
    compressor: Compressor<'static>,
}

/// A block as it is stored.
pub(crate) struct Block {
    pub(crate) delivery_count: i64,
    pub(crate) change_count: i64,
    /// When the youngest in it was received, in microseconds since 1970.
    pub(crate) received_at: i64,
    /// Compressed.
    pub(crate) records: Vec<u8>,
    /// Compressed; `None` where it has no delivery.
    pub(crate) requests: Option<Vec<u8>>,
}

impl Pack {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            deliveries: vec![0; LENGTH],
            changes: Vec::new(),
            requests: Vec::new(),
            delivery_count: 0,
            change_count: 0,
            received_at: 0,
            compressor: Compressor::new(LEVEL)?,
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.requests.len() >= FULL
    }

    /// Adds a request; gives the lengths of its head and body.
    pub(crate) fn request(&mut self, request: &StoredRequest) -> (usize, usize) {
        let before = self.requests.len();
        write(&mut self.requests, &request.head);
        let head_length = self.requests.len() - before;
        self.requests.extend_from_slice(&request.body);
        (head_length, request.body.len())
    }

    /// Adds a delivery, whose request was added before.
    pub(crate) fn delivery(&mut self, entry: &Entry<'_>) {
        write(&mut self.deliveries, entry);
        self.delivery_count += 1;
        self.received_at = self.received_at.max(entry.received_at);
    }

    /// Adds a change.
    pub(crate) fn change(&mut self, deliveryid: i64, received_at: i64, change: &Change) {
        write(&mut self.changes, &(deliveryid, received_at, change));
        self.change_count += 1;
        self.received_at = self.received_at.max(received_at);
    }

    /// The block, compressed, after which this is empty again; `None` where nothing is in it.
    ///
    /// # Errors
    /// When zstd fails, which it does for lack of memory only.
    pub(crate) fn finish(&mut self) -> Result<Option<Block>, StoreError> {
        if self.delivery_count + self.change_count == 0 {
            return Ok(None);
        }
        let block = self.compressed();
        self.clear();
        block.map(Some)
    }

    fn compressed(&mut self) -> Result<Block, StoreError> {
        let length = u32::try_from(self.deliveries.len() - LENGTH).map_err(|error| broken(&error))?;
        self.deliveries[..LENGTH].copy_from_slice(&length.to_le_bytes());
        self.deliveries.extend_from_slice(&self.changes);
        let mut compress = |bytes: &[u8]| -> Result<Vec<u8>, StoreError> {
            let mut compressed = self.compressor.compress(bytes).map_err(|error| broken(&error))?;
            compressed.extend(xxh3_64(&compressed).to_le_bytes());
            Ok(compressed)
        };
        Ok(Block {
            delivery_count: self.delivery_count,
            change_count: self.change_count,
            received_at: self.received_at,
            records: compress(&self.deliveries)?,
            requests: if self.requests.is_empty() { None } else { Some(compress(&self.requests)?) },
        })
    }

    /// Empties the block. A giant's memory is given back.
    pub(crate) fn clear(&mut self) {
        self.deliveries.truncate(LENGTH);
        for bytes in [&mut self.deliveries, &mut self.changes, &mut self.requests] {
            bytes.shrink_to(2 * FULL);
        }
        self.changes.clear();
        self.requests.clear();
        (self.delivery_count, self.change_count, self.received_at) = (0, 0, 0);
    }
}

/// The records of a block.
pub(crate) struct Records(Vec<u8>);

impl Records {
    /// # Errors
    /// When the block is broken.
    pub(crate) fn read(compressed: &[u8]) -> Result<Self, StoreError> {
        let records = unpacked(compressed)?;
        if records.len() < LENGTH || length(&records) > records.len() - LENGTH {
            return Err(broken(&"its records end too soon"));
        }
        Ok(Self(records))
    }

    /// The deliveries, in their order.
    pub(crate) fn deliveries(&self) -> Values<'_> {
        Values::of(&self.0[LENGTH..LENGTH + length(&self.0)])
    }

    /// The changes, in their order.
    pub(crate) fn changes(&self) -> Values<'_> {
        Values::of(&self.0[LENGTH + length(&self.0)..])
    }
}

/// Of records that have at least the bytes of a length.
fn length(records: &[u8]) -> usize {
    records[..LENGTH].iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// MessagePack values, one after the other.
pub(crate) struct Values<'b>(Deserializer<ReadRefReader<'b, [u8]>>);

impl<'b> Values<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        Self(Deserializer::from_read_ref(bytes))
    }

    /// Reads the next one.
    ///
    /// # Errors
    /// When it is not there, or something else.
    pub(crate) fn read<T: Deserialize<'b>>(&mut self) -> Result<T, StoreError> {
        T::deserialize(&mut self.0).map_err(|error| broken(&error))
    }

    /// Passes over the next one.
    ///
    /// # Errors
    /// As [`Values::read`].
    pub(crate) fn skip(&mut self) -> Result<(), StoreError> {
        self.read::<serde::de::IgnoredAny>().map(drop)
    }
}

/// The request at a place of compressed requests.
///
/// # Errors
/// When the block is broken.
pub(crate) fn request_at(compressed: &[u8], place: Place) -> Result<StoredRequest, StoreError> {
    let mut raw = zstd::Decoder::new(intact(compressed)?).map_err(|error| broken(&error))?;
    let mut skipped = (&mut raw).take(place.offset as u64);
    std::io::copy(&mut skipped, &mut std::io::sink()).map_err(|error| broken(&error))?;
    let mut bytes = vec![0; place.head_length + place.body_length];
    raw.read_exact(&mut bytes).map_err(|error| broken(&error))?;
    let head: RequestHead = rmp_serde::from_slice(&bytes[..place.head_length]).map_err(|error| broken(&error))?;
    Ok(StoredRequest { head, body: Bytes::from(bytes).slice(place.head_length..) })
}

/// A part of a block as it was before it was compressed.
///
/// # Errors
/// When the block is broken.
pub(crate) fn unpacked(compressed: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::decode_all(intact(compressed)?).map_err(|error| broken(&error))
}

/// What was compressed, without the hash behind it: so a page that went bad is noticed, and not taken for what was sent.
/// zstd's own checksum does the same, and is made of all that is compressed, which takes eight times as long.
fn intact(compressed: &[u8]) -> Result<&[u8], StoreError> {
    match compressed.split_last_chunk() {
        Some((compressed, hash)) if u64::from_le_bytes(*hash) == xxh3_64(compressed) => Ok(compressed),
        _ => Err(broken(&"its bytes are not those that were written")),
    }
}

fn write(to: &mut Vec<u8>, value: &impl Serialize) {
    rmp_serde::encode::write(to, value).expect("plain data serializes, and a Vec takes all");
}

fn broken(what: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("a block of the log is broken: {what}"))
}
