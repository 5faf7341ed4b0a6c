//! A segment of the index: its texts, and which record has which.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::batch::{BatchTexts, Place};
use super::line;
use crate::format::{Columns, IndexedOutcome, Passed, TextList};

/// A segment is full with so many deliveries and changes. Fewer would repeat more texts; more take longer to write, some
/// milliseconds as it is.
const MAX_RECORDS: i64 = 48 << 10;

/// And with so many bytes of texts.
const MAX_TEXTS_BYTES: usize = 1 << 20;

/// Where a segment lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) first_blockid: i64,
    /// The block after the last of it.
    pub(crate) next_blockid: i64,
    pub(crate) first_deliveryid: i64,
    pub(crate) delivery_count: i64,
    pub(crate) first_changeid: i64,
    pub(crate) change_count: i64,
}

/// A segment that grows.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) bounds: Bounds,
    /// The texts in the order of their numbers, which begin with one.
    texts: TextList,
    /// The number of each text, at its hash.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    columns: Columns,
}

impl Segment {
    /// An empty one, which begins with this block, delivery and change.
    pub(crate) fn new(blockid: i64, deliveryid: i64, changeid: i64) -> Self {
        let bounds = Bounds {
            first_blockid: blockid,
            next_blockid: blockid,
            first_deliveryid: deliveryid,
            delivery_count: 0,
            first_changeid: changeid,
            change_count: 0,
        };
        Self {
            bounds,
            texts: TextList::default(),
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            columns: Columns::default(),
        }
    }

    /// One that was stored before it was full, to go on with.
    pub(crate) fn of_parts(bounds: Bounds, texts: &TextList, columns: Columns) -> Self {
        let mut segment = Self { bounds, columns, ..Self::new(0, 0, 0) };
        for text in texts.iter() {
            segment.number(Some(text));
        }
        segment
    }

    /// The texts and the columns, as they are stored.
    pub(crate) fn parts(&self) -> (&TextList, &Columns) {
        (&self.texts, &self.columns)
    }

    /// Adds what comes next in the log, up to this block.
    pub(crate) fn add(&mut self, batch: &BatchTexts, next_blockid: i64) {
        // A place that two records in a row have is one text.
        let mut last = Default::default();
        for (state, places) in batch.deliveries() {
            self.columns.states.push(u32::from(*state));
            let numbers = self.numbers(batch, places, &mut last);
            self.columns.deliveries.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        }
        let mut last = Default::default();
        for (deliveryid, places) in batch.changes() {
            self.columns.owners.push(*deliveryid);
            let numbers = self.numbers(batch, places, &mut last);
            self.columns.changes.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        }
        for (deliveryid, state, reason) in batch.outcomes() {
            let reason = self.number(batch.text(reason));
            self.columns.outcomes.push(IndexedOutcome { deliveryid: *deliveryid, state: *state, reason });
        }
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        self.bounds.delivery_count += count(batch.deliveries().len());
        self.bounds.change_count += count(batch.changes().len());
        self.bounds.next_blockid = next_blockid;
    }

    /// The numbers of the texts of a record; `last` has those of the record before.
    fn numbers<const COUNT: usize>(
        &mut self,
        batch: &BatchTexts,
        places: &[Place; COUNT],
        last: &mut [(Place, u32); COUNT],
    ) -> [u32; COUNT] {
        for (place, last) in places.iter().zip(&mut *last) {
            if *place != last.0 {
                *last = (place.clone(), self.number(batch.text(place)));
            }
        }
        std::array::from_fn(|index| last[index].1)
    }

    /// Those of these changes that may be of this line, the greatest first.
    pub(super) fn of_line(&self, line: &Passed<'_>, ids: &Range<i64>) -> Vec<i64> {
        let numbers = line::numbers(line, |text| self.known(self.hasher.hash_one(text), text));
        numbers.map(|numbers| line::changes(&self.bounds, &self.columns, numbers, ids)).unwrap_or_default()
    }

    /// The number of a text that is in it.
    fn known(&self, hash: u64, text: &str) -> Option<u32> {
        self.numbers.find(hash, |number| self.texts.get(*number) == Some(text)).copied()
    }

    /// The number of a text; 0 for none.
    fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.known(hash, text) {
            return number;
        }
        let number = self.texts.push(text);
        let (hasher, texts) = (&self.hasher, &self.texts);
        self.numbers.insert_unique(hash, number, |number| hasher.hash_one(texts.get(*number).unwrap_or_default()));
        number
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bounds.next_blockid == self.bounds.first_blockid && self.columns.outcomes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        let Bounds { delivery_count, change_count, .. } = self.bounds;
        delivery_count + change_count + i64::try_from(self.columns.outcomes.len()).unwrap_or(0) >= MAX_RECORDS
            || self.texts.bytes() >= MAX_TEXTS_BYTES
    }

    /// An empty one, which begins where this one ends.
    pub(crate) fn next(&self) -> Self {
        let Bounds { next_blockid, first_deliveryid, delivery_count, first_changeid, change_count, .. } = self.bounds;
        Self::new(next_blockid, first_deliveryid + delivery_count, first_changeid + change_count)
    }
}
