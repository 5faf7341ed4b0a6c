//! Where things are: from the hash of a text to the numbers of the deliveries or changes that have it.
//!
//! Such keys are random, and writing them one by one into a tree would write a page for each. So the young ones are in
//! memory ([`Tail`]), and as soon as there are many they are written as sorted runs. Until then those of each block
//! ([`BlockKeys`]) are in the file as they come, for the next start.

use std::sync::{PoisonError, RwLock};

use hookd_core::Change;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// What a key is made of, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Deliveries by their forge id.
    ForgeId,
    /// Changes by their revision.
    Revision,
    /// Changes by branch, repository, project and codebase: of two that have all of it in common, the younger follows
    /// the older.
    Line,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::ForgeId, Kind::Revision, Kind::Line];

    /// The number in the store.
    pub(crate) fn code(self) -> i64 {
        match self {
            Kind::ForgeId => 0,
            Kind::Revision => 1,
            Kind::Line => 2,
        }
    }

    /// With so many keys of one kind the tail becomes runs: some ten milliseconds of work for the writer, and no more for
    /// the next start.
    pub(crate) fn run_length(self) -> usize {
        match self {
            Kind::ForgeId => 1 << 15,
            Kind::Revision | Kind::Line => 1 << 16,
        }
    }
}

/// A key and the number of the delivery or change that has it.
pub(crate) type Key = (u64, i64);

/// The keys that are in no run yet, of all kinds.
#[derive(Default)]
pub(crate) struct Tail(RwLock<[Buckets; 3]>);

/// Keys of one kind by their first [`BUCKET`] bits, which are random; in each bucket a few, in the order in which they
/// came. Adding one costs less than in a tree, and finding one no more.
#[derive(Default)]
struct Buckets {
    buckets: Vec<Vec<Key>>,
    count: usize,
}

/// How many bits of a key tell its bucket: one has some ten keys when the tail is full.
const BUCKET: u32 = 12;

/// For how many keys more a bucket grows at least. Were it to double, as vectors do, a third of the memory would be idle.
const GROWTH: usize = 4;

impl Buckets {
    fn add(&mut self, key: Key) {
        if self.buckets.is_empty() {
            self.buckets.resize_with(1 << BUCKET, Vec::new);
        }
        let bucket = &mut self.buckets[Self::index(key.0)];
        if bucket.len() == bucket.capacity() {
            bucket.reserve_exact(GROWTH.max(bucket.len() / 8));
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

    fn index(key: u64) -> usize {
        usize::try_from(key >> (u64::BITS - BUCKET)).expect("a few bits fit")
    }
}

impl Tail {
    /// Adds what was committed.
    pub(crate) fn add(&self, keys: impl IntoIterator<Item = (Kind, Key)>) {
        let mut tails = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (kind, key) in keys {
            tails[kind as usize].add(key);
        }
    }

    /// Forgets all, since it is in runs now.
    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(Buckets::clear);
    }

    /// Whether there are enough keys for runs.
    pub(crate) fn is_full(&self) -> bool {
        let tails = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Kind::ALL.into_iter().any(|kind| tails[kind as usize].count >= kind.run_length())
    }

    /// All keys of a kind in their order.
    pub(crate) fn all(&self, kind: Kind) -> Vec<Key> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].sorted()
    }

    /// The numbers that a key leads to, the least first.
    pub(crate) fn find(&self, kind: Kind, key: u64) -> Vec<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].find(key)
    }
}

/// The key of a text. The hash is fast and stable, and proves nothing: what is found has to be looked at.
pub(crate) fn key_of(text: &str) -> u64 {
    // Zero is none.
    xxh3_64(text.as_bytes()).max(1)
}

/// The key of what a change has in common with those that it follows.
pub(crate) fn line_of(change: &Change) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[u8::from(change.branch.is_some())]);
    for text in [change.branch.as_deref().unwrap_or_default(), &change.repository, &change.project, &change.codebase] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest().max(1)
}

/// The keys of what one block has, in the order of its deliveries and changes.
#[derive(Default)]
pub(crate) struct BlockKeys {
    /// Of each delivery that of its forge id; zero is none.
    deliveries: Vec<u64>,
    /// Of each change that of its line and that of its revision; zero is none.
    changes: Vec<[u64; 2]>,
}

impl BlockKeys {
    pub(crate) fn delivery(&mut self, forge_id: Option<u64>) {
        self.deliveries.push(forge_id.unwrap_or(0));
    }

    pub(crate) fn change(&mut self, change: &Change) {
        self.changes.push([line_of(change), change.revision.as_deref().map_or(0, key_of)]);
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let keys = self.deliveries.iter().chain(self.changes.as_flattened());
        keys.flat_map(|key| key.to_le_bytes()).collect()
    }

    /// The keys of a block with so many deliveries.
    pub(crate) fn of_bytes(bytes: &[u8], delivery_count: usize) -> Self {
        let (keys, _) = bytes.as_chunks::<8>();
        let mut deliveries: Vec<u64> = keys.iter().map(|key| u64::from_le_bytes(*key)).collect();
        let changes = deliveries.split_off(delivery_count.min(deliveries.len()));
        Self { deliveries, changes: changes.as_chunks::<2>().0.to_vec() }
    }

    /// The keys, of a block whose first delivery and change have these numbers.
    pub(crate) fn keys(&self, first_deliveryid: i64, first_changeid: i64) -> impl Iterator<Item = (Kind, Key)> {
        let deliveries = (first_deliveryid..).zip(&self.deliveries).map(|(id, key)| (Kind::ForgeId, (*key, id)));
        let changes = (first_changeid..).zip(&self.changes);
        let changes =
            changes.flat_map(|(id, [line, revision])| [(Kind::Line, (*line, id)), (Kind::Revision, (*revision, id))]);
        deliveries.chain(changes).filter(|(_, (key, _))| *key != 0)
    }
}
