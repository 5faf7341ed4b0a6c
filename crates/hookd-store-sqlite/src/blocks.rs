//! The table of blocks: which block has a delivery or a change, and what is in it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use hookd_store::{
    ApiCalls, DeliveryRecord, LoggedChange, Origin, State, StoredRequest, Timestamp, check_read_limits, hookd_id,
};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::Failure;
pub(crate) use crate::format::Part;
use crate::format::{Changes, DeliveryEntry, Records, RequestPlace, request_at, state_from_code};
use crate::packer::{Numbers, PackedBlock};

/// A block, without what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) blockid: i64,
    first_deliveryid: i64,
    delivery_count: i64,
    first_changeid: i64,
    change_count: i64,
}

/// The columns that make a [`Header`].
macro_rules! header {
    () => {
        "blockid, first_deliveryid, delivery_count, first_changeid, change_count"
    };
}

impl Header {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            blockid: row.get(0)?,
            first_deliveryid: row.get(1)?,
            delivery_count: row.get(2)?,
            first_changeid: row.get(3)?,
            change_count: row.get(4)?,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_tests(blockid: i64) -> Self {
        Self { blockid, first_deliveryid: 1, delivery_count: 0, first_changeid: 1, change_count: 0 }
    }

    /// Whether it begins where another one ends.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let begins_there = |part| self.first(part) == before.next(part);
        self.blockid == before.blockid + 1 && begins_there(Part::Deliveries) && begins_there(Part::Changes)
    }

    /// The number of the first of its deliveries or changes; of one that is still to come where there are none.
    pub(crate) fn first(&self, part: Part) -> i64 {
        match part {
            Part::Deliveries => self.first_deliveryid,
            Part::Changes => self.first_changeid,
        }
    }

    /// The number after those of its deliveries or changes.
    pub(crate) fn next(&self, part: Part) -> i64 {
        match part {
            Part::Deliveries => self.first_deliveryid + self.delivery_count,
            Part::Changes => self.first_changeid + self.change_count,
        }
    }
}

impl Numbers {
    /// Those of a store.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let last = ends(connection)?.map(|(_, last)| last);
        Ok(Self {
            deliveryid: last.map_or(1, |last| last.next(Part::Deliveries)),
            changeid: last.map_or(1, |last| last.next(Part::Changes)),
            blockid: last.map_or(1, |last| last.blockid + 1),
        })
    }
}

/// Adds a block.
pub(crate) fn insert(connection: &Connection, packed: &PackedBlock) -> rusqlite::Result<()> {
    let PackedBlock { first, block, request_count, keys: _ } = packed;
    connection.prepare_cached("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
        first.blockid,
        first.deliveryid,
        block.delivery_count,
        first.changeid,
        block.change_count,
        block.received_at,
        &block.records,
        request_count,
        &block.requests,
    ))?;
    Ok(())
}

/// The first block; `None` where there is none at all.
pub(crate) fn first(connection: &Connection) -> rusqlite::Result<Option<Header>> {
    end(connection, concat!("SELECT ", header!(), " FROM blocks ORDER BY blockid LIMIT 1"))
}

/// The first block and the last; `None` where there is none at all.
pub(crate) fn ends(connection: &Connection) -> rusqlite::Result<Option<(Header, Header)>> {
    let last = end(connection, concat!("SELECT ", header!(), " FROM blocks ORDER BY blockid DESC LIMIT 1"))?;
    Ok(first(connection)?.zip(last))
}

fn end(connection: &Connection, sql: &str) -> rusqlite::Result<Option<Header>> {
    connection.prepare_cached(sql)?.query_row([], Header::from_row).optional()
}

pub(crate) fn header(connection: &Connection, blockid: i64) -> rusqlite::Result<Option<Header>> {
    connection
        .prepare_cached(concat!("SELECT ", header!(), " FROM blocks WHERE blockid = ?"))?
        .query_row([blockid], Header::from_row)
        .optional()
}

/// The last block that begins with this delivery or change or an earlier one: the one that has it, if any has.
///
/// Numbers grow from block to block, so that this is a binary search, and needs no index.
pub(crate) fn block_of(connection: &Connection, part: Part, id: i64) -> rusqlite::Result<Option<Header>> {
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

/// A block as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct BlockRow<'r> {
    pub(crate) header: Header,
    /// Packed.
    pub(crate) records: &'r [u8],
    pub(crate) request_count: i64,
    /// Packed; `None` where it has none, or they are no longer kept.
    pub(crate) requests: Option<&'r [u8]>,
}

