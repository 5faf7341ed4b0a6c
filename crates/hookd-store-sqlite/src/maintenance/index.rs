//! Whether what leads to deliveries and changes leads to all of them, and to nothing else.
//!
//! Both sides are summed up, which needs no memory and no order: a hash for each key with its number. The sums of what the
//! log has and of what its index has must be the same.

use hookd_core::Change;
use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64;

use super::MOST;
use crate::StoreError;
use crate::keys::{Key, Kind, key_of, line_of};
use crate::sqlite::log::{Header, Part};
use crate::sqlite::runs::{self, Filtered, KEPT_BITS};
use crate::sqlite::tail;

/// Of each kind the sum over its keys.
#[derive(Default)]
struct Sums([u64; Kind::ALL.len()]);

impl Sums {
    fn add(&mut self, kind: Kind, (key, id): Key) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(key >> (u64::BITS - KEPT_BITS)).to_le_bytes());
        bytes[8..].copy_from_slice(&id.to_le_bytes());
        let sum = &mut self.0[kind as usize];
        *sum = sum.wrapping_add(xxh3_64(&bytes));
    }
}

/// The index of a store, and the keys of its log as they come.
pub(super) struct Index {
    filtered: Filtered,
    /// Why the filters cannot be read.
    broken: Option<String>,
    log: Sums,
    /// Deliveries that the filters do not know, the first of them.
    unknown: Vec<i64>,
}

impl Index {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let (filtered, broken) = match Filtered::read(connection) {
            Ok(filtered) => (filtered, None),
            Err(StoreError::Failed(why)) => (Filtered::default(), Some(why)),
            Err(other) => return Err(other),
        };
        Ok(Self { filtered, broken, log: Sums::default(), unknown: Vec::new() })
    }

    /// Is told of a delivery of the log.
    pub(super) fn delivery(&mut self, deliveryid: i64, forge_id: Option<&str>) {
        if let Some(key) = forge_id.map(key_of) {
            self.log.add(Kind::ForgeId, (key, deliveryid));
            if self.unknown.len() < MOST && !self.filtered.admits(deliveryid, key) {
                self.unknown.push(deliveryid);
            }
        }
    }

    /// Is told of a change of the log.
    pub(super) fn change(&mut self, changeid: i64, change: &Change) {
        self.log.add(Kind::Line, (line_of(change), changeid));
        if let Some(revision) = &change.revision {
            self.log.add(Kind::Revision, (key_of(revision), changeid));
        }
    }

    /// What is wrong with it, when it was told of all; the first block is the first of the log.
    pub(super) fn problems(self, connection: &Connection, first: &Header) -> Result<Vec<String>, StoreError> {
        let mut index = Sums::default();
        let mut add = |kind: Kind, (key, id): Key| {
            let part = if kind == Kind::ForgeId { Part::Deliveries } else { Part::Changes };
            // What was let go of stays in the index for a while.
            if id >= first.first(part) {
                index.add(kind, (key, id));
            }
        };
        runs::each(connection, &mut add)?;
        tail::each(connection, |keys, deliveryid, changeid| {
            keys.keys(deliveryid, changeid).for_each(|(kind, key)| add(kind, key));
        })?;
        let told = |(kind, name): (Kind, &str)| {
            let is_same = self.log.0[kind as usize] == index.0[kind as usize];
            (!is_same).then(|| format!("the index of {name} is not that of the log"))
        };
        let names = [(Kind::ForgeId, "forge ids"), (Kind::Revision, "revisions"), (Kind::Line, "what changes follow")];
        let unknown = self.unknown.iter().map(|id| format!("delivery {id} would not be found if it came again"));
        Ok(self.broken.into_iter().chain(names.into_iter().filter_map(told)).chain(unknown).collect())
    }
}
