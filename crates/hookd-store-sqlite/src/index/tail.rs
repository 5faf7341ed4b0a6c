//! The keys that are in no run yet, as they lie in the file.

use rusqlite::Connection;

use super::runs::{self, Added};
use crate::StoreError;
use crate::keys::{BlockKeys, Kind, Tail};

/// Reads all of them, at the start.
pub(super) fn read(connection: &Connection, tail: &Tail) -> Result<(), StoreError> {
    each(connection, |keys, deliveryid, changeid| tail.add(keys.keys(deliveryid, changeid)))
}

/// Hands over the keys of each block with the numbers of its first delivery and change.
pub(super) fn each(connection: &Connection, mut hand_over: impl FnMut(BlockKeys, i64, i64)) -> Result<(), StoreError> {
    let mut select =
        connection.prepare("SELECT first_deliveryid, delivery_count, first_changeid, data FROM key_tail")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let data = row.get_ref(3)?.as_blob().map_err(|error| StoreError::Failed(error.to_string()))?;
        hand_over(BlockKeys::of_bytes(data, row.get(1)?), row.get(0)?, row.get(2)?);
    }
    Ok(())
}

/// Adds those of a block.
pub(super) fn write(
    connection: &Connection,
    blockid: i64,
    (first_deliveryid, delivery_count): (i64, i64),
    first_changeid: i64,
    keys: &BlockKeys,
) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO key_tail VALUES (?, ?, ?, ?, ?)")?.execute((
        blockid,
        first_deliveryid,
        delivery_count,
        first_changeid,
        keys.to_bytes(),
    ))?;
    Ok(())
}

/// Makes runs of all of them, which end with these numbers; gives that of forge ids.
pub(super) fn seal(
    connection: &Connection,
    tail: &Tail,
    last_deliveryid: i64,
    last_changeid: i64,
) -> Result<Option<Added>, StoreError> {
    let mut added = None;
    for kind in Kind::ALL {
        let last_id = match kind {
            Kind::ForgeId => last_deliveryid,
            Kind::Revision | Kind::Line => last_changeid,
        };
        let keys = tail.all(kind);
        if !keys.is_empty() {
            added = added.or(runs::write(connection, kind, last_id, &keys)?);
        }
    }
    connection.execute("DELETE FROM key_tail", [])?;
    Ok(added)
}
