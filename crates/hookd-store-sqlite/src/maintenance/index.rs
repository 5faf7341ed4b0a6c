//! Checks that the index and the log agree: that the index leads to all deliveries and changes, and to nothing else.
//!
//! Both sides are summed up, which needs no memory and no order: a hash for each key with its number. The sums of what the
//! log has and of what its index has must be the same.

use hookd_core::Change;
use rusqlite::Connection;
use xxhash_rust::xxh3::xxh3_64;

use super::MAX_PROBLEMS;
use crate::blocks::Header;
use crate::error::Failure;
use crate::format::DeliveryEntry;
use crate::index::runs::KEPT_BITS;
use crate::index::{IdentityIndex, Key, KeyKind, key_of_id, key_of_identity, recent, runs};

/// Of each kind the sum over its keys.
#[derive(Default)]
struct Sums([u64; KeyKind::ALL.len()]);

impl Sums {
    fn add(&mut self, kind: KeyKind, (key, id): Key) {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(key >> (u64::BITS - KEPT_BITS)).to_le_bytes());
        bytes[8..].copy_from_slice(&id.to_le_bytes());
        let sum = &mut self.0[kind as usize];
        *sum = sum.wrapping_add(xxh3_64(&bytes));
    }
}

/// The index of a store, and the keys of its log as they come.
pub(super) struct Index {
    identities: IdentityIndex,
    /// Why the filters cannot be read.
    broken: Option<String>,
    log: Sums,
    /// The first deliveries that the filters do not know.
    unknown: Vec<i64>,
}

impl Index {
    pub(super) fn read(connection: &Connection) -> Result<Self, Failure> {
        let (identities, broken) = match IdentityIndex::read(connection) {
            Ok(identities) => (identities, None),
            Err(Failure::Damaged(why)) => (IdentityIndex::default(), Some(why)),
            Err(other) => return Err(other),
        };
        Ok(Self { identities, broken, log: Sums::default(), unknown: Vec::new() })
    }

    /// Takes note of a delivery of the log.
    pub(super) fn delivery(&mut self, deliveryid: i64, entry: &DeliveryEntry<'_>) {
        if let Some(forge_id) = entry.forge_id {
            self.log.add(KeyKind::ForgeId, (key_of_id(forge_id), deliveryid));
        }
        if let Some(key) = entry.indexed_identity().map(key_of_identity) {
            self.log.add(KeyKind::Identity, (key, deliveryid));
            if self.unknown.len() < MAX_PROBLEMS && !self.identities.admits(deliveryid, key) {
                self.unknown.push(deliveryid);
            }
        }
    }

    /// Takes note of a change of the log.
    pub(super) fn change(&mut self, changeid: i64, change: &Change) {
        if let Some(revision) = &change.revision {
            self.log.add(KeyKind::Revision, (key_of_id(revision), changeid));
        }
    }

    /// What is wrong with it, when the whole log was read, which begins with this block.
    pub(super) fn problems(self, connection: &Connection, first: &Header) -> Result<Vec<String>, Failure> {
        let mut index = Sums::default();
        let mut add = |kind: KeyKind, (key, id): Key| {
            // What has expired stays in the index for a while.
            if id >= first.first(kind.part()) {
                index.add(kind, (key, id));
            }
        };
        runs::each(connection, &mut add)?;
        recent::each(connection, |keys, deliveryid, changeid| {
            keys.keys(deliveryid, changeid).for_each(|(kind, key)| add(kind, key));
        })?;
        let disagreement = |(kind, name): (KeyKind, &str)| {
            let is_same = self.log.0[kind as usize] == index.0[kind as usize];
            (!is_same).then(|| format!("the index of {name} does not agree with the log"))
        };
        let names =
            [(KeyKind::Identity, "identities"), (KeyKind::Revision, "revisions"), (KeyKind::ForgeId, "forge ids")];
        let unknown = self.unknown.iter().map(|id| format!("delivery {id} would not be found if it were sent again"));
        Ok(self.broken.into_iter().chain(names.into_iter().filter_map(disagreement)).chain(unknown).collect())
    }
}
