//! Runs of keys in the file: sorted, and cut by their highest bits, so that a look-up reads one row of each run.
//!
//! Every webhook is looked up in all runs of identities, and is hardly ever there. So these have Bloom filters, each for a
//! group of consecutive runs.

use std::ops::RangeInclusive;

use rusqlite::blob::ZeroBlob;
use rusqlite::{Connection, MAIN_DB, OptionalExtension, Row};

use super::bloom::{self, BloomFilter};
use super::keys::{Key, KeyKind};
use crate::error::Failure;

/// How many bits of a key choose the chunk of its run.
const CHUNK_BITS: u32 = 7;

/// The next bytes of a key, which the entries of a chunk are sorted by.
const TAG_BYTES: usize = 6;

/// How many bits of a key there are in a run, in all: its highest.
pub(crate) const KEPT_BITS: u32 = CHUNK_BITS + 8 * TAG_BYTES as u32;

/// A run in the file.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    runid: i64,
    last_id: i64,
    /// How many bytes after the tag of an entry say how far its number is before the last one of the run: as few as the
    /// farthest needs, mostly two.
    distance_bytes: usize,
}

/// The columns that make a [`Run`].
macro_rules! run {
    () => {
        "runid, last_id, distance_bytes"
    };
}

impl Run {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let distance_bytes: usize = row.get(2)?;
        // No more than a number has, whatever is in the file.
        Ok(Self { runid: row.get(0)?, last_id: row.get(1)?, distance_bytes: distance_bytes.min(size_of::<i64>()) })
    }

    /// The entries of a chunk: keys, each with its number.
    fn entries(self, chunk: &[u8]) -> std::slice::ChunksExact<'_, u8> {
        chunk.chunks_exact(TAG_BYTES + self.distance_bytes)
    }

    /// The numbers that a key leads to in this run.
    pub(crate) fn find(self, connection: &Connection, key: u64) -> Result<Vec<i64>, Failure> {
        let chunk: Option<Vec<u8>> = connection
            .prepare_cached("SELECT data FROM key_chunks WHERE chunkid = ?")?
            .query_row([self.chunkid(key)], |row| row.get(0))
            .optional()?;
        let chunk = chunk.unwrap_or_default();
        let tag = tag_of(key);
        let found = self.entries(&chunk).filter(|entry| entry[..TAG_BYTES] == tag);
        Ok(found.map(|entry| self.read(entry).1).collect())
    }

    /// The numbers that these keys lead to in this run; those of some other keys as well, since not all bits are kept.
    pub(crate) fn find_all(self, connection: &Connection, keys: &RangeInclusive<u64>) -> Result<Vec<i64>, Failure> {
        let (first, last) = (kept(*keys.start()), kept(*keys.end()));
        let mut found = Vec::new();
        let mut select =
            connection.prepare_cached("SELECT chunkid, data FROM key_chunks WHERE chunkid BETWEEN ? AND ?")?;
        let mut rows = select.query((self.chunkid(first), self.chunkid(last)))?;
        while let Some(row) = rows.next()? {
            let highest = row.get::<_, i64>(0)?.cast_unsigned() << (u64::BITS - CHUNK_BITS);
            let chunk = row.get_ref(1)?.as_blob().map_err(|error| broken(&error))?;
            let entries = self.entries(chunk).map(|entry| self.read(entry));
            found.extend(entries.filter(|(tag, _)| (first..=last).contains(&(highest | tag))).map(|(_, id)| id));
        }
        Ok(found)
    }

    /// The bits of the key that an entry has, at their place in it, and the number.
    fn read(self, entry: &[u8]) -> (u64, i64) {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let tag = number(&entry[..TAG_BYTES]) << (u64::BITS - KEPT_BITS);
        (tag, self.last_id.wrapping_sub(number(&entry[TAG_BYTES..]).cast_signed()))
    }

    /// The entry of a key and its number.
    fn entry(self, key: u64, id: i64) -> impl Iterator<Item = u8> {
        let distance = (self.last_id - id).to_be_bytes();
        tag_of(key).into_iter().chain(distance.into_iter().skip(distance.len() - self.distance_bytes))
    }

    /// The number of the chunk that has a key, or would have it.
    fn chunkid(self, key: u64) -> i64 {
        self.runid << CHUNK_BITS | (key >> (u64::BITS - CHUNK_BITS)).cast_signed()
    }
}

