//! Segments of the text index: which texts a part of the log has, and which of its deliveries and changes have them.
//!
//! # Layout of version 3
//!
//! Two parts, each compressed and enveloped as [`super::version`] says. Numbers, integers and texts are those of
//! [`super::wire`].
//!
//! **Texts**: how many (number); the length of each in bytes (numbers); then all of them, in that order. A text's number is
//! its place, from 1 on; 0 is no text. Longer ones are cut to [`MAX_TEXT_BYTES`].
//!
//! **Columns**, each a list of runs: how many runs (number); of each the value (number), and how many records in a row have
//! it (number).
//!
//! - of the deliveries, in their order: the code of their state when they were received, then a column for each
//!   [`DeliveryText`], in its order
//! - of the changes, in their order: the delivery of each, as runs of how far it is from the one before (integer) and how
//!   many changes in a row are of it (number); then a column for each [`ChangeText`], in its order
//! - outcomes of deliveries that had been pending: how many (number); of each the delivery (integer), the code of its state
//!   (byte), its reason (the number of a text)

use super::dictionary::{Compressor, Part};
use super::runs::{Column, Owners, small};
use super::version::{pack, unpack};
use super::wire::{Input, broken, write_integer, write_length, write_number};
use crate::error::Failure;

/// How much of a text is in the index, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 256;

/// The texts of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryText {
    Dialect,
    Event,
    Reason,
    /// Only where its beginning is not a key; see [`crate::index::beginning_key`].
    ForgeId,
}

/// The texts of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeText {
    Repository,
    Branch,
    Author,
    Project,
    Category,
    Codebase,
    /// In the same way as [`DeliveryText::ForgeId`].
    Revision,
}

impl DeliveryText {
    pub(crate) const ALL: [Self; 4] = [Self::Dialect, Self::Event, Self::Reason, Self::ForgeId];
}

impl ChangeText {
    pub(crate) const ALL: [Self; 7] =
        [Self::Repository, Self::Branch, Self::Author, Self::Project, Self::Category, Self::Codebase, Self::Revision];
}

/// What became of a delivery that had been pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexedOutcome {
    pub(crate) deliveryid: i64,
    /// The code of its state.
    pub(crate) state: u8,
    /// The number of the text of its reason; 0 is none.
    pub(crate) reason: u32,
}

/// All columns of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) states: Column,
    pub(crate) deliveries: [Column; DeliveryText::ALL.len()],
    /// The deliveries of the changes.
    pub(crate) owners: Owners,
    pub(crate) changes: [Column; ChangeText::ALL.len()],
    pub(crate) outcomes: Vec<IndexedOutcome>,
}

impl Columns {
    /// Packs them.
    ///
    /// # Errors
    /// When zstd fails, which it does for lack of memory only.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, Failure> {
        let mut part = Part::new();
        let bytes = part.end();
        self.states.write(bytes);
        self.deliveries.iter().for_each(|column| column.write(bytes));
        self.owners.write(bytes);
        self.changes.iter().for_each(|column| column.write(bytes));
        write_length(bytes, self.outcomes.len());
        for IndexedOutcome { deliveryid, state, reason } in &self.outcomes {
            write_integer(bytes, *deliveryid);
            bytes.push(*state);
            write_number(bytes, u64::from(*reason));
        }
        pack_part(&part)
    }

    /// # Errors
    /// When the bytes are something else.
    pub(crate) fn unpack(packed: &[u8]) -> Result<Self, Failure> {
        let bytes = unpack(packed)?;
        let input = &mut Input::new(&bytes);
        let states = Column::read(input)?;
        let deliveries = read_all(input)?;
        let owners = Owners::read(input)?;
        let changes = read_all(input)?;
        let outcome = |input: &mut Input<'_>| {
            Ok(IndexedOutcome { deliveryid: input.integer()?, state: input.byte()?, reason: small(input)? })
        };
        let outcomes = read_list(input, outcome)?;
        Ok(Self { states, deliveries, owners, changes, outcomes })
    }
}

fn read_all<const COUNT: usize>(input: &mut Input<'_>) -> Result<[Column; COUNT], Failure> {
    let mut columns = std::array::from_fn(|_| Column::default());
    for column in &mut columns {
        *column = Column::read(input)?;
    }
    Ok(columns)
}

