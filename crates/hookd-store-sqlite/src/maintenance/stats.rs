//! Figures of a store, all of which are looked up and not counted, so that a large one takes no longer.

use std::path::Path;

use hookd_store::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::{MaintenanceError, open};
use crate::blocks::{self, Part};
use crate::error::Failure;
use crate::paths;

/// Figures of a store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// How many deliveries are kept.
    pub deliveries: u64,
    /// How many changes are kept.
    pub changes: u64,
    /// How many deliveries wait for a forge's API.
    pub pending: u64,
    /// The size of the database in bytes.
    pub file_bytes: u64,
    /// The size of its WAL (`-wal`) in bytes.
    pub wal_bytes: u64,
    /// How much of the database is free, and used again before it grows; in bytes.
    pub free_bytes: u64,
    /// The database without its free space, over the number of deliveries; `None` where there are none. The WAL is not
    /// in it, which has parts of the database once more.
    pub bytes_per_delivery: Option<u64>,
    /// When the oldest delivery that is kept was received, in seconds since 1970 with a fraction.
    pub oldest_received_at: Option<f64>,
    /// When the newest was received.
    pub newest_received_at: Option<f64>,
}

/// The figures of the store in this file.
///
/// # Errors
/// When it cannot be opened or read.
pub fn stats(path: &Path) -> Result<Stats, MaintenanceError> {
    let mut connection = open(path)?;
    read(&mut connection, path).map_err(MaintenanceError::store(path))
}

fn read(connection: &mut Connection, path: &Path) -> Result<Stats, Failure> {
    let transaction = connection.transaction()?;
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, u64>(0));
    let ends = blocks::ends(&transaction)?;
    // Numbers have no gaps.
    let count = |part| ends.map_or(0, |(first, last)| (last.next(part) - first.first(part)).unsigned_abs());
    let received_at = |deliveryid| {
        blocks::entry(&transaction, deliveryid, |_, entry, _| {
            Timestamp::from_micros(entry.received_at).as_seconds_f64()
        })
    };
    let (oldest, newest) = match ends {
        Some((first, last)) => {
            (received_at(first.first(Part::Deliveries))?, received_at(last.next(Part::Deliveries) - 1)?)
        }
        None => (None, None),
    };
    let deliveries = count(Part::Deliveries);
    let [pages, free_pages, page_bytes] =
        [number("PRAGMA page_count")?, number("PRAGMA freelist_count")?, number("PRAGMA page_size")?];
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(Stats {
        deliveries,
        changes: count(Part::Changes),
        pending: number("SELECT count(*) FROM pending")?,
        file_bytes: size(path),
        wal_bytes: size(&paths::wal(path)),
        free_bytes: free_pages * page_bytes,
        bytes_per_delivery: ((pages - free_pages) * page_bytes).checked_div(deliveries),
        oldest_received_at: oldest,
        newest_received_at: newest,
    })
}