/// Runs of identities that have one filter.
struct Group {
    filterid: i64,
    filter: BloomFilter,
    runs: Vec<Run>,
}

/// All runs of identities, with their filters in memory.
#[derive(Default)]
pub(crate) struct IdentityIndex(Vec<Group>);

/// A run of identities that was just written; it joins the others when that is committed.
pub(crate) struct SealedRun {
    run: Run,
    filterid: i64,
    /// With its keys.
    filter: BloomFilter,
}

impl IdentityIndex {
    /// Reads the filters.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Failure> {
        let mut select =
            connection.prepare(concat!("SELECT ", run!(), ", filterid FROM key_runs WHERE kind = ? ORDER BY runid"))?;
        let mut rows = select.query([KeyKind::Identity.code()])?;
        let mut groups: Vec<Group> = Vec::new();
        while let Some(row) = rows.next()? {
            let (run, filterid) = (Run::from_row(row)?, row.get(3)?);
            match groups.last_mut().filter(|group| group.filterid == filterid) {
                Some(group) => group.runs.push(run),
                None => groups.push(Group { filterid, filter: read_filter(connection, filterid)?, runs: vec![run] }),
            }
        }
        Ok(Self(groups))
    }

    /// Of each run that has a key the greatest number that it leads to; the youngest run first. What is not asked for is
    /// not read.
    pub(crate) fn newest<'i>(
        &'i self,
        connection: &'i Connection,
        key: u64,
    ) -> impl Iterator<Item = Result<i64, Failure>> + 'i {
        let groups = self.0.iter().rev().filter(move |group| group.filter.may_have(key));
        let runs = groups.flat_map(|group| group.runs.iter().rev());
        runs.filter_map(move |run| run.find(connection, key).map(|found| found.into_iter().max()).transpose())
    }

    /// Whether the filter of the run that has this delivery admits that it has its key.
    pub(crate) fn admits(&self, deliveryid: i64, key: u64) -> bool {
        let has_it = |group: &&Group| group.runs.last().is_some_and(|run| run.last_id >= deliveryid);
        self.0.iter().find(has_it).is_none_or(|group| group.filter.may_have(key))
    }

    /// Adds a run that was committed.
    pub(crate) fn add(&mut self, sealed: SealedRun) {
        let SealedRun { run, filterid, filter } = sealed;
        match self.0.last_mut().filter(|group| group.filterid == filterid) {
            Some(group) => {
                group.runs.push(run);
                group.filter = filter;
            }
            None => self.0.push(Group { filterid, filter, runs: vec![run] }),
        }
    }

    /// Forgets a run that was deleted.
    pub(crate) fn remove(&mut self, runid: i64) {
        self.0.iter_mut().for_each(|group| group.runs.retain(|run| run.runid != runid));
        self.0.retain(|group| !group.runs.is_empty());
    }
}

/// Writes a run of keys, the numbers of which end with `last_id`; gives it where it has a filter.
pub(crate) fn write(
    connection: &Connection,
    kind: KeyKind,
    last_id: i64,
    keys: &[Key],
) -> Result<Option<SealedRun>, Failure> {
    let filtered = match kind {
        KeyKind::Identity => Some(add_to_filter(connection, keys)?),
        KeyKind::Revision | KeyKind::ForgeId => None,
    };
    let farthest = keys.iter().map(|(_, id)| (last_id - id).cast_unsigned()).max().unwrap_or(0);
    let distance_bytes = farthest.checked_ilog2().map_or(1, |bit| bit as usize / 8 + 1);
    let mut insert = connection
        .prepare_cached("INSERT INTO key_runs (kind, last_id, distance_bytes, filterid) VALUES (?, ?, ?, ?)")?;
    insert.execute((kind.code(), last_id, distance_bytes, filtered.as_ref().map(|(filterid, _)| filterid)))?;
    let run = Run { runid: connection.last_insert_rowid(), last_id, distance_bytes };
    let mut insert = connection.prepare_cached("INSERT INTO key_chunks VALUES (?, ?)")?;
    for chunk in keys.chunk_by(|one, other| run.chunkid(one.0) == run.chunkid(other.0)) {
        let data: Vec<u8> = chunk.iter().flat_map(|(key, id)| run.entry(*key, *id)).collect();
        insert.execute((run.chunkid(chunk[0].0), data))?;
    }
    Ok(filtered.map(|(filterid, filter)| SealedRun { run, filterid, filter }))
}

