//! The dictionary of zstd: what webhooks have in common, known before the first of them is compressed.
//!
//! Most transactions store one delivery or a few, and half of a forge's payload is names of fields and templates of
//! URLs that are the same each time. The dictionary has these once: a skeleton of each forge's payload with next to no
//! values, what a sender is most likely to send at the end, where zstd refers to it in the fewest bits.
//!
//! What is compressed lies behind it in one piece of memory ([`Part`]). zstd has other ways to be given a dictionary; with
//! those it searches two texts instead of one, which takes half as much time again.
//!
//! It belongs to the version of the format. What was compressed with it is lost without it, so it never changes within
//! a version; a test pins its hash.

use std::sync::LazyLock;

use zstd::bulk::Decompressor;
use zstd::dict::DecoderDictionary;
use zstd::zstd_safe::{CCtx, compress_bound, get_error_name};

/// The zstd level: 1 costs the least of those that compress well.
const COMPRESSION_LEVEL: i32 = 1;

const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// A part of a block or segment while it is written: the dictionary, and behind it the part.
pub(super) struct Part {
    bytes: Vec<u8>,
}

impl Part {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { bytes: DICTIONARY.to_vec() }
    }

    /// What was written of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[DICTIONARY.len()..]
    }

    /// What was written of it, to be filled in.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[DICTIONARY.len()..]
    }

    /// Where it goes on. Nothing is taken away there.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Empties it, and gives back memory beyond so many bytes.
    pub(super) fn clear(&mut self, kept_bytes: usize) {
        self.bytes.truncate(DICTIONARY.len());
        self.bytes.shrink_to(kept_bytes);
    }
}

/// Compresses parts.
pub(super) struct Compressor(CCtx<'static>);

impl Compressor {
    /// # Errors
    /// When there is no memory.
    pub(super) fn new() -> std::io::Result<Self> {
        CCtx::try_create().map(Self).ok_or_else(|| std::io::ErrorKind::OutOfMemory.into())
    }

    /// Compresses a part.
    ///
    /// # Errors
    /// When there is no memory.
    pub(super) fn compress(&mut self, part: &Part) -> std::io::Result<Vec<u8>> {
        let (dictionary, part) = part.bytes.split_at(DICTIONARY.len());
        let mut frame = Vec::with_capacity(compress_bound(part.len()));
        let compressed = self.0.compress_using_dict(&mut frame, part, dictionary, COMPRESSION_LEVEL);
        compressed.map_err(|code| std::io::Error::other(get_error_name(code)))?;
        Ok(frame)
    }
}

/// # Errors
/// When there is no memory.
pub(super) fn decompressor() -> std::io::Result<Decompressor<'static>> {
    Decompressor::with_prepared_dictionary(&DECODER)
}

/// What is in a frame, a piece at a time.
///
/// # Errors
/// When there is no memory.
pub(super) fn reader(frame: &[u8]) -> std::io::Result<zstd::Decoder<'static, &[u8]>> {
    zstd::Decoder::with_prepared_dictionary(frame, &DECODER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part_of(bytes: &[u8]) -> Part {
        let mut part = Part::new();
        part.end().extend_from_slice(bytes);
        part
    }

    #[test]
    fn the_dictionary_is_that_of_this_version() {
        assert_eq!(
            xxhash_rust::xxh3::xxh3_64(DICTIONARY),
            10_583_413_167_400_106_902,
            "{}",
            super::super::golden::HOW_TO_REPLACE
        );
    }

    #[test]
    fn a_push_of_a_few_words_takes_a_few_bytes() {
        let line = DICTIONARY
            .split(|byte| *byte == b'\n')
            .find(|line| line.starts_with(b"{\"object_kind\":\"push\""))
            .unwrap();
        let packed = Compressor::new().unwrap().compress(&part_of(line)).unwrap();
        assert!(packed.len() < 64, "{} bytes of {}", packed.len(), line.len());
        assert_eq!(decompressor().unwrap().decompress(&packed, line.len()).unwrap(), line);
    }

    #[test]
    fn parts_of_any_size_come_back_in_any_order() {
        let (mut compressor, mut decompressor) = (Compressor::new().unwrap(), decompressor().unwrap());
        for size in [0, 1, 64 << 10, 100, 1 << 20, 5000] {
            let part: Vec<u8> = DICTIONARY.iter().rev().cycle().take(size).copied().collect();
            let packed = compressor.compress(&part_of(&part)).unwrap();
            assert!(decompressor.decompress(&packed, size).unwrap() == part, "{size} bytes");
            let mut read = Vec::new();
            std::io::copy(&mut reader(&packed).unwrap(), &mut read).unwrap();
            assert!(read == part, "{size} bytes, a piece at a time");
        }
    }
}
