//! A set of numbers of deliveries or changes.

use std::ops::RangeInclusive;

const WORD_BITS: i64 = u64::BITS as i64;

/// A set of numbers within a range, a bit for each; others are never in it.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    range: RangeInclusive<i64>,
    words: Vec<u64>,
}

impl Bitmap {
    pub(crate) fn new(range: RangeInclusive<i64>) -> Self {
        let length = range.end().saturating_sub(*range.start()).saturating_add(1).max(0);
        let words = usize::try_from(length.cast_unsigned().div_ceil(u64::from(u64::BITS))).unwrap_or(0);
        Self { range, words: vec![0; words] }
    }

    pub(crate) fn set(&mut self, number: i64) {
        if self.range.contains(&number) {
            let place = number - self.range.start();
            if let Some(word) = usize::try_from(place / WORD_BITS).ok().and_then(|index| self.words.get_mut(index)) {
                *word |= 1 << (place % WORD_BITS);
            }
        }
    }

    pub(crate) fn set_all(&mut self, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|number| self.set(number));
    }

    /// Keeps what is in the other one as well, which has the same range.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// The numbers, the greatest first.
    pub(crate) fn descending(&self) -> impl Iterator<Item = i64> {
        let words = self.words.iter().enumerate().rev().filter(|(_, word)| **word != 0);
        words.flat_map(move |(index, word)| {
            let bits = (0..WORD_BITS).rev().filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| self.number(index, bit))
        })
    }

    /// The numbers, the least first.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = i64> {
        let words = self.words.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(move |(index, word)| {
            let bits = (0..WORD_BITS).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| self.number(index, bit))
        })
    }

    fn number(&self, index: usize, bit: i64) -> i64 {
        self.range.start() + i64::try_from(index).unwrap_or(i64::MAX / WORD_BITS) * WORD_BITS + bit
    }
}

#[cfg(test)]
mod tests {
    use super::Bitmap;

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "it is empty")]
    fn has_what_was_set_within_its_range() {
        let mut bitmap = Bitmap::new(7..=200);
        bitmap.set_all([7, 71, 70, 200, 6, 201, -5, i64::MIN, i64::MAX]);
        assert_eq!(bitmap.ascending().collect::<Vec<_>>(), [7, 70, 71, 200]);
        assert_eq!(bitmap.descending().collect::<Vec<_>>(), [200, 71, 70, 7]);
        let mut other = Bitmap::new(7..=200);
        other.set_all([70, 200, 9]);
        bitmap.keep(&other);
        assert_eq!(bitmap.ascending().collect::<Vec<_>>(), [70, 200]);
        let mut empty = Bitmap::new(1..=0);
        empty.set(1);
        assert_eq!(empty.ascending().count(), 0);
    }
}