/// Adds keys to the last filter, or to a new one where that is full.
fn add_to_filter(connection: &Connection, keys: &[Key]) -> Result<(i64, BloomFilter), Failure> {
    let last: Option<(i64, usize)> = connection
        .prepare_cached("SELECT filterid, key_count FROM key_filters ORDER BY filterid DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (filterid, mut filter) = match last {
        Some((filterid, count)) if count < bloom::CAPACITY_KEYS => (filterid, read_filter(connection, filterid)?),
        _ => {
            let filter = BloomFilter::new();
            let room = ZeroBlob(filter.as_bytes().len() as u64);
            connection.prepare_cached("INSERT INTO key_filters (key_count, filter) VALUES (0, ?)")?.execute([room])?;
            (connection.last_insert_rowid(), filter)
        }
    };
    keys.iter().for_each(|(key, _)| filter.add(*key));
    connection
        .prepare_cached("UPDATE key_filters SET key_count = key_count + ? WHERE filterid = ?")?
        .execute((keys.len(), filterid))?;
    let mut place = connection.blob_open(MAIN_DB, "key_filters", "filter", filterid, false)?;
    place.write_at(filter.as_bytes(), 0)?;
    place.close()?;
    Ok((filterid, filter))
}

/// Reads a filter without a copy of it in between: it has more than a megabyte.
fn read_filter(connection: &Connection, filterid: i64) -> Result<BloomFilter, Failure> {
    let place = connection.blob_open(MAIN_DB, "key_filters", "filter", filterid, true)?;
    let mut bytes = vec![0; place.len()];
    place.read_at_exact(&mut bytes, 0)?;
    BloomFilter::from_bytes(bytes).ok_or_else(|| broken(&"a filter has another length"))
}

/// The runs of a kind with the last number of each, the youngest first.
pub(crate) fn of_kind(connection: &Connection, kind: KeyKind) -> rusqlite::Result<Vec<Run>> {
    connection
        .prepare_cached(concat!("SELECT ", run!(), " FROM key_runs WHERE kind = ? ORDER BY runid DESC"))?
        .query_map([kind.code()], Run::from_row)?
        .collect()
}

/// Hands over all keys of all runs, but for the bits that are not kept.
pub(crate) fn each(connection: &Connection, hand_over: &mut impl FnMut(KeyKind, Key)) -> Result<(), Failure> {
    for kind in KeyKind::ALL {
        for run in of_kind(connection, kind)? {
            let mut select =
                connection.prepare_cached("SELECT chunkid, data FROM key_chunks WHERE chunkid BETWEEN ? AND ?")?;
            let mut rows = select.query((run.chunkid(0), run.chunkid(u64::MAX)))?;
            while let Some(row) = rows.next()? {
                let highest = row.get::<_, i64>(0)?.cast_unsigned() << (u64::BITS - CHUNK_BITS);
                let chunk = row.get_ref(1)?.as_blob().map_err(|error| broken(&error))?;
                run.entries(chunk).for_each(|entry| {
                    let (tag, id) = run.read(entry);
                    hand_over(kind, (highest | tag, id));
                });
            }
        }
    }
    Ok(())
}

/// Deletes the first run of a kind if it has nothing from `first_kept` on. Gives the run that went.
pub(crate) fn expire(connection: &Connection, kind: KeyKind, first_kept: i64) -> rusqlite::Result<Option<i64>> {
    let run = connection
        .prepare_cached(concat!(
            "SELECT ",
            run!(),
            " FROM key_runs WHERE kind = ? AND last_id < ? ORDER BY runid LIMIT 1"
        ))?
        .query_row((kind.code(), first_kept), Run::from_row)
        .optional()?;
    if let Some(run) = run {
        let (first, last) = (run.chunkid(0), run.chunkid(u64::MAX));
        connection.execute("DELETE FROM key_chunks WHERE chunkid BETWEEN ? AND ?", (first, last))?;
        connection.execute("DELETE FROM key_runs WHERE runid = ?", [run.runid])?;
        connection.execute(
            "DELETE FROM key_filters WHERE filterid NOT IN (SELECT filterid FROM key_runs WHERE filterid IS NOT NULL)",
            [],
        )?;
    }
    Ok(run.map(|run| run.runid))
}

