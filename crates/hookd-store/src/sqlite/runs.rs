//! Runs of keys in the file: sorted, and cut by their highest bits, so that a look reads one row of each run.

use rusqlite::{Connection, OptionalExtension};
use xorf::{BinaryFuse16, Filter};

use crate::StoreError;
use crate::keys::{Key, Kind};

/// How many bits of a key say in which chunk of its run it is.
const BITS: u32 = 7;

/// The next bytes of a key, which the entries of a chunk are sorted by.
const TAG: usize = 6;

/// The bytes after them: how far the number is before the last one of the run.
const BEFORE: usize = 5;

/// A run with a filter.
pub(super) struct Run {
    runid: i64,
    last_id: i64,
    filter: BinaryFuse16,
}

impl Run {
    pub(super) fn runid(&self) -> i64 {
        self.runid
    }

    /// Whether this run may have a key; of nearly all that it does not have it says so.
    #[inline]
    pub(super) fn may_have(&self, key: u64) -> bool {
        self.filter.contains(&key)
    }

    /// The numbers that a key leads to in this run.
    pub(super) fn find(&self, connection: &Connection, key: u64) -> Result<Vec<i64>, StoreError> {
        find(connection, (self.runid, self.last_id), key)
    }
}

/// Writes a run of all keys that the tail has, which end with `last_id`; gives the filter of it, where it has one.
pub(super) fn write(
    connection: &Connection,
    kind: Kind,
    last_id: i64,
    keys: &[Key],
) -> Result<Option<Run>, StoreError> {
    let filter = match kind {
        Kind::ForgeId => Some(filter_of(keys)?),
        Kind::Revision | Kind::Line => None,
    };
    let blob = filter.as_ref().map(rmp_serde::to_vec).transpose().map_err(|error| broken(&error))?;
    connection.prepare_cached("INSERT INTO key_runs (kind, last_id, filter) VALUES (?, ?, ?)")?.execute((
        kind.code(),
        last_id,
        blob,
    ))?;
    let runid = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached("INSERT INTO key_chunks VALUES (?, ?)")?;
    for chunk in keys.chunk_by(|one, other| chunkid(runid, one.0) == chunkid(runid, other.0)) {
        let data: Vec<u8> = chunk.iter().flat_map(|(key, id)| entry(*key, last_id - id)).collect();
        insert.execute((chunkid(runid, chunk[0].0), data))?;
    }
    Ok(filter.map(|filter| Run { runid, last_id, filter }))
}

fn filter_of(keys: &[Key]) -> Result<BinaryFuse16, StoreError> {
    let mut distinct: Vec<u64> = keys.iter().map(|(key, _)| *key).collect();
    distinct.dedup();
    BinaryFuse16::try_from(distinct).map_err(|error| broken(&error))
}

/// All runs that have a filter, the oldest first.
pub(super) fn filtered(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    let mut select =
        connection.prepare("SELECT runid, last_id, filter FROM key_runs WHERE filter IS NOT NULL ORDER BY runid")?;
    let mut rows = select.query([])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let filter = rmp_serde::from_slice(row.get_ref(2)?.as_bytes().map_err(|error| broken(&error))?);
        let filter = filter.map_err(|error| broken(&error))?;
        runs.push(Run { runid: row.get(0)?, last_id: row.get(1)?, filter });
    }
    Ok(runs)
}

/// The runs of a kind with the last number of each, the youngest first.
pub(super) fn of_kind(connection: &Connection, kind: Kind) -> rusqlite::Result<Vec<(i64, i64)>> {
    connection
        .prepare_cached("SELECT runid, last_id FROM key_runs WHERE kind = ? ORDER BY runid DESC")?
        .query_map([kind.code()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The numbers that a key leads to in one run.
pub(super) fn find(connection: &Connection, (runid, last_id): (i64, i64), key: u64) -> Result<Vec<i64>, StoreError> {
    let chunk: Option<Vec<u8>> = connection
        .prepare_cached("SELECT data FROM key_chunks WHERE chunkid = ?")?
        .query_row([chunkid(runid, key)], |row| row.get(0))
        .optional()?;
    let chunk = chunk.unwrap_or_default();
    let (entries, _) = chunk.as_chunks::<{ TAG + BEFORE }>();
    let tag = tag_of(key);
    let first = entries.partition_point(|entry| entry[..TAG] < tag[..]);
    let found = entries[first..].iter().take_while(|entry| entry[..TAG] == tag);
    let before = |entry: &[u8]| entry.iter().fold(0, |before, byte| before << 8 | i64::from(*byte));
    Ok(found.map(|entry| last_id - before(&entry[TAG..])).collect())
}

/// Deletes the first run of a kind if it has nothing from `first_kept` on. Gives the run that went.
pub(super) fn expire(connection: &Connection, kind: Kind, first_kept: i64) -> rusqlite::Result<Option<i64>> {
    let runid: Option<i64> = connection
        .prepare_cached("SELECT min(runid) FROM key_runs WHERE kind = ? AND last_id < ?")?
        .query_row((kind.code(), first_kept), |row| row.get(0))?;
    if let Some(runid) = runid {
        connection.execute(
            "DELETE FROM key_chunks WHERE chunkid BETWEEN ? AND ?",
            (chunkid(runid, 0), chunkid(runid, u64::MAX)),
        )?;
        connection.execute("DELETE FROM key_runs WHERE runid = ?", [runid])?;
    }
    Ok(runid)
}

fn entry(key: u64, before: i64) -> impl Iterator<Item = u8> {
    tag_of(key).into_iter().chain(before.to_be_bytes().into_iter().skip(size_of::<i64>() - BEFORE))
}

fn tag_of(key: u64) -> [u8; TAG] {
    let bytes = (key << BITS).to_be_bytes();
    std::array::from_fn(|index| bytes[index])
}

fn chunkid(runid: i64, key: u64) -> i64 {
    runid << BITS | (key >> (u64::BITS - BITS)).cast_signed()
}

fn broken(what: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("an index of the store is broken: {what}"))
}
