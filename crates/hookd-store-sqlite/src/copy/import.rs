//! A store that is filled, a transaction for each piece.

use std::path::{Path, PathBuf};

use hookd_core::Change;
use hookd_store::copy::{CopiedDelivery, Entry, Export, Facts, Found, Import, Mark, Piece};
use hookd_store::{DeliveryRecord, Due, LoggedChange, StoreError, Waiting};
use rusqlite::Connection;

use super::export::SqliteExport;
use crate::error::Failure;
use crate::format::{Group, state_code};
use crate::index::{RecentKeys, recent};
use crate::packer::{Numbers, PackedBlock, Packer};
use crate::paths::StoreLock;
use crate::texts::OpenSegment;
use crate::{Fault, OpenError, blocks, cursors, paths, positions, retention, schema, settlements};

/// A store in SQLite that is filled.
pub struct SqliteImport {
    // Closed before the lock is given back.
    connection: Connection,
    path: PathBuf,
    packer: Packer,
    recent_keys: RecentKeys,
    /// Made with the first piece of the log, which says with which numbers it begins.
    open_segment: Option<OpenSegment>,
    _lock: StoreLock,
}

impl SqliteImport {
    /// Opens the file, makes it where there is none, and takes its lock.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = paths::lock(path)?;
        let sqlite = |source| OpenError::sqlite(path, source);
        let broken = |failure: Failure| OpenError::Broken { path: path.to_owned(), source: failure.into() };
        let mut connection = Connection::open(path).map_err(sqlite)?;
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
            return Err(OpenError::Faulty { path: path.to_owned(), fault: Fault::ReadOnly });
        }
        schema::prepare(&mut connection, path)?;
        // There is no writer with a thread for it.
        connection.execute_batch("PRAGMA wal_autocheckpoint = 2000").map_err(sqlite)?;
        let recent_keys = RecentKeys::default();
        recent::read(&connection, &recent_keys).map_err(broken)?;
        let packer = Packer::new().map_err(broken)?;
        Ok(Self { connection, path: path.to_owned(), packer, recent_keys, open_segment: None, _lock: lock })
    }

    /// Runs a transaction in which the mark becomes another.
    fn transaction<T>(
        &mut self,
        before: &Mark,
        after: &Mark,
        write: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let written = self.marked(before, after).and_then(|()| write(self)).and_then(|written| {
            self.connection.execute_batch("COMMIT")?;
            Ok(written)
        });
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        written
    }

    fn marked(&self, before: &Mark, after: &Mark) -> Result<(), Failure> {
        if schema::mark(&self.connection)?.as_deref() != Some(before.to_text().as_str()) {
            return Err(Failure::Damaged("the mark of the copy is another one than was written".to_owned()));
        }
        Ok(schema::set_mark(&self.connection, Some(&after.to_text()))?)
    }

    fn write_log(
        &mut self,
        entries: &[Entry],
        requests_expired_to: i64,
        before: &Mark,
        after: &Mark,
    ) -> Result<(), Failure> {
        let next = Numbers {
            deliveryid: before.place.deliveryid + 1,
            changeid: before.place.changeid + 1,
            blockid: Numbers::read(&self.connection)?.blockid,
        };
        if self.open_segment.is_none() {
            self.open_segment = Some(OpenSegment::read(&self.connection, next)?);
        }
        self.packer.begin(next);
        for entry in entries {
            match entry {
                Entry::Delivery(delivery, changes) => self.pack(delivery, changes)?,
                Entry::Changes(changes) => {
                    let Some(LoggedChange { deliveryid, received_at, dialect, .. }) = changes.first() else { continue };
                    let group = Group { deliveryid: *deliveryid, received_at: received_at.as_micros(), dialect };
                    self.packer.add_late(&group, &plain(changes))?;
                }
            }
        }
        self.packer.finish_block()?;
        let (is_sealed, is_segment_written) = self.transaction(before, after, |this| {
            let is_sealed = this.recent_keys.is_full();
            if is_sealed {
                recent::seal(&this.connection, &this.recent_keys, next.deliveryid - 1, next.changeid - 1)?;
            }
            let full = this.open_segment.as_ref().filter(|segment| segment.is_full());
            if let Some(segment) = full {
                segment.write(&this.connection)?;
            }
            let is_segment_written = full.is_some();
            this.insert(entries, requests_expired_to)?;
            Ok((is_sealed, is_segment_written))
        })?;
        if let Some(segment) = &self.open_segment {
            if is_segment_written {
                segment.begin_next();
            }
            segment.add(self.packer.texts(), self.packer.next().blockid);
        }
        if is_sealed {
            self.recent_keys.clear();
        }
        self.recent_keys.add(self.packer.blocks().iter().flat_map(PackedBlock::numbered_keys));
        Ok(())
    }

    fn pack(&mut self, delivery: &CopiedDelivery, changes: &[LoggedChange]) -> Result<(), Failure> {
        let DeliveryRecord { deliveryid, state, reason, size, .. } = &delivery.record;
        let lost_bytes = if delivery.request.is_none() { usize::try_from(*size).unwrap_or(0) } else { 0 };
        self.packer.add_sized(&delivery.as_received(plain(changes)), delivery.identity, lost_bytes)?;
        if delivery.is_completed() {
            self.packer.add_outcome(*deliveryid, *state, reason.as_deref());
        }
        Ok(())
    }

    /// Inserts what was packed, and what is beside it.
    fn insert(&self, entries: &[Entry], requests_expired_to: i64) -> Result<(), Failure> {
        for packed in self.packer.blocks() {
            recent::write(&self.connection, packed)?;
            blocks::insert(&self.connection, packed)?;
            let PackedBlock { first, block, request_count, .. } = packed;
            if first.deliveryid + block.delivery_count - 1 <= requests_expired_to {
                retention::set_expired_to(&self.connection, first.blockid)?;
                if *request_count > 0 {
                    retention::hold(&self.connection, first.blockid)?;
                }
            }
        }
        for entry in entries {
            let Entry::Delivery(delivery, _) = entry else { continue };
            if delivery.is_completed() {
                self.insert_outcome(&delivery.record)?;
            }
            if let Some(waiting) = &delivery.waiting {
                self.insert_waiting(waiting)?;
            }
        }
        Ok(())
    }

    fn insert_outcome(&self, record: &DeliveryRecord) -> rusqlite::Result<()> {
        let DeliveryRecord { deliveryid, state, reason, changeids, api_calls, .. } = record;
        let calls = api_calls.clone().unwrap_or_default();
        self.connection.prepare_cached("INSERT INTO unindexed_outcomes VALUES (?)")?.execute([deliveryid])?;
        self.connection.prepare_cached("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            deliveryid,
            state_code(*state),
            reason,
            changeids.first(),
            changeids.len(),
            calls.made,
            calls.failed,
            calls.last_error,
        ))?;
        Ok(())
    }

    fn insert_waiting(&self, waiting: &Waiting) -> rusqlite::Result<()> {
        let Waiting { due: Due { deliveryid, dialect, received_at, attempts, next_at, error }, about } = waiting;
        self.connection.prepare_cached("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            deliveryid,
            dialect,
            received_at.as_micros(),
            attempts,
            next_at.as_micros(),
            error,
            &about.repository,
            &about.branch,
            &about.revision,
        ))?;
        Ok(())
    }

    /// A block for the numbers that come next, where there is none from which they follow.
    fn anchor(&mut self, mark: &Mark) -> Result<(), Failure> {
        let next = Numbers { deliveryid: mark.place.deliveryid + 1, changeid: mark.place.changeid + 1, blockid: 1 };
        if (next.deliveryid, next.changeid) == (1, 1) || blocks::first(&self.connection)?.is_some() {
            return Ok(());
        }
        self.packer.begin(next);
        self.packer.add_empty()?;
        for packed in self.packer.blocks() {
            recent::write(&self.connection, packed)?;
            blocks::insert(&self.connection, packed)?;
        }
        // It began with the same numbers, and knows of no block.
        self.open_segment = None;
        Ok(())
    }

    fn is_empty(&self) -> Result<bool, Failure> {
        let tables = ["blocks", "pending", "cursors", "pollers"];
        for table in tables {
            if self.connection.prepare(&format!("SELECT 1 FROM {table} LIMIT 1"))?.exists([])? {
                return Ok(false);
            }
        }
        Ok(cursors::last_version(&self.connection)? == 0)
    }
}