/// A key with the bits that are kept alone.
fn kept(key: u64) -> u64 {
    key >> (u64::BITS - KEPT_BITS) << (u64::BITS - KEPT_BITS)
}

fn tag_of(key: u64) -> [u8; TAG_BYTES] {
    let bytes = (key << CHUNK_BITS).to_be_bytes();
    std::array::from_fn(|index| bytes[index])
}

fn broken(what: &dyn std::fmt::Display) -> Failure {
    Failure::Damaged(format!("an index of the store is broken: {what}"))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{IdentityIndex, expire, write};
    use crate::index::bloom::CAPACITY_KEYS;
    use crate::index::{Key, KeyKind, key_of_id};
    use crate::schema;

    #[test]
    fn numbers_take_as_many_bytes_as_the_farthest_needs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        let mut connection = Connection::open(&path).unwrap();
        schema::prepare(&mut connection, &path).unwrap();
        for (farthest, bytes) in [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3), (1 << 40, 6)] {
            let last_id = (1 << 40) + 7;
            let (one, other) = (5 << 20, 6 << 20);
            let keys = [(one, last_id - farthest), (one, last_id), (other, last_id - farthest)];
            write(&connection, KeyKind::Revision, last_id, &keys).unwrap();
            let run = super::of_kind(&connection, KeyKind::Revision).unwrap()[0];
            assert_eq!(run.distance_bytes, bytes, "{farthest}");
            assert_eq!(run.find(&connection, one).unwrap(), [last_id - farthest, last_id]);
            assert_eq!(run.find(&connection, u64::MAX).unwrap(), [0; 0]);
        }
    }

    const RUNS: i64 = 5;
    const KEYS: i64 = 3 * (CAPACITY_KEYS as i64) / 8;

    /// The number of a key of a run, and the key.
    fn key(run: i64, place: i64) -> Key {
        let id = run * KEYS + place;
        (key_of_id(&format!("delivery {id}")), id)
    }

    #[test]
    fn keys_are_found_in_runs_that_are_added_read_again_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        let mut connection = Connection::open(&path).unwrap();
        schema::prepare(&mut connection, &path).unwrap();
        let mut index = IdentityIndex::read(&connection).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for run in 0..RUNS {
            let mut keys: Vec<Key> = (0..KEYS).map(|place| key(run, place)).collect();
            keys.sort_unstable();
            index.add(write(&connection, KeyKind::Identity, (run + 1) * KEYS - 1, &keys).unwrap().unwrap());
        }
        connection.execute_batch("COMMIT").unwrap();
        // Three runs fill a filter, the other two have the next.
        let groups = |index: &IdentityIndex| index.0.iter().map(|group| group.runs.len()).collect::<Vec<_>>();
        assert_eq!(groups(&index), [3, 2]);
        assert_eq!(groups(&IdentityIndex::read(&connection).unwrap()), [3, 2]);
        let has = |index: &IdentityIndex, run: i64, place: i64| {
            let (key, id) = key(run, place);
            let found: Vec<i64> = index.newest(&connection, key).map(Result::unwrap).collect();
            assert!(found.is_empty() || found == [id]);
            !found.is_empty()
        };
        for place in [0, 1, KEYS / 2, KEYS - 1] {
            assert!((0..RUNS).all(|run| has(&index, run, place)));
            assert!(!has(&index, RUNS, place));
        }
        for gone in 0..RUNS {
            let runid = expire(&connection, KeyKind::Identity, (gone + 1) * KEYS).unwrap().unwrap();
            assert_eq!(expire(&connection, KeyKind::Identity, (gone + 1) * KEYS).unwrap(), None);
            index.remove(runid);
            for index in [&index, &IdentityIndex::read(&connection).unwrap()] {
                assert!((0..RUNS).all(|run| has(index, run, 7) == (run > gone)));
                assert_eq!(groups(index).iter().sum::<usize>(), usize::try_from(RUNS - gone - 1).unwrap());
            }
        }
        let left: i64 = connection.query_row("SELECT count(*) FROM key_filters", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}
