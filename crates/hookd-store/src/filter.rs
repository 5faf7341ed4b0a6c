//! Filters over keys: they tell of nearly all keys that were never added that they were not, for one cache line each.
//!
//! A split block Bloom filter, as Apache Parquet defines it, with a key as its own hash. Unlike filters that take a little
//! less memory it is added to as keys come, so that one serves many runs of keys, and a look costs as little with ten
//! million deliveries as with one.

/// How many keys one filter is for: some 500 thousand.
pub(crate) const CAPACITY: usize = 1 << 19;

/// With so many bits for each key, one of 1500 unknown keys is taken for a known one when the filter is full.
const BITS_PER_KEY: usize = 18;

/// A block has one bit in each word for each of its keys.
const WORDS: usize = 8;

const BLOCKS: usize = CAPACITY * BITS_PER_KEY / (WORDS * 32);

/// The bytes of a filter, in which it lies in the file.
const BYTES: usize = BLOCKS * WORDS * 4;

/// Odd numbers, which make of one hash a bit of each word; Parquet's.
const SALTS: [u32; WORDS] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

type Block = [u32; WORDS];

/// A filter for [`CAPACITY`] keys.
pub(crate) struct Filter(Vec<Block>);

impl Filter {
    pub(crate) fn new() -> Self {
        Self(vec![[0; WORDS]; BLOCKS])
    }

    pub(crate) fn add(&mut self, key: u64) {
        let block = &mut self.0[index(key)];
        for (word, bit) in block.iter_mut().zip(bits(key)) {
            *word |= bit;
        }
    }

    /// Whether a key may have been added; `false` means that it was not.
    #[inline]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let lacking = self.0[index(key)].iter().zip(bits(key)).fold(0, |lacking, (word, bit)| lacking | (bit & !word));
        lacking == 0
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The filter of these bytes; `None` where they are none.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BYTES {
            return None;
        }
        let (words, _) = bytes.as_chunks::<4>();
        let (blocks, _) = words.as_chunks::<WORDS>();
        Some(Self(blocks.iter().map(|block| block.map(u32::from_le_bytes)).collect()))
    }
}

/// The block of a key, by its upper half.
fn index(key: u64) -> usize {
    usize::try_from(((key >> 32) * BLOCKS as u64) >> 32).expect("less than the number of blocks")
}

/// The bits of a key in the words of its block, by its lower half.
fn bits(key: u64) -> Block {
    let lower = u32::try_from(key & u64::from(u32::MAX)).expect("half of the bits");
    SALTS.map(|salt| 1 << (lower.wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Filter};
    use crate::keys::key_of;

    #[test]
    fn has_all_that_was_added_and_little_else() {
        let key = |number: usize| key_of(&format!("delivery {number}"));
        let mut filter = Filter::new();
        (0..CAPACITY).for_each(|number| filter.add(key(number)));
        let filter = Filter::of_bytes(&filter.to_bytes()).unwrap();
        assert!((0..CAPACITY).all(|number| filter.may_have(key(number))));
        let wrong = (CAPACITY..2 * CAPACITY).filter(|number| filter.may_have(key(*number))).count();
        assert!(wrong < CAPACITY / 1000, "{wrong} of {CAPACITY}");
    }

    #[test]
    fn is_not_made_of_other_bytes() {
        let bytes = Filter::new().to_bytes();
        assert!(Filter::of_bytes(&bytes[1..]).is_none());
        assert!(Filter::of_bytes(&[]).is_none());
    }
}
