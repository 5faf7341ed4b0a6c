//! Keys: the hashes of the texts by which deliveries and changes are found; those of a block, and the recent ones in
//! memory.

use std::sync::{PoisonError, RwLock};

use hookd_core::Change;
use hookd_store::Identity;
use xxhash_rust::xxh3::xxh3_64;

use crate::format::{DeliveryEntry, Part};

/// What a key is made of, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Deliveries by their identity: those that have changes, or may still get some.
    Identity,
    /// Changes by their revision.
    Revision,
    /// Deliveries by their forge id.
    ForgeId,
}

impl KeyKind {
    pub(crate) const ALL: [KeyKind; 3] = [KeyKind::Identity, KeyKind::Revision, KeyKind::ForgeId];

    /// The number in the file.
    pub(crate) fn code(self) -> i64 {
        match self {
            KeyKind::Identity => 0,
            KeyKind::Revision => 1,
            KeyKind::ForgeId => 2,
        }
    }

    /// What it leads to.
    pub(crate) fn part(self) -> Part {
        match self {
            KeyKind::Identity | KeyKind::ForgeId => Part::Deliveries,
            KeyKind::Revision => Part::Changes,
        }
    }

    /// With this many keys of one kind the recent keys become runs: some ten milliseconds of work for the writer, and no
    /// more for the next start.
    pub(crate) fn run_length(self) -> usize {
        match self {
            KeyKind::Identity | KeyKind::ForgeId => 1 << 15,
            KeyKind::Revision => 1 << 16,
        }
    }
}

/// A key and the number of the delivery or change that has it.
pub(crate) type Key = (u64, i64);

/// The keys that are in no run yet, of all kinds.
#[derive(Default)]
pub(crate) struct RecentKeys(RwLock<[Buckets; KeyKind::ALL.len()]>);

/// Keys of one kind by their first [`BUCKET_BITS`], which are random; in each bucket a few, in the order in which they
/// came. Adding one costs less than in a tree, and finding one no more.
#[derive(Default)]
struct Buckets {
    buckets: Vec<Vec<Key>>,
    count: usize,
}

/// How many bits of a key choose its bucket: one has some ten keys before they become runs.
const BUCKET_BITS: u32 = 12;

/// For how many keys more a bucket grows at least. Were it to double, as vectors do, a third of the memory would be idle.
const GROWTH_KEYS: usize = 4;

impl Buckets {
    fn add(&mut self, key: Key) {
        if self.buckets.is_empty() {
            self.buckets.resize_with(1 << BUCKET_BITS, Vec::new);
        }
        let bucket = &mut self.buckets[Self::index(key.0)];
        if bucket.len() == bucket.capacity() {
            bucket.reserve_exact(GROWTH_KEYS.max(bucket.len() / 8));
        }
        bucket.push(key);
        self.count += 1;
    }

    /// Keeps the memory: as many keys are about to come.
    fn clear(&mut self) {
        self.buckets.iter_mut().for_each(Vec::clear);
        self.count = 0;
    }

    fn sorted(&self) -> Vec<Key> {
        let mut keys = Vec::with_capacity(self.count);
        for bucket in &self.buckets {
            let start = keys.len();
            keys.extend_from_slice(bucket);
            keys[start..].sort_unstable();
        }
        keys
    }

    fn find(&self, key: u64) -> Vec<i64> {
        let bucket = self.buckets.get(Self::index(key));
        bucket.into_iter().flatten().filter(|(k, _)| *k == key).map(|(_, id)| *id).collect()
    }

    fn newest(&self, key: u64) -> Option<i64> {
        let bucket = self.buckets.get(Self::index(key))?;
        bucket.iter().rfind(|(k, _)| *k == key).map(|(_, id)| *id)
    }

    fn index(key: u64) -> usize {
        usize::try_from(key >> (u64::BITS - BUCKET_BITS)).expect("a few bits fit")
    }
}

impl RecentKeys {
    /// Adds what was committed.
    pub(crate) fn add(&self, keys: impl IntoIterator<Item = (KeyKind, Key)>) {
        let mut recent = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (kind, key) in keys {
            recent[kind as usize].add(key);
        }
    }

    /// Forgets all of them, since they are in runs now.
    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(Buckets::clear);
    }

    /// Whether there are enough keys for runs.
    pub(crate) fn is_full(&self) -> bool {
        let recent = self.0.read().unwrap_or_else(PoisonError::into_inner);
        KeyKind::ALL.into_iter().any(|kind| recent[kind as usize].count >= kind.run_length())
    }

    /// All keys of a kind in their order.
    pub(crate) fn all(&self, kind: KeyKind) -> Vec<Key> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].sorted()
    }

    /// The greatest number that a key leads to.
    pub(crate) fn newest(&self, kind: KeyKind, key: u64) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].newest(key)
    }

    /// The numbers that a key leads to, the least first.
    pub(crate) fn find(&self, kind: KeyKind, key: u64) -> Vec<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].find(key)
    }
}

/// The key of an identity.
pub(crate) fn key_of_identity(identity: Identity) -> u64 {
    // Half of it is as random as the whole. Zero is none.
    ((identity.to_u128() >> 64) as u64).max(1)
}

/// The key of a text. The hash is fast and stable, but anyone can find two texts of one key.
pub(crate) fn key_of(text: &str) -> u64 {
    // Zero is none.
    xxh3_64(text.as_bytes()).max(1)
}

/// The keys of what one block has, in the order of its deliveries and changes.
#[derive(Default)]
pub(crate) struct BlockKeys {
    /// Of each delivery that of its identity and that of its forge id; zero is none.
    deliveries: Vec<[u64; 2]>,
    /// Of each change that of its revision; zero is none.
    changes: Vec<u64>,
}

impl BlockKeys {
    pub(crate) fn add_delivery(&mut self, entry: &DeliveryEntry<'_>) {
        self.deliveries.push([entry.indexed_identity().map_or(0, key_of_identity), entry.forge_id.map_or(0, key_of)]);
    }

    pub(crate) fn add_change(&mut self, change: &Change) {
        self.changes.push(change.revision.as_deref().map_or(0, key_of));
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.deliveries.as_flattened().iter().chain(&self.changes).flat_map(|key| key.to_le_bytes()).collect()
    }

    /// The keys of a block with this many deliveries.
    pub(crate) fn from_bytes(bytes: &[u8], delivery_count: usize) -> Self {
        let (keys, _) = bytes.as_chunks::<8>();
        let keys: Vec<u64> = keys.iter().map(|key| u64::from_le_bytes(*key)).collect();
        let (deliveries, changes) = keys.split_at((2 * delivery_count).min(keys.len()));
        Self { deliveries: deliveries.as_chunks().0.to_vec(), changes: changes.to_vec() }
    }

    /// The keys, of a block whose first delivery and change have these numbers.
    pub(crate) fn keys(&self, first_deliveryid: i64, first_changeid: i64) -> impl Iterator<Item = (KeyKind, Key)> {
        let deliveries = (first_deliveryid..).zip(&self.deliveries).flat_map(|(id, [identity, forge_id])| {
            [(KeyKind::Identity, (*identity, id)), (KeyKind::ForgeId, (*forge_id, id))]
        });
        let changes = (first_changeid..).zip(&self.changes).map(|(id, key)| (KeyKind::Revision, (*key, id)));
        deliveries.chain(changes).filter(|(_, (key, _))| *key != 0)
    }
}
