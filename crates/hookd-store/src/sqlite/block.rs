//! Blocks of requests: what one transaction stores is compressed together.

use std::io::Read;

use bytes::Bytes;

use crate::{RequestHead, StoreError, StoredRequest};

/// A block is closed when it holds this many bytes, so that reading one request of it stays cheap.
const FULL: usize = 1 << 20;

/// zstd's level: 1 costs the least of those that compress well.
const LEVEL: i32 = 1;

/// Where a request lies in the bytes of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) head_length: usize,
    pub(super) body_length: usize,
}

/// A block that is being filled.
pub(super) struct Block {
    raw: Vec<u8>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl Block {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { raw: Vec::with_capacity(FULL), compressor: zstd::bulk::Compressor::new(LEVEL)? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.raw.len() >= FULL
    }

    /// Adds a request.
    pub(super) fn push(&mut self, request: &StoredRequest) -> Place {
        let offset = self.raw.len();
        serde_json::to_writer(&mut self.raw, &request.head).expect("a head is plain data, and a Vec takes all");
        let head_length = self.raw.len() - offset;
        self.raw.extend_from_slice(&request.body);
        Place { offset, head_length, body_length: request.body.len() }
    }

    /// The body at a place of this block.
    pub(super) fn body(&self, place: Place) -> Option<&[u8]> {
        let start = place.offset + place.head_length;
        self.raw.get(start..start + place.body_length)
    }

    /// The compressed block.
    pub(super) fn compressed(&mut self) -> std::io::Result<Vec<u8>> {
        self.compressor.compress(&self.raw)
    }

    /// Empties the block. A giant's memory is given back.
    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.raw.shrink_to(2 * FULL);
    }
}

/// All of a compressed block.
pub(super) fn unpack(data: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::decode_all(data)
}

/// The request at a place of an unpacked block.
pub(super) fn request_at(raw: &[u8], place: Place) -> Result<StoredRequest, StoreError> {
    let broken = |what: &dyn std::fmt::Display| StoreError::Failed(format!("a payload block is broken: {what}"));
    let bytes = raw.get(place.offset..).and_then(|raw| raw.get(..place.head_length + place.body_length));
    let bytes = bytes.ok_or_else(|| broken(&"it is too short"))?;
    let head: RequestHead = serde_json::from_slice(&bytes[..place.head_length]).map_err(|error| broken(&error))?;
    Ok(StoredRequest { head, body: Bytes::copy_from_slice(&bytes[place.head_length..]) })
}

/// The request at a place of a compressed block.
pub(super) fn read(data: &[u8], place: Place) -> Result<StoredRequest, StoreError> {
    let broken = |what: &dyn std::fmt::Display| StoreError::Failed(format!("a payload block is broken: {what}"));
    let mut raw = zstd::Decoder::new(data).map_err(|error| broken(&error))?;
    let mut skipped = (&mut raw).take(place.offset as u64);
    std::io::copy(&mut skipped, &mut std::io::sink()).map_err(|error| broken(&error))?;
    let mut bytes = vec![0; place.head_length + place.body_length];
    raw.read_exact(&mut bytes).map_err(|error| broken(&error))?;
    let head: RequestHead = serde_json::from_slice(&bytes[..place.head_length]).map_err(|error| broken(&error))?;
    Ok(StoredRequest { head, body: Bytes::from(bytes).slice(place.head_length..) })
}
