//! The parent of a change: the last one before it of the same branch, repository, project and codebase. It is looked for
//! among the changes shortly before it. An index of parents would take as much room as all others together, for a field that
//! few ask for; the text index says which of those changes may be of the same line, so that few blocks are decompressed.

use std::ops::Range;

use hookd_core::Change;
use rusqlite::Connection;

use crate::blocks::{self, Header, Part};
use crate::error::Failure;
use crate::format::Passed;
use crate::texts::{Bounds, OpenSegment, stored};

/// How many changes before one its parent is looked for among.
const MAX_DISTANCE: i64 = 10_000;

/// How many blocks that are in no segment of the text index are looked at.
const MAX_BLOCKS: usize = 1000;

/// Changes of some consecutive blocks that may be of a line, the greatest first.
struct Candidates {
    ids: Vec<i64>,
    first_blockid: i64,
}

/// Looks for the parent of a change that is in this block.
pub(crate) fn find(
    connection: &Connection,
    open: &OpenSegment,
    block: Header,
    changeid: i64,
    change: &Change,
) -> Result<Option<i64>, Failure> {
    let line = Passed::of(change);
    let least = changeid.saturating_sub(MAX_DISTANCE);
    // Its own block was decompressed for the change itself, and mostly has the parent.
    if let Some(parent) = last_in(connection, block, least..changeid, &line)? {
        return Ok(Some(parent));
    }
    let mut next = block;
    let mut blocks_left = MAX_BLOCKS;
    while next.first(Part::Changes) > least && blocks_left > 0 {
        let ids = least..next.first(Part::Changes);
        let first_blockid = match candidates(connection, open, next.blockid, &ids, &line)? {
            Some(candidates) => {
                if let Some(parent) = last_of(connection, candidates.ids, &line)? {
                    return Ok(Some(parent));
                }
                candidates.first_blockid
            }
            None => {
                let Some(before) = blocks::header(connection, next.blockid - 1)? else { return Ok(None) };
                if let Some(parent) = last_in(connection, before, ids, &line)? {
                    return Ok(Some(parent));
                }
                blocks_left -= 1;
                before.blockid
            }
        };
        match blocks::header(connection, first_blockid)? {
            Some(first) => next = first,
            // It has expired.
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// What the segment that has the block before this one says; `None` where no segment has it, or it cannot be read.
fn candidates(
    connection: &Connection,
    open: &OpenSegment,
    next_blockid: i64,
    ids: &Range<i64>,
    line: &Passed<'_>,
) -> Result<Option<Candidates>, Failure> {
    let within = |bounds: &Bounds| bounds.first_blockid < next_blockid && next_blockid <= bounds.next_blockid;
    if let Some((bounds, ids)) = open.of_line(line, ids, within) {
        return Ok(Some(Candidates { ids, first_blockid: bounds.first_blockid }));
    }
    let Some(segment) = stored::last_before(connection, next_blockid)?.filter(|segment| within(&segment.bounds)) else {
        return Ok(None);
    };
    // A broken index is reported by searches and by `hookd store check`; here the log itself does.
    Ok(segment.of_line(line, ids).ok().map(|ids| Candidates { ids, first_blockid: segment.bounds.first_blockid }))
}

/// The first of these numbers, which descend, that is of this line.
fn last_of(connection: &Connection, ids: Vec<i64>, line: &Passed<'_>) -> Result<Option<i64>, Failure> {
    let mut before = i64::MAX;
    for id in ids {
        // One was looked at together with the others of its block.
        if id >= before {
            continue;
        }
        let Some(block) = blocks::block_of(connection, Part::Changes, id)? else { return Ok(None) };
        before = block.first(Part::Changes);
        if let Some(parent) = last_in(connection, block, before..id + 1, line)? {
            return Ok(Some(parent));
        }
    }
    Ok(None)
}

/// The last of these changes that is in this block and of this line.
fn last_in(connection: &Connection, block: Header, ids: Range<i64>, line: &Passed<'_>) -> Result<Option<i64>, Failure> {
    let first = block.first(Part::Changes);
    let until = block.next(Part::Changes).min(ids.end);
    if until <= first.max(ids.start) {
        return Ok(None);
    }
    let records = blocks::records(connection, block.blockid)?;
    let (mut changes, mut last) = (records.changes(), None);
    for id in first..until {
        if changes.pass()?.is_same_line(line) && ids.contains(&id) {
            last = Some(id);
        }
    }
    Ok(last)
}
