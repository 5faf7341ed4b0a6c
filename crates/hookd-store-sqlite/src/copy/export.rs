//! A store that is read out, block by block.

use std::path::Path;

use hookd_store::copy::{CopiedDelivery, Export, Facts};
use hookd_store::{
    Cursor, Due, Identity, IdentityKey, LoggedChange, Positions, Settlement, SettlementKind, State, StoreError,
};

use crate::blocks::{self, ChangeDecoder, Header, Part};
use crate::error::Failure;
use crate::format::{DeliveryEntry, Records, request_in, unpack};
use crate::index::{IdentityIndex, KeyKind, RecentKeys, key_of_identity, recent};
use crate::maintenance::{Opened, Reading, connect, open};
use crate::packer::Numbers;
use crate::paths::StoreLock;
use crate::search::waiting_one;
use crate::{OpenError, cursors, paths, positions, reader, retention, schema, settlements, wal};

/// How many settlements of a kind, or pending deliveries, are read at once.
const PAGE: usize = 512;

/// A store in SQLite that is read out, as of one moment.
pub struct SqliteExport {
    // Closed before the lock is given back.
    connection: Opened,
    instance: String,
    identity_key: IdentityKey,
    recent: RecentKeys,
    identities: IdentityIndex,
    /// The block of each part that was read last.
    last: [Option<Header>; 2],
    _lock: Option<StoreLock>,
}

impl SqliteExport {
    /// Opens a store of this build's version, and takes its lock: no hookd may be at work on it.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        // No lock is made for a store that is not there.
        drop(open(path)?);
        let lock = paths::lock(path)?;
        let wal = paths::wal(path);
        if let Some(damage) = wal::damage(path).map_err(|source| OpenError::Wal { path: wal, source })? {
            let why = format!("its WAL is damaged: {damage}; `hookd serve` keeps a copy of the WAL when it starts");
            return Err(OpenError::Broken { path: path.to_owned(), source: StoreError::Failed(why) });
        }
        Self::new(path, open(path)?, Some(lock))
    }

    /// The same beside a hookd that may be at work. As long as this is open, the WAL is not written back.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn beside(path: &Path) -> Result<Self, OpenError> {
        Self::new(path, open(path)?, None)
    }

    /// That of an unfinished copy, whose lock somebody holds.
    pub(super) fn unfinished(path: &Path) -> Result<Self, OpenError> {
        Self::new(path, connect(path, Reading::Shared)?, None)
    }

    fn new(path: &Path, connection: Opened, lock: Option<StoreLock>) -> Result<Self, OpenError> {
        let sqlite = |source| OpenError::sqlite(path, source);
        let broken = |failure: Failure| OpenError::Broken { path: path.to_owned(), source: failure.into() };
        connection.execute_batch("BEGIN").map_err(sqlite)?;
        let instance = schema::instance(&connection).map_err(sqlite)?;
        let identity_key = schema::identity_key(&connection).map_err(sqlite)?;
        let recent = RecentKeys::default();
        recent::read(&connection, &recent).map_err(broken)?;
        let identities = IdentityIndex::read(&connection).map_err(broken)?;
        Ok(Self { connection, instance, identity_key, recent, identities, last: [None; 2], _lock: lock })
    }

    /// The deliveries of a block from this one on.
    fn deliveries_of(&self, block: &Header, from: i64) -> Result<Vec<CopiedDelivery>, Failure> {
        let mut select = self.connection.prepare_cached("SELECT records, requests FROM blocks WHERE blockid = ?")?;
        let mut rows = select.query([block.blockid])?;
        let Some(row) = rows.next()? else { return Ok(Vec::new()) };
        let records = Records::read(row.get_ref(0)?.as_blob()?)?;
        let requests = row.get_ref(1)?.as_blob_or_null()?.map(unpack).transpose()?;
        let (mut entries, mut offset, mut deliveries) = (records.deliveries(), 0, Vec::new());
        for deliveryid in block.first(Part::Deliveries)..block.next(Part::Deliveries) {
            let entry = entries.read()?;
            let place = entry.place(offset);
            offset = place.end();
            if deliveryid < from {
                continue;
            }
            let request = match &requests {
                Some(requests) if entry.head_length > 0 => Some(request_in(requests, place, entry.forge_id)?),
                _ => None,
            };
            let record = blocks::delivery(&self.connection, deliveryid, &entry)?;
            let is_pending = record.state == State::Pending;
            deliveries.push(CopiedDelivery {
                was_pending: entry.state == State::Pending,
                reported_changes: entry.reported_changes,
                identity: if record.state.may_have_changes() { self.identity(deliveryid, &entry)? } else { None },
                request,
                waiting: if is_pending { waiting_one(&self.connection, deliveryid)? } else { None },
                record,
            });
        }
        Ok(deliveries)
    }

    /// The identity of a delivery, if no later one has it as well.
    fn identity(&self, deliveryid: i64, entry: &DeliveryEntry<'_>) -> Result<Option<Identity>, Failure> {
        let Some(identity) = entry.indexed_identity() else { return Ok(None) };
        let key = key_of_identity(identity);
        let recent = self.recent.newest(KeyKind::Identity, key).map(Ok);
        for found in recent.into_iter().chain(self.identities.newest(&self.connection, key)) {
            let found = found?;
            if found <= deliveryid {
                break;
            }
            if blocks::entry(&self.connection, found, |_, later, _| later.identity == Some(identity))? == Some(true) {
                return Ok(None);
            }
        }
        Ok(Some(identity))
    }

    /// The first block from the one of this number on that has some of a part; `None` where there is no more.
    fn block_from(&mut self, part: Part, id: i64) -> Result<Option<Header>, Failure> {
        let mut block = match self.last[part as usize] {
            // Mostly the next one.
            Some(last) if last.next(part) == id => blocks::header(&self.connection, last.blockid + 1)?,
            _ => match blocks::block_of(&self.connection, part, id)? {
                Some(block) => Some(block),
                None => blocks::first(&self.connection)?,
            },
        };
        while let Some(found) = block.filter(|found| found.next(part) <= id || found.first(part) == found.next(part)) {
            block = blocks::header(&self.connection, found.blockid + 1)?;
        }
        self.last[part as usize] = block;
        Ok(block)
    }

    fn settlements(&self, cursor: &str, after: i64) -> Result<Vec<Settlement>, Failure> {
        let mut found = Vec::new();
        let mut end = i64::MAX;
        for kind in SettlementKind::ALL {
            let some = settlements::of_kind(&self.connection, cursor, kind, after, PAGE)?;
            // There may be more of these beyond.
            if let Some(last) = some.last().filter(|_| some.len() == PAGE) {
                end = end.min(last.changeid);
            }
            found.extend(some);
        }
        found.retain(|settlement| settlement.changeid <= end);
        found.sort_unstable_by_key(|settlement| settlement.changeid);
        Ok(found)
    }

    fn read_facts(&self) -> Result<Facts, Failure> {
        let next = Numbers::read(&self.connection)?;
        let first = blocks::first(&self.connection)?;
        let (first_deliveryid, first_changeid) = first.map_or((next.deliveryid, next.changeid), |first| {
            (first.first(Part::Deliveries), first.first(Part::Changes))
        });
        Ok(Facts {
            instance: self.instance.clone(),
            identity_key: self.identity_key.clone(),
            first_deliveryid,
            next_deliveryid: next.deliveryid,
            first_changeid,
            next_changeid: next.changeid,
            cursor_version: cursors::last_version(&self.connection)?,
            requests_expired_to: retention::requests_expired_to(&self.connection)?,
        })
    }
}

