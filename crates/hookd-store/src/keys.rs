//! Where things are: from the hash of a text to the numbers of the deliveries or changes that have it.
//!
//! Such keys are random, and writing them one by one into a tree would write a page for each. So the young ones are in
//! memory ([`Tail`]), and as soon as there are many they are written as one sorted run. At the start the tail is read
//! from the log again.

use std::collections::BTreeSet;
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

    /// With so many keys the tail becomes a run: some milliseconds of work for the writer, some tens to read them again.
    pub(crate) fn run_length(self) -> usize {
        match self {
            Kind::ForgeId => 1 << 16,
            Kind::Revision | Kind::Line => 1 << 15,
        }
    }
}

/// A key and the number of the delivery or change that has it.
pub(crate) type Key = (u64, i64);

/// The keys that are in no run yet, of all kinds.
#[derive(Default)]
pub(crate) struct Tail(RwLock<[BTreeSet<Key>; 3]>);

impl Tail {
    /// Adds what was committed.
    pub(crate) fn add(&self, keys: impl IntoIterator<Item = (Kind, Key)>) {
        let mut tails = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (kind, key) in keys {
            tails[kind as usize].insert(key);
        }
    }

    /// Forgets what is in a run now.
    pub(crate) fn clear(&self, kind: Kind) {
        self.0.write().unwrap_or_else(PoisonError::into_inner)[kind as usize].clear();
    }

    /// All keys of a kind in their order, if there are enough of them for a run.
    pub(crate) fn run(&self, kind: Kind) -> Option<Vec<Key>> {
        let tails = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let tail = &tails[kind as usize];
        (tail.len() >= kind.run_length()).then(|| tail.iter().copied().collect())
    }

    /// The numbers that a key leads to, the least first.
    pub(crate) fn find(&self, kind: Kind, key: u64) -> Vec<i64> {
        let tails = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tails[kind as usize].range((key, i64::MIN)..=(key, i64::MAX)).map(|(_, id)| *id).collect()
    }
}

/// The key of a text. The hash is fast and stable, and proves nothing: what is found has to be looked at.
pub(crate) fn key_of(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The key of what a change has in common with those that it follows.
pub(crate) fn line_of(change: &Change) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[u8::from(change.branch.is_some())]);
    for text in [change.branch.as_deref().unwrap_or_default(), &change.repository, &change.project, &change.codebase] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest()
}

/// The keys of a change.
pub(crate) fn keys_of(changeid: i64, change: &Change) -> impl Iterator<Item = (Kind, Key)> {
    let revision = change.revision.as_deref().map(|revision| (Kind::Revision, (key_of(revision), changeid)));
    [Some((Kind::Line, (line_of(change), changeid))), revision].into_iter().flatten()
}