/// Reads all blocks in their order, until `read` returns `false`.
pub(crate) fn each_row(
    connection: &Connection,
    mut read: impl FnMut(BlockRow<'_>) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let sql = concat!("SELECT ", header!(), ", records, request_count, requests FROM blocks ORDER BY blockid");
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let block = BlockRow {
            header: Header::from_row(row)?,
            records: row.get_ref(5)?.as_blob()?,
            request_count: row.get(6)?,
            requests: row.get_ref(7)?.as_blob_or_null()?,
        };
        if !read(block)? {
            break;
        }
    }
    Ok(())
}

/// The records of a block.
pub(crate) fn records(connection: &Connection, blockid: i64) -> Result<Records, Failure> {
    let mut select = connection.prepare_cached("SELECT records FROM blocks WHERE blockid = ?")?;
    let mut rows = select.query([blockid])?;
    match rows.next()? {
        Some(row) => Records::read(row.get_ref(0)?.as_blob()?),
        None => Err(Failure::Damaged(format!("block {blockid} of the log is missing"))),
    }
}

/// The first block after this one that has changes, with its records.
pub(crate) fn next_with_changes(connection: &Connection, blockid: i64) -> Result<Option<(Header, Records)>, Failure> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        header!(),
        ", records FROM blocks WHERE blockid > ? AND change_count > 0 ORDER BY blockid LIMIT 1"
    ))?;
    let mut rows = select.query([blockid])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((Header::from_row(row)?, Records::read(row.get_ref(5)?.as_blob()?)?)))
}

/// Reads the blocks that have deliveries or changes with these numbers, in their order.
fn each(
    connection: &Connection,
    part: Part,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(&Header, &Records) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut next = match block_of(connection, part, *ids.start())? {
        Some(block) => Some(block),
        None => first(connection)?,
    };
    while let Some(block) = next.filter(|block| block.first(part) <= *ids.end()) {
        if block.first(part) < block.next(part) {
            read(&block, &records(connection, block.blockid)?)?;
        }
        next = header(connection, block.blockid + 1)?;
    }
    Ok(())
}

/// Reads the changes with these numbers, in their order.
pub(crate) fn each_change(
    connection: &Connection,
    instance: &str,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(LoggedChange) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut decoder = ChangeDecoder::new(instance);
    each(connection, Part::Changes, ids, |block, records| {
        let mut changes = records.changes();
        for changeid in block.first_changeid..block.next(Part::Changes).min(ids.end().saturating_add(1)) {
            if ids.contains(&changeid) {
                read(decoder.read(&mut changes, changeid)?)?;
            } else {
                changes.pass()?;
            }
        }
        Ok(())
    })
}

/// Reads the deliveries with these numbers, in their order, with what has become of those that were pending.
pub(crate) fn each_delivery(
    connection: &Connection,
    ids: &RangeInclusive<i64>,
    mut read: impl FnMut(DeliveryRecord) -> Result<(), Failure>,
) -> Result<(), Failure> {
    each(connection, Part::Deliveries, ids, |block, records| {
        let mut deliveries = records.deliveries();
        for deliveryid in block.first_deliveryid..block.next(Part::Deliveries).min(ids.end().saturating_add(1)) {
            let entry = deliveries.read()?;
            if ids.contains(&deliveryid) {
                read(delivery(connection, deliveryid, &entry)?)?;
            }
        }
        Ok(())
    })
}

/// The deliveries of these changes, which ascend.
pub(crate) fn owners(connection: &Connection, changeids: &[i64]) -> Result<Vec<i64>, Failure> {
    let mut owners = Vec::with_capacity(changeids.len());
    let mut left = changeids.iter().copied().peekable();
    while let Some(changeid) = left.peek().copied() {
        check_read_limits().map_err(Failure::GivenUp)?;
        let block = block_of(connection, Part::Changes, changeid)?;
        let Some(block) = block.filter(|block| changeid < block.next(Part::Changes)) else {
            left.next();
            continue;
        };
        let records = records(connection, block.blockid)?;
        let mut changes = records.changes();
        for number in block.first(Part::Changes)..block.next(Part::Changes) {
            let Some(wanted) = left.peek().copied().filter(|wanted| *wanted < block.next(Part::Changes)) else { break };
            let (group, _) = changes.pass_of_group()?;
            if number == wanted {
                owners.push(group.deliveryid);
                while left.next_if_eq(&number).is_some() {}
            }
        }
    }
    Ok(owners)
}

/// Makes [`LoggedChange`]s of what is read from blocks.
pub(crate) struct ChangeDecoder<'i> {
    instance: &'i str,
    /// The dialect of the last one, which mostly is that of the next.
    dialect: Arc<str>,
}

impl<'i> ChangeDecoder<'i> {
    pub(crate) fn new(instance: &'i str) -> Self {
        Self { instance, dialect: Arc::from("") }
    }