impl Export for SqliteExport {
    fn facts(&mut self) -> Result<Facts, StoreError> {
        Ok(self.read_facts()?)
    }

    fn deliveries_after(&mut self, after: i64) -> Result<Vec<CopiedDelivery>, StoreError> {
        match self.block_from(Part::Deliveries, after + 1)? {
            Some(block) => Ok(self.deliveries_of(&block, after + 1)?),
            None => Ok(Vec::new()),
        }
    }

    fn changes_after(&mut self, after: i64) -> Result<Vec<LoggedChange>, StoreError> {
        let Some(block) = self.block_from(Part::Changes, after + 1)? else { return Ok(Vec::new()) };
        let records = blocks::records(&self.connection, block.blockid)?;
        let mut decoder = ChangeDecoder::new(&self.instance);
        let (mut changes, mut read) = (records.changes(), Vec::new());
        for changeid in block.first(Part::Changes)..block.next(Part::Changes) {
            if changeid > after {
                read.push(decoder.read(&mut changes, changeid)?);
            } else {
                changes.pass()?;
            }
        }
        Ok(read)
    }

    fn pending_after(&mut self, after: i64) -> Result<Vec<Due>, StoreError> {
        Ok(reader::pending_after(&self.connection, after, PAGE)?)
    }

    fn cursors(&mut self) -> Result<Vec<Cursor>, StoreError> {
        Ok(cursors::all(&self.connection)?)
    }

    fn settlements_after(&mut self, cursor: &str, after: i64) -> Result<Vec<Settlement>, StoreError> {
        Ok(self.settlements(cursor, after)?)
    }

    fn pollers(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(positions::pollers(&self.connection).map_err(Failure::from)?)
    }

    fn positions(&mut self, poller: &str) -> Result<Option<Positions>, StoreError> {
        Ok(positions::get(&self.connection, poller)?)
    }
}
