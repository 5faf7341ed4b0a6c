//! Columns of the text index, in memory as they are stored: as runs of records in a row that have the same value.
//!
//! A segment that is being filled has tens of thousands of runs. A few bytes of each, as [`super::segment`] lays them out, are
//! memory enough; only the last run, which may grow, is kept apart.

use super::wire::{Input, broken, write_integer, write_length, write_number, zigzag};
use crate::error::Failure;

/// Values of records in a row: the value, and how many have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    ended: Runs,
    /// The last run, which may grow.
    last: Option<(u32, u32)>,
}

impl Column {
    pub(crate) fn push(&mut self, value: u32) {
        match &mut self.last {
            Some((last, count)) if *last == value => *count += 1,
            _ => {
                if let Some((ended, count)) = self.last.replace((value, 1)) {
                    self.ended.push(|to| write_number(to, u64::from(ended)), count);
                }
            }
        }
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.ended.iter(small).chain(self.last)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        self.ended.write(to, self.last.map(|(value, count)| (u64::from(value), count)));
    }

    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, Failure> {
        let (ended, last) = Runs::read(input, small)?;
        Ok(Self { ended, last })
    }
}

/// The deliveries of changes in a row, each with how many changes are of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners {
    ended: Runs,
    /// The delivery of the last run in `ended`; 0 where that is empty.
    before: i64,
    /// The last run, which may grow.
    last: Option<(i64, u32)>,
}

impl Owners {
    pub(crate) fn push(&mut self, deliveryid: i64) {
        match &mut self.last {
            Some((last, count)) if *last == deliveryid => *count += 1,
            _ => {
                if let Some((deliveryid, count)) = self.last.replace((deliveryid, 1)) {
                    let step = deliveryid.wrapping_sub(self.before);
                    self.ended.push(|to| write_integer(to, step), count);
                    self.before = deliveryid;
                }
            }
        }
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = (i64, u32)> {
        let mut before = 0_i64;
        let ended = self.ended.iter(step).map(move |(step, count)| {
            before = before.wrapping_add(step);
            (before, count)
        });
        ended.chain(self.last)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let last = self.last.map(|(deliveryid, count)| (zigzag(deliveryid.wrapping_sub(self.before)), count));
        self.ended.write(to, last);
    }

    pub(super) fn read(input: &mut Input<'_>) -> Result<Self, Failure> {
        let mut at = 0_i64;
        let deliveryid = |input: &mut Input<'_>| {
            at = at.wrapping_add(step(input)?);
            Ok(at)
        };
        let (ended, last) = Runs::read(input, deliveryid)?;
        let before = ended.iter(step).fold(0_i64, |before, (step, _)| before.wrapping_add(step));
        Ok(Self { ended, before, last })
    }
}

/// Runs, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Runs {
    bytes: Vec<u8>,
    count: usize,
}

impl Runs {
    fn push(&mut self, write_value: impl FnOnce(&mut Vec<u8>), count: u32) {
        write_value(&mut self.bytes);
        write_number(&mut self.bytes, u64::from(count));
        self.count += 1;
    }

    /// All of them; they were written here, or looked through when they were read.
    fn iter<T>(&self, mut value: impl FnMut(&mut Input<'_>) -> Result<T, Failure>) -> impl Iterator<Item = (T, u32)> {
        let mut input = Input::new(&self.bytes);
        std::iter::from_fn(move || Some((value(&mut input).ok()?, small(&mut input).ok()?)))
    }

    /// Writes them, and one more.
    fn write(&self, to: &mut Vec<u8>, last: Option<(u64, u32)>) {
        write_length(to, self.count + usize::from(last.is_some()));
        to.extend_from_slice(&self.bytes);
        if let Some((value, count)) = last {
            write_number(to, value);
            write_number(to, u64::from(count));
        }
    }

    /// Those that were written, and the last one.
    fn read<T>(
        input: &mut Input<'_>,
        mut value: impl FnMut(&mut Input<'_>) -> Result<T, Failure>,
    ) -> Result<(Self, Option<(T, u32)>), Failure> {
        let Some(count) = input.length()?.checked_sub(1) else { return Ok((Self::default(), None)) };
        let mut all = *input;
        for _ in 0..count {
            value(input)?;
            small(input)?;
        }
        let bytes = all.bytes(all.left() - input.left())?.to_vec();
        Ok((Self { bytes, count }, Some((value(input)?, small(input)?))))
    }
}

/// How far a delivery is from the one before.
fn step(input: &mut Input<'_>) -> Result<i64, Failure> {
    input.integer()
}

/// A number of a text, or how many.
pub(super) fn small(input: &mut Input<'_>) -> Result<u32, Failure> {
    u32::try_from(input.number()?).map_err(|_| broken("a number of an index is too large"))
}
