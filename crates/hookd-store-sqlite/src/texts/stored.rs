//! Segments in the file.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row};

use super::line;
use super::segment::{Bounds, Segment};
use crate::error::Failure;
use crate::format::{Columns, Passed, TextList};

/// The columns that make [`Bounds`].
macro_rules! bounds {
    () => {
        "first_blockid, next_blockid, first_deliveryid, delivery_count, first_changeid, change_count"
    };
}

impl Bounds {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first_blockid: row.get(0)?,
            next_blockid: row.get(1)?,
            first_deliveryid: row.get(2)?,
            delivery_count: row.get(3)?,
            first_changeid: row.get(4)?,
            change_count: row.get(5)?,
        })
    }
}

/// A segment as it lies in the file.
pub(crate) struct StoredSegment {
    pub(crate) bounds: Bounds,
    texts: Vec<u8>,
    columns: Vec<u8>,
}

impl StoredSegment {
    pub(crate) fn texts(&self) -> Result<TextList, Failure> {
        TextList::unpack(&self.texts).map_err(|failure| self.named(&failure))
    }

    pub(crate) fn columns(&self) -> Result<Columns, Failure> {
        Columns::unpack(&self.columns).map_err(|failure| self.named(&failure))
    }

    /// Those of these changes that may be of this line, the greatest first.
    ///
    /// # Errors
    /// When the segment is broken.
    pub(crate) fn of_line(&self, line: &Passed<'_>, ids: &Range<i64>) -> Result<Vec<i64>, Failure> {
        let texts = self.texts()?;
        let number = |wanted: &str| {
            let place = texts.iter().position(|text| text == wanted)?;
            u32::try_from(place + 1).ok()
        };
        match line::numbers(line, number) {
            Some(numbers) => Ok(line::changes(&self.bounds, &self.columns()?, numbers, ids)),
            None => Ok(Vec::new()),
        }
    }

    fn named(&self, failure: &Failure) -> Failure {
        Failure::Damaged(format!("the text index from block {} on is broken: {failure}", self.bounds.first_blockid))
    }
}

/// Writes a segment, in the place of what was written of it before.
pub(crate) fn write(connection: &Connection, segment: &Segment) -> Result<(), Failure> {
    let (texts, columns) = segment.parts();
    let bounds = &segment.bounds;
    connection
        .prepare_cached(concat!(
            "INSERT OR REPLACE INTO text_segments (",
            bounds!(),
            ", texts, columns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute((
            bounds.first_blockid,
            bounds.next_blockid,
            bounds.first_deliveryid,
            bounds.delivery_count,
            bounds.first_changeid,
            bounds.change_count,
            texts.pack()?,
            columns.pack()?,
        ))?;
    // All that there are were committed, and are in it.
    connection.prepare_cached("DELETE FROM unindexed_outcomes")?.execute([])?;
    Ok(())
}

/// The first segment that begins after this block.
pub(crate) fn next(connection: &Connection, after: i64) -> Result<Option<StoredSegment>, Failure> {
    select(
        connection,
        concat!(
            "SELECT ",
            bounds!(),
            ", texts, columns FROM text_segments WHERE first_blockid > ? ORDER BY first_blockid LIMIT 1"
        ),
        after,
    )
}

/// The last segment that begins before this block.
pub(crate) fn last_before(connection: &Connection, blockid: i64) -> Result<Option<StoredSegment>, Failure> {
    select(
        connection,
        concat!(
            "SELECT ",
            bounds!(),
            ", texts, columns FROM text_segments WHERE first_blockid < ? ORDER BY first_blockid DESC LIMIT 1"
        ),
        blockid,
    )
}

fn select(connection: &Connection, sql: &str, blockid: i64) -> Result<Option<StoredSegment>, Failure> {
    let read =
        |row: &Row<'_>| Ok(StoredSegment { bounds: Bounds::from_row(row)?, texts: row.get(6)?, columns: row.get(7)? });
    Ok(connection.prepare_cached(sql)?.query_row([blockid], read).optional()?)
}

/// Deletes the segments of which nothing is left.
pub(crate) fn expire(connection: &Connection, first_blockid: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM text_segments WHERE next_blockid <= ?")?.execute([first_blockid])?;
    Ok(())
}
