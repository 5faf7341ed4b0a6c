//! The parent of a change: the last one before it of the same branch, repository, project and codebase. It is looked for
//! among the changes shortly before it, and not in an index: such an index would take as much room as all others together,
//! for a field that few ask for.

use hookd_core::Change;
use rusqlite::Connection;

use crate::blocks::{self, Header, Part};
use crate::error::Failure;
use crate::format::Passed;

/// How many changes are looked at, but for those of the last block that are too many.
const MAX_CHANGES: i64 = 10_000;

/// How many blocks are looked at.
const MAX_BLOCKS: usize = 1000;

/// Looks for the parent of a change that is in this block.
pub(crate) fn find(
    connection: &Connection,
    mut block: Header,
    changeid: i64,
    change: &Change,
) -> Result<Option<i64>, Failure> {
    let wanted = Passed::of(change);
    for _ in 0..MAX_BLOCKS {
        let first = block.first(Part::Changes);
        let before = first..block.next(Part::Changes).min(changeid);
        if !before.is_empty() {
            let records = blocks::records(connection, block.blockid)?;
            let (mut changes, mut parent) = (records.changes(), None);
            for id in before {
                if changes.pass()?.is_same_line(&wanted) {
                    parent = Some(id);
                }
            }
            if parent.is_some() {
                return Ok(parent);
            }
        }
        match blocks::header(connection, block.blockid - 1)? {
            Some(previous) if changeid - first < MAX_CHANGES => block = previous,
            _ => break,
        }
    }
    Ok(None)
}
