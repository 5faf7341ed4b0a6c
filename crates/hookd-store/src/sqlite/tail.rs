//! Reading the tail of the keys from the log, at the start.

use rusqlite::Connection;

use super::log::{self, Part};
use super::runs;
use crate::StoreError;
use crate::block::{ChangeEntry, Entry};
use crate::keys::{Kind, Tail, key_of, keys_of};

/// Adds the keys of all that is younger than the last run of its kind.
pub(super) fn read(connection: &Connection, tail: &Tail) -> Result<(), StoreError> {
    let after = |kind| runs::sealed_to(connection, kind).map(|last| last + 1);
    let first = after(Kind::ForgeId)?;
    log::each_block(connection, Part::Deliveries, &(first..=i64::MAX), |block, records| {
        let mut deliveries = records.deliveries();
        let mut keys = Vec::new();
        for deliveryid in block.first(Part::Deliveries)..block.next(Part::Deliveries) {
            let entry: Entry<'_> = deliveries.read()?;
            let key = entry.forge_id.as_deref().map(key_of).filter(|_| deliveryid >= first);
            keys.extend(key.map(|key| (Kind::ForgeId, (key, deliveryid))));
        }
        tail.add(keys);
        Ok(())
    })?;
    let first = [after(Kind::Revision)?, after(Kind::Line)?];
    log::each_block(connection, Part::Changes, &(first[0].min(first[1])..=i64::MAX), |block, records| {
        let mut changes = records.changes();
        let mut keys = Vec::new();
        for changeid in block.first(Part::Changes)..block.next(Part::Changes) {
            let ChangeEntry { change, .. } = changes.read()?;
            let is_young = |kind: Kind| changeid >= if kind == Kind::Revision { first[0] } else { first[1] };
            keys.extend(keys_of(changeid, &change).filter(|(kind, _)| is_young(*kind)));
        }
        tail.add(keys);
        Ok(())
    })
}
