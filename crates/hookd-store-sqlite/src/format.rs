//! The format on disk of what lies in a block. It has a version of its own and knows the types of the core and of the
//! contract only where it converts from and to them: a field that moves, comes or goes there changes nothing here.
//!
//! A block is what one transaction stores, or a part of it. It has two parts, which are compressed each for itself:
//! *records*, kept as long as changes are, and *requests*, which expire first. The layout of both is in [`block`], the
//! envelope with its version in [`version`], and the numbers and texts that everything is made of in [`wire`].
//!
//! The file `golden/version_3.txt` has the bytes of every kind of record; a test compares this code with it. Until the
//! first release a change of the format replaces version and golden file. After it, blocks of older versions stay
//! readable, or a migration rewrites them.

mod block;
mod change;
mod dictionary;
#[cfg(test)]
mod golden;
mod records;
mod request;
mod runs;
mod segment;
mod settlements;
mod version;
mod wire;

pub(crate) use block::{Block, BlockBuilder};
pub(crate) use change::Passed;
pub(crate) use records::{Bookmark, Changes, DeliveryEntry, Group, Part, Records, state_code, state_from_code};
pub(crate) use request::{RequestPlace, request_at, request_in};
pub(crate) use runs::Column;
pub(crate) use segment::{ChangeText, Columns, DeliveryText, IndexedOutcome, MAX_TEXT_BYTES, TextList};
pub(crate) use settlements::{read_settlements, write_settlements};
pub(crate) use version::unpack;

use crate::error::Failure;

/// The numbers of a cursor's column `done`, each as the distance from the one before it (the first from `position`).
pub(crate) fn write_done(position: i64, done: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(done.len());
    let mut before = position;
    for number in done {
        wire::write_integer(&mut bytes, number - before);
        before = *number;
    }
    bytes
}

/// Reads what [`write_done`] wrote.
///
/// # Errors
/// When the bytes are something else.
pub(crate) fn read_done(position: i64, bytes: &[u8]) -> Result<Vec<i64>, Failure> {
    let mut input = wire::Input::new(bytes);
    let (mut done, mut before) = (Vec::new(), position);
    while !input.is_empty() {
        before = before.saturating_add(input.integer()?);
        done.push(before);
    }
    Ok(done)
}