/// The changes themselves.
fn plain(changes: &[LoggedChange]) -> Vec<Change> {
    changes.iter().map(|change| change.change.clone()).collect()
}

impl Import for SqliteImport {
    fn found(&mut self) -> Result<Found, StoreError> {
        if let Some(mark) = schema::mark(&self.connection).map_err(Failure::from)? {
            return Ok(Found::Unfinished(Mark::from_text(&mark)?));
        }
        if self.is_empty()? {
            return Ok(Found::Empty);
        }
        Ok(Found::Store { instance: schema::instance(&self.connection).map_err(Failure::from)? })
    }

    fn begin(&mut self, facts: &Facts, mark: &Mark) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(Failure::from)?;
        let begun = schema::set_identity(&transaction, &facts.instance, &facts.identity_key)
            .and_then(|()| cursors::set_last_version(&transaction, facts.cursor_version))
            .and_then(|()| schema::set_mark(&transaction, Some(&mark.to_text())))
            .and_then(|()| transaction.commit());
        Ok(begun.map_err(Failure::from)?)
    }

    fn write(&mut self, piece: &Piece<'_>, before: &Mark, after: &Mark) -> Result<(), StoreError> {
        let written = match piece {
            Piece::Log { entries, requests_expired_to } => self.write_log(entries, *requests_expired_to, before, after),
            Piece::Settlements(cursor, some) => {
                self.transaction(before, after, |this| settlements::write(&this.connection, cursor, some))
            }
            Piece::Positions(poller, of) => {
                self.transaction(before, after, |this| Ok(positions::insert(&this.connection, poller, of)?))
            }
            Piece::Cursors(cursors) => self.transaction(before, after, |this| {
                this.anchor(before)?;
                Ok(cursors.iter().try_for_each(|cursor| cursors::put(&this.connection, cursor))?)
            }),
        };
        Ok(written?)
    }

    fn export(&mut self) -> Result<Box<dyn Export + '_>, StoreError> {
        let export = SqliteExport::unfinished(&self.path).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Box::new(export))
    }

    fn complete(&mut self) -> Result<(), StoreError> {
        // So that the next start need not read it from the log.
        if let Some(segment) = &self.open_segment {
            segment.write(&self.connection)?;
        }
        schema::set_mark(&self.connection, None).map_err(Failure::from)?;
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(Failure::from)?;
        Ok(())
    }
}