fn read_list<T>(
    input: &mut Input<'_>,
    mut read: impl FnMut(&mut Input<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    (0..input.length()?).map(|_| read(input)).collect()
}

fn pack_part(part: &Part) -> Result<Vec<u8>, Failure> {
    let mut compressor = Compressor::new().map_err(|error| broken(&error.to_string()))?;
    pack(&mut compressor, part)
}

/// The texts of a segment, in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextList {
    all: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl TextList {
    #[cfg(test)]
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut list = Self::default();
        for text in texts {
            list.push(text);
        }
        list
    }

    /// Adds a text; gives its number.
    pub(crate) fn push(&mut self, text: &str) -> u32 {
        self.all.push_str(text);
        self.ends.push(self.all.len());
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// The text of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&str> {
        let index = (number as usize).checked_sub(1)?;
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.all.get(start..*self.ends.get(index)?)
    }

    /// The bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|index| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.all[start..self.ends[index]]
        })
    }

    /// All of them in lower case.
    pub(crate) fn folded(&self) -> Self {
        if self.all.is_ascii() {
            return Self { all: self.all.to_ascii_lowercase(), ends: self.ends.clone() };
        }
        let mut list = Self::default();
        for text in self.iter() {
            list.all.push_str(&hookd_store::fold(text));
            list.ends.push(list.all.len());
        }
        list
    }

    /// Packs them.
    ///
    /// # Errors
    /// When zstd fails, which it does for lack of memory only.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, Failure> {
        let mut part = Part::new();
        let bytes = part.end();
        bytes.reserve(self.all.len() + 2 * self.ends.len());
        write_length(bytes, self.ends.len());
        self.iter().for_each(|text| write_length(bytes, text.len()));
        bytes.extend_from_slice(self.all.as_bytes());
        pack_part(&part)
    }

    /// # Errors
    /// When the bytes are something else.
    pub(crate) fn unpack(packed: &[u8]) -> Result<Self, Failure> {
        let bytes = unpack(packed)?;
        let input = &mut Input::new(&bytes);
        let mut end = 0_usize;
        let ends = read_list(input, |input| {
            end = end.checked_add(input.length()?).ok_or_else(|| broken("a text is too long"))?;
            Ok(end)
        })?;
        let all = String::from_utf8(input.bytes(end)?.to_vec()).map_err(|error| broken(&error.to_string()))?;
        if !input.is_empty() || ends.iter().any(|end| !all.is_char_boundary(*end)) {
            return Err(broken("the texts of an index are not those that were written"));
        }
        Ok(Self { all, ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_columns_come_back() {
        let texts = TextList::new(["main", "", "Ümlaut", "a"]);
        let read = TextList::unpack(&texts.pack().unwrap()).unwrap();
        assert_eq!(read, texts);
        assert_eq!(read.iter().collect::<Vec<_>>(), ["main", "", "Ümlaut", "a"]);
        assert_eq!(read.folded().iter().collect::<Vec<_>>(), ["main", "", "ümlaut", "a"]);
        assert_eq!(TextList::new(["A", "bC"]).folded().iter().collect::<Vec<_>>(), ["a", "bc"]);

        let mut columns = Columns::default();
        assert_eq!(Columns::unpack(&columns.pack().unwrap()).unwrap(), columns);
        [7, 7, 3, i64::MAX].into_iter().for_each(|deliveryid| columns.owners.push(deliveryid));
        [1, 1, 2].into_iter().for_each(|state| columns.states.push(state));
        columns.deliveries[1].push(70_000);
        columns.changes[6].push(5);
        columns.outcomes.push(IndexedOutcome { deliveryid: 3, state: 2, reason: 1 });
        let mut read = Columns::unpack(&columns.pack().unwrap()).unwrap();
        assert_eq!(read, columns);
        // One that was read grows as the one that was written.
        for columns in [&mut columns, &mut read] {
            columns.states.push(2);
            columns.states.push(1);
            columns.owners.push(i64::MAX);
            columns.owners.push(4);
        }
        assert_eq!(read, columns);
        assert_eq!(Columns::unpack(&columns.pack().unwrap()).unwrap(), columns);
        assert_eq!(columns.states.runs().collect::<Vec<_>>(), [(1, 2), (2, 2), (1, 1)]);
        assert_eq!(columns.owners.runs().collect::<Vec<_>>(), [(7, 2), (3, 1), (i64::MAX, 2), (4, 1)]);
    }

    #[test]
    fn other_bytes_are_an_error() {
        let mut part = Part::new();
        part.end().extend([5, 200]);
        let other = pack_part(&part).unwrap();
        assert!(TextList::unpack(&other).is_err() && Columns::unpack(&other).is_err());
        assert!(TextList::unpack(&[]).is_err());
    }
}
