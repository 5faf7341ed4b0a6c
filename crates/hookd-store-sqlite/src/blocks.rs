//! The log in the file: which block has a delivery or a change, and what is in it.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::block::{ChangeEntry, Entry, Place, Records, Values, request_at};
use crate::{ChangeRecord, DeliveryRecord, State, StoreError, StoredRequest};

/// What blocks are made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Deliveries,
    Changes,
}

/// A block, without what is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) blockid: i64,
    first_deliveryid: i64,
    delivery_count: i64,
    first_changeid: i64,
    change_count: i64,
}

const HEADER: &str = "blockid, first_deliveryid, delivery_count, first_changeid, change_count";

impl Header {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            blockid: row.get(0)?,
            first_deliveryid: row.get(1)?,
            delivery_count: row.get(2)?,
            first_changeid: row.get(3)?,
            change_count: row.get(4)?,
        })
    }

    /// The number of the first of its deliveries or changes; of one that is still to come where there are none.
    pub(super) fn first(&self, part: Part) -> i64 {
        match part {
            Part::Deliveries => self.first_deliveryid,
            Part::Changes => self.first_changeid,
        }
    }

    /// The number after those of its deliveries or changes.
    pub(super) fn next(&self, part: Part) -> i64 {
        match part {
            Part::Deliveries => self.first_deliveryid + self.delivery_count,
            Part::Changes => self.first_changeid + self.change_count,
        }
    }
}

/// The first block and the last; `None` where there is none at all.
pub(super) fn ends(connection: &Connection) -> rusqlite::Result<Option<(Header, Header)>> {
    let end = |order: &str| {
        connection
            .prepare_cached(&format!("SELECT {HEADER} FROM blocks ORDER BY blockid {order} LIMIT 1"))?
            .query_row([], Header::of)
            .optional()
    };
    Ok(end("ASC")?.zip(end("DESC")?))
}

pub(super) fn header(connection: &Connection, blockid: i64) -> rusqlite::Result<Option<Header>> {
    connection
        .prepare_cached(&format!("SELECT {HEADER} FROM blocks WHERE blockid = ?"))?
        .query_row([blockid], Header::of)
        .optional()
}

/// The last block that begins with this delivery or change or an earlier one: the one that has it, if any has.
///
/// Numbers grow from block to block, so that this is a binary search, and needs no index.
pub(super) fn block_of(connection: &Connection, part: Part, id: i64) -> rusqlite::Result<Option<Header>> {
    let Some((first, last)) = ends(connection)? else { return Ok(None) };
    if id < first.first(part) {
        return Ok(None);
    }
    let (mut found, mut end) = (first, last.blockid + 1);
    while end - found.blockid > 1 {
        let middle = found.blockid + (end - found.blockid) / 2;
        match header(connection, middle)? {
            Some(header) if header.first(part) <= id => found = header,
            _ => end = middle,
        }
    }
    Ok(Some(found))
}

/// The records of a block.
pub(super) fn records(connection: &Connection, blockid: i64) -> Result<Records, StoreError> {
    let mut select = connection.prepare_cached("SELECT records FROM blocks WHERE blockid = ?")?;
    let mut rows = select.query([blockid])?;
    match rows.next()? {
        Some(row) => {
            let blob = row.get_ref(0)?.as_blob();
            Records::read(blob.map_err(|error| StoreError::Failed(error.to_string()))?)
        }
        None => Err(StoreError::Failed(format!("block {blockid} of the log is missing"))),
    }
}

