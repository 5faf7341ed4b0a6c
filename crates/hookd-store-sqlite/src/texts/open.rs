//! The segment that is being filled: the writer adds what it committed, and searches look through it.

use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use hookd_store::State;
use rusqlite::Connection;

use super::batch::BatchTexts;
use super::segment::{Bounds, Segment};
use super::stored;
use crate::blocks::{self, Part};
use crate::error::Failure;
use crate::format::{Columns, Passed, TextList, state_from_code};
use crate::packer::Numbers;

/// The segment that is being filled, shared by the writer and all readers.
pub(crate) struct OpenSegment(RwLock<Segment>);

impl OpenSegment {
    /// That of a store: the last one if it was not full, with all that the log has beyond it.
    pub(crate) fn read(connection: &Connection, next: Numbers) -> Result<Self, Failure> {
        let mut segment = match stored::last_before(connection, i64::MAX)? {
            Some(last) => match last.texts().and_then(|texts| Ok((texts, last.columns()?))) {
                Ok((texts, columns)) => {
                    let went_on = Segment::of_parts(last.bounds, &texts, columns);
                    if went_on.is_full() { went_on.next() } else { went_on }
                }
                Err(failure) => {
                    tracing::warn!("{failure}; it is read from the log again");
                    let Bounds { first_blockid, first_deliveryid, first_changeid, .. } = last.bounds;
                    Segment::new(first_blockid, first_deliveryid, first_changeid)
                }
            },
            None => match blocks::first(connection)? {
                Some(first) => Segment::new(first.blockid, first.first(Part::Deliveries), first.first(Part::Changes)),
                None => Segment::new(next.blockid, next.deliveryid, next.changeid),
            },
        };
        // What has expired in the meantime is in no segment.
        if let Some(first) = blocks::first(connection)?
            && first.blockid > segment.bounds.next_blockid
        {
            segment = Segment::new(first.blockid, first.first(Part::Deliveries), first.first(Part::Changes));
        }
        add_blocks(connection, &mut segment, next.blockid)?;
        let outcomes = unindexed_outcomes(connection)?;
        segment.add(&outcomes, next.blockid);
        Ok(Self(RwLock::new(segment)))
    }

    /// Adds what was committed, up to this block.
    pub(crate) fn add(&self, batch: &BatchTexts, next_blockid: i64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(batch, next_blockid);
    }

    /// Writes it. All that it has must be committed.
    pub(crate) fn write(&self, connection: &Connection) -> Result<(), Failure> {
        let segment = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if segment.is_empty() { Ok(()) } else { stored::write(connection, &segment) }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_full()
    }

    /// Begins the next one, since this one was written.
    pub(crate) fn begin_next(&self) {
        let mut segment = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = segment.next();
        *segment = next;
    }

    /// Those of these changes that may be of this line, the greatest first, if its bounds are those that are wanted.
    pub(crate) fn of_line(
        &self,
        line: &Passed<'_>,
        ids: &Range<i64>,
        is_wanted: impl FnOnce(&Bounds) -> bool,
    ) -> Option<(Bounds, Vec<i64>)> {
        let segment = self.0.read().unwrap_or_else(PoisonError::into_inner);
        is_wanted(&segment.bounds).then(|| (segment.bounds, segment.of_line(line, ids)))
    }

    /// A copy of what is in it now.
    pub(crate) fn copy(&self) -> (Bounds, TextList, Columns) {
        let segment = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (texts, columns) = segment.parts();
        (segment.bounds, texts.clone(), columns.clone())
    }
}

/// Adds the blocks that are not in a segment, up to this one.
fn add_blocks(connection: &Connection, segment: &mut Segment, next_blockid: i64) -> Result<(), Failure> {
    for blockid in segment.bounds.next_blockid..next_blockid {
        let Some(header) = blocks::header(connection, blockid)? else {
            return Err(Failure::Damaged(format!("block {blockid} of the log is missing")));
        };
        let records = blocks::records(connection, blockid)?;
        let mut batch = BatchTexts::default();
        let mut deliveries = records.deliveries();
        for _ in header.first(Part::Deliveries)..header.next(Part::Deliveries) {
            batch.add_delivery(&deliveries.read()?);
        }
        let mut changes = records.changes();
        for _ in header.first(Part::Changes)..header.next(Part::Changes) {
            let (group, change) = changes.pass_of_group()?;
            batch.add_passed(group.deliveryid, &change);
        }
        segment.add(&batch, blockid + 1);
    }
    Ok(())
}

fn unindexed_outcomes(connection: &Connection) -> Result<BatchTexts, Failure> {
    let mut select = connection
        .prepare("SELECT deliveryid, state, reason FROM unindexed_outcomes CROSS JOIN outcomes USING (deliveryid)")?;
    let mut batch = BatchTexts::default();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (deliveryid, reason): (i64, Option<String>) = (row.get(0)?, row.get(2)?);
        let state: State = state_from_code(row.get(1)?)?;
        batch.add_outcome(deliveryid, state, reason.as_deref());
    }
    Ok(batch)
}