    /// Reads the next change of a block, which has this number.
    pub(crate) fn read(&mut self, changes: &mut Changes<'_>, changeid: i64) -> Result<LoggedChange, Failure> {
        let (group, mut change) = changes.read()?;
        if *self.dialect != *group.dialect {
            self.dialect = Arc::from(group.dialect);
        }
        let received_at = Timestamp::from_micros(group.received_at);
        change.when_timestamp.get_or_insert(received_at.as_seconds());
        Ok(LoggedChange {
            changeid,
            deliveryid: group.deliveryid,
            received_at,
            dialect: Arc::clone(&self.dialect),
            hookd_id: hookd_id(self.instance, changeid, received_at),
            change,
        })
    }
}

/// A delivery as people see it.
pub(crate) fn delivery(
    connection: &Connection,
    deliveryid: i64,
    entry: &DeliveryEntry<'_>,
) -> Result<DeliveryRecord, Failure> {
    let outcome = if entry.state == State::Pending { outcome(connection, deliveryid)? } else { None };
    let Outcome { state, reason, changeids, api_calls } = outcome.unwrap_or_else(|| Outcome {
        api_calls: None,
        state: entry.state,
        reason: entry.reason.map(str::to_owned),
        changeids: entry.changeids().collect(),
    });
    Ok(DeliveryRecord {
        deliveryid,
        received_at: Timestamp::from_micros(entry.received_at),
        dialect: entry.dialect.to_owned(),
        forge_id: entry.forge_id.map(str::to_owned),
        event: entry.event.map(str::to_owned),
        origin: Origin { peer: entry.peer.map(str::to_owned), user: entry.user.map(str::to_owned), proof: entry.proof },
        replay_of: entry.replay_of,
        api_calls,
        state,
        reason,
        changeids,
        size: entry.body_length as u64,
    })
}

/// The outcome of a delivery that was pending when it was stored.
struct Outcome {
    state: State,
    reason: Option<String>,
    changeids: Vec<i64>,
    api_calls: Option<ApiCalls>,
}

fn outcome(connection: &Connection, deliveryid: i64) -> Result<Option<Outcome>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT state, reason, first_changeid, change_count, calls_made, calls_failed, last_error FROM outcomes \
         WHERE deliveryid = ?",
    )?;
    let mut rows = select.query([deliveryid])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (first, count): (Option<i64>, i64) = (row.get(2)?, row.get(3)?);
    let changeids = first.map_or_else(Vec::new, |first| (first..first.saturating_add(count)).collect());
    let api_calls = Some(ApiCalls { made: row.get(4)?, failed: row.get(5)?, last_error: row.get(6)? });
    Ok(Some(Outcome { state: state_from_code(row.get(0)?)?, reason: row.get(1)?, changeids, api_calls }))
}

/// The state of a delivery that was pending when it was stored; `None` while it is.
pub(crate) fn completed_state(connection: &Connection, deliveryid: i64) -> Result<Option<State>, Failure> {
    Ok(outcome(connection, deliveryid)?.map(|outcome| outcome.state))
}

/// Looks at a delivery as it was stored, with the block that has it and the place of its request there. `None` where
/// there is no such delivery.
pub(crate) fn entry<T>(
    connection: &Connection,
    deliveryid: i64,
    look: impl FnOnce(i64, &DeliveryEntry<'_>, RequestPlace) -> T,
) -> Result<Option<T>, Failure> {
    let Some(block) = block_of(connection, Part::Deliveries, deliveryid)? else { return Ok(None) };
    if deliveryid >= block.next(Part::Deliveries) {
        return Ok(None);
    }
    let records = records(connection, block.blockid)?;
    let (mut deliveries, mut offset) = (records.deliveries(), 0);
    for _ in block.first_deliveryid..deliveryid {
        offset = deliveries.read()?.place(offset).end();
    }
    let entry = deliveries.read()?;
    Ok(Some(look(block.blockid, &entry, entry.place(offset))))
}

/// The request at a place of a block, of a delivery with this forge id; `None` where there was none, or it is no longer kept.
pub(crate) fn request(
    connection: &Connection,
    blockid: i64,
    place: RequestPlace,
    forge_id: Option<&str>,
) -> Result<Option<StoredRequest>, Failure> {
    if place.head_length == 0 {
        return Ok(None);
    }
    let mut select = connection.prepare_cached("SELECT requests FROM blocks WHERE blockid = ?")?;
    let mut rows = select.query([blockid])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    row.get_ref(0)?.as_blob_or_null()?.map(|requests| request_at(requests, place, forge_id)).transpose()
}
