//! The dictionary of zstd: what webhooks have in common, known before the first of them is compressed.
//!
//! Most transactions store one delivery or a few, and half of a forge's payload is names of fields and templates of
//! URLs that are the same each time. The dictionary has these once: a skeleton of each forge's payload with next to no
//! values, what a sender is most likely to send at the end, where zstd refers to it in the fewest bits.
//!
//! Parts of some hundred kilobytes are compressed without it: they have the same once by themselves, so that it would save
//! a twentieth there, for half as much time again. A reader need not know which of the two was done.
//!
//! It belongs to the version of the format. What was compressed with it is lost without it, so it never changes within
//! a version; a test pins its hash.

use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// The zstd level: 1 costs the least of those that compress well.
const COMPRESSION_LEVEL: i32 = 1;

/// The largest part that is compressed with the dictionary, in bytes.
const MAX_PART_BYTES: usize = 64 << 10;

const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, COMPRESSION_LEVEL));

static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// # Errors
/// When there is no memory.
pub(super) fn compressor() -> std::io::Result<Compressor<'static>> {
    Compressor::new(COMPRESSION_LEVEL)
}

/// Compresses a part.
///
/// # Errors
/// When there is no memory.
pub(super) fn compress(compressor: &mut Compressor<'static>, part: &[u8]) -> std::io::Result<Vec<u8>> {
    if part.len() <= MAX_PART_BYTES {
        compressor.set_prepared_dictionary(&ENCODER)?;
    } else {
        compressor.set_dictionary(COMPRESSION_LEVEL, &[])?;
    }
    compressor.compress(part)
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
        let packed = compress(&mut compressor().unwrap(), line).unwrap();
        assert!(packed.len() < 64, "{} bytes of {}", packed.len(), line.len());
        assert_eq!(decompressor().unwrap().decompress(&packed, line.len()).unwrap(), line);
    }

    #[test]
    fn parts_of_any_size_come_back_in_any_order() {
        let (mut compressor, mut decompressor) = (compressor().unwrap(), decompressor().unwrap());
        for size in [0, 1, MAX_PART_BYTES, MAX_PART_BYTES + 1, 100, 1 << 20, 5000] {
            let part: Vec<u8> = DICTIONARY.iter().rev().cycle().take(size).copied().collect();
            let packed = compress(&mut compressor, &part).unwrap();
            assert!(decompressor.decompress(&packed, size).unwrap() == part, "{size} bytes");
            let mut read = Vec::new();
            std::io::copy(&mut reader(&packed).unwrap(), &mut read).unwrap();
            assert!(read == part, "{size} bytes, a piece at a time");
        }
    }
}