/// Reads the deliveries or changes with these numbers, in their order, block by block.
fn each(
    connection: &Connection,
    part: Part,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(i64, &mut Values<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut next = match block_of(connection, part, *ids.start())? {
        Some(block) => Some(block),
        None => ends(connection)?.map(|(first, _)| first),
    };
    while let Some(block) = next.filter(|block| block.first(part) <= *ids.end()) {
        let (first, end) = (block.first(part), block.next(part));
        if first < end {
            let records = records(connection, block.blockid)?;
            let mut values = match part {
                Part::Deliveries => records.deliveries(),
                Part::Changes => records.changes(),
            };
            for id in first..end.min(ids.end().saturating_add(1)) {
                if ids.contains(&id) { read(id, &mut values)? } else { values.skip()? }
            }
        }
        next = header(connection, block.blockid + 1)?;
    }
    Ok(())
}

/// Reads the changes with these numbers, in their order.
///
/// Their `hookd_id` and `parent_changeid` are left out: few need them.
pub(super) fn each_change(
    connection: &Connection,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(ChangeRecord),
) -> Result<(), StoreError> {
    each(connection, Part::Changes, ids, |changeid, changes| {
        let ChangeEntry { deliveryid, received_at, mut change } = changes.read()?;
        change.when_timestamp.get_or_insert(received_at.div_euclid(1_000_000));
        let hookd_id = String::new();
        read(ChangeRecord { changeid, deliveryid, received_at, parent_changeid: None, hookd_id, change });
        Ok(())
    })
}

/// Reads the deliveries with these numbers, in their order, with what has become of those that were pending.
pub(super) fn each_delivery(
    connection: &Connection,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(DeliveryRecord),
) -> Result<(), StoreError> {
    each(connection, Part::Deliveries, ids, |deliveryid, deliveries| {
        read(delivery(connection, deliveryid, &deliveries.read()?)?);
        Ok(())
    })
}

fn delivery(connection: &Connection, deliveryid: i64, entry: &Entry<'_>) -> Result<DeliveryRecord, StoreError> {
    let stored = (entry.state, entry.reason.as_deref().map(str::to_owned), entry.first_changeid, entry.change_count);
    let outcome = if entry.state == State::Pending.code() { outcome_of(connection, deliveryid)? } else { None };
    let (state, reason, first, count) = outcome.unwrap_or(stored);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(DeliveryRecord {
        deliveryid,
        received_at: crate::select::seconds(entry.received_at),
        dialect: entry.dialect.to_string(),
        forge_id: entry.forge_id.as_deref().map(str::to_owned),
        event: entry.event.as_deref().map(str::to_owned),
        state: State::of(state),
        reason,
        changeids: first.map_or_else(Vec::new, |first| (first..first + count).collect()),
        size: i64::try_from(entry.body_length).unwrap_or(i64::MAX),
    })
}

type Outcome = (i64, Option<String>, Option<i64>, usize);

fn outcome_of(connection: &Connection, deliveryid: i64) -> rusqlite::Result<Option<Outcome>> {
    connection
        .prepare_cached("SELECT state, reason, first_changeid, change_count FROM outcomes WHERE deliveryid = ?")?
        .query_row([deliveryid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()
}

/// Looks at a delivery as it was stored, with the block that has it and the place of its request there. `None` where
/// there is no such delivery.
pub(super) fn entry<T>(
    connection: &Connection,
    deliveryid: i64,
    look: impl FnOnce(i64, &Entry<'_>, Place) -> T,
) -> Result<Option<T>, StoreError> {
    let Some(block) = block_of(connection, Part::Deliveries, deliveryid)? else { return Ok(None) };
    if deliveryid >= block.next(Part::Deliveries) {
        return Ok(None);
    }
    let records = records(connection, block.blockid)?;
    let (mut deliveries, mut offset) = (records.deliveries(), 0);
    for _ in block.first_deliveryid..deliveryid {
        let entry: Entry<'_> = deliveries.read()?;
        offset += entry.head_length + entry.body_length;
    }
    let entry: Entry<'_> = deliveries.read()?;
    let place = Place { offset, head_length: entry.head_length, body_length: entry.body_length };
    Ok(Some(look(block.blockid, &entry, place)))
}

/// The request at a place of a block; `None` where it is no longer kept.
pub(super) fn request(
    connection: &Connection,
    blockid: i64,
    place: Place,
) -> Result<Option<StoredRequest>, StoreError> {
    let mut select = connection.prepare_cached("SELECT requests FROM blocks WHERE blockid = ?")?;
    let mut rows = select.query([blockid])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let blob = row.get_ref(0)?.as_blob_or_null().map_err(|error| StoreError::Failed(error.to_string()))?;
    blob.map(|requests| request_at(requests, place)).transpose()
}
