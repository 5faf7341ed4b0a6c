//! The recent keys, as they lie in the file.

use rusqlite::Connection;

use super::keys::{BlockKeys, KeyKind, RecentKeys};
use super::runs::{self, SealedRun};
use crate::error::Failure;
use crate::format::Part;
use crate::packer::PackedBlock;

/// Reads all of them, at the start.
pub(crate) fn read(connection: &Connection, recent: &RecentKeys) -> Result<(), Failure> {
    each(connection, |keys, deliveryid, changeid| recent.add(keys.keys(deliveryid, changeid)))
}

/// Hands over the keys of each block with the numbers of its first delivery and change.
pub(crate) fn each(connection: &Connection, mut hand_over: impl FnMut(BlockKeys, i64, i64)) -> Result<(), Failure> {
    let mut select =
        connection.prepare("SELECT first_deliveryid, delivery_count, first_changeid, data FROM recent_keys")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        hand_over(BlockKeys::from_bytes(row.get_ref(3)?.as_blob()?, row.get(1)?), row.get(0)?, row.get(2)?);
    }
    Ok(())
}

/// Adds those of a block.
pub(crate) fn write(connection: &Connection, packed: &PackedBlock) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO recent_keys VALUES (?, ?, ?, ?, ?)")?.execute((
        packed.first.blockid,
        packed.first.deliveryid,
        packed.block.delivery_count,
        packed.first.changeid,
        packed.keys.to_bytes(),
    ))?;
    Ok(())
}

/// Makes runs of all of them, which end with these numbers; gives that of identities.
pub(crate) fn seal(
    connection: &Connection,
    recent: &RecentKeys,
    last_deliveryid: i64,
    last_changeid: i64,
) -> Result<Option<SealedRun>, Failure> {
    let mut sealed = None;
    for kind in KeyKind::ALL {
        let last_id = match kind.part() {
            Part::Deliveries => last_deliveryid,
            Part::Changes => last_changeid,
        };
        let keys = recent.all(kind);
        if !keys.is_empty() {
            sealed = sealed.or(runs::write(connection, kind, last_id, &keys)?);
        }
    }
    connection.execute("DELETE FROM recent_keys", [])?;
    Ok(sealed)
}
