//! Bloom filters over keys: of nearly all keys that were never added they say so, for one cache line each.
//!
//! A split block Bloom filter, as Apache Parquet defines it, with a key as its own hash. Unlike filters that take a little
//! less memory it grows as keys come, so that one serves many runs of keys, and a look costs as little with ten million
//! deliveries as with one.

use std::ops::Range;

/// How many keys one filter is for: some 500 thousand.
pub(crate) const CAPACITY_KEYS: usize = 1 << 19;

/// With so many bits for each key, one of 1500 unknown keys is taken for a known one when the filter is full.
const BITS_PER_KEY: usize = 18;

/// A block has one bit in each word for each of its keys.
const WORDS_PER_BLOCK: usize = 8;

const BLOCK_BYTES: usize = 4 * WORDS_PER_BLOCK;

const BLOCK_COUNT: usize = CAPACITY_KEYS * BITS_PER_KEY / (8 * BLOCK_BYTES);

/// Odd numbers, which make of one hash a bit of each word; Parquet's.
const SALTS: [u32; WORDS_PER_BLOCK] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// A filter for [`CAPACITY_KEYS`], as it lies in the file: blocks of little-endian words.
pub(crate) struct BloomFilter(Vec<u8>);

impl BloomFilter {
    pub(crate) fn new() -> Self {
        Self(vec![0; BLOCK_COUNT * BLOCK_BYTES])
    }

    /// The filter of these bytes; `None` where they are not one.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == BLOCK_COUNT * BLOCK_BYTES).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn add(&mut self, key: u64) {
        let (words, _) = self.0[range(key)].as_chunks_mut();
        for (word, bit) in words.iter_mut().zip(bits(key)) {
            *word = (u32::from_le_bytes(*word) | bit).to_le_bytes();
        }
    }

    /// Whether a key may have been added; `false` means that it was not.
    #[inline]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let (words, _) = self.0[range(key)].as_chunks();
        let lacking = |word: &[u8; 4], bit: u32| bit & !u32::from_le_bytes(*word);
        words.iter().zip(bits(key)).fold(0, |all, (word, bit)| all | lacking(word, bit)) == 0
    }
}

/// Where the block of a key lies; its upper half says so.
fn range(key: u64) -> Range<usize> {
    let index = usize::try_from(((key >> 32) * BLOCK_COUNT as u64) >> 32).expect("less than the number of blocks");
    index * BLOCK_BYTES..(index + 1) * BLOCK_BYTES
}

/// The bits of a key in the words of its block, by its lower half.
fn bits(key: u64) -> [u32; WORDS_PER_BLOCK] {
    let lower = u32::try_from(key & u64::from(u32::MAX)).expect("half of the bits");
    SALTS.map(|salt| 1 << (lower.wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::{BloomFilter, CAPACITY_KEYS};
    use crate::index::key_of_id;

    #[test]
    fn may_have_all_that_was_added_and_little_else() {
        let key = |number: usize| key_of_id(&format!("delivery {number}"));
        let mut filter = BloomFilter::new();
        (0..CAPACITY_KEYS).for_each(|number| filter.add(key(number)));
        let filter = BloomFilter::from_bytes(filter.as_bytes().to_vec()).unwrap();
        assert!((0..CAPACITY_KEYS).all(|number| filter.may_have(key(number))));
        let wrong = (CAPACITY_KEYS..2 * CAPACITY_KEYS).filter(|number| filter.may_have(key(*number))).count();
        assert!(wrong < CAPACITY_KEYS / 1000, "{wrong} of {CAPACITY_KEYS}");
    }

    #[test]
    fn bytes_of_another_length_are_no_filter() {
        let bytes = BloomFilter::new().as_bytes().to_vec();
        assert!(BloomFilter::from_bytes(bytes[1..].to_vec()).is_none());
        assert!(BloomFilter::from_bytes(Vec::new()).is_none());
    }
}
