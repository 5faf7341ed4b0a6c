//! Keys: the hashes of the texts by which deliveries and changes are found; those of a block, and the recent ones in
//! memory.

use std::ops::RangeInclusive;
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
    buckets: Vec<Vec<Packed>>,
    count: usize,
}

/// How many bits of a key choose its bucket: one has some ten keys before they become runs.
const BUCKET_BITS: u32 = 12;

/// How many bits of the number are kept: 2^44 is 17 trillion.
const NUMBER_BITS: u32 = 44;

/// For how many keys more a bucket grows at least. Were it to double, as vectors do, a third of the memory would be idle.
const GROWTH_KEYS: usize = 4;

/// A key in three quarters of its memory: the bits that do not choose its bucket, and then those of the number.
#[derive(Clone, Copy)]
struct Packed([u32; 3]);

impl Packed {
    fn new((key, id): Key) -> Self {
        let key = u128::from(key) << NUMBER_BITS;
        let bits = key | u128::from(id.cast_unsigned() & ((1 << NUMBER_BITS) - 1));
        // What chooses the bucket lies above the lowest 96 bits.
        Self([(bits >> 64) as u32, (bits >> 32) as u32, bits as u32])
    }

    fn key(self, bucket: usize) -> Key {
        let [high, middle, low] = self.0.map(u128::from);
        let bits = high << 64 | middle << 32 | low;
        let key = (bits >> NUMBER_BITS) as u64 | (bucket as u64) << (u64::BITS - BUCKET_BITS);
        (key, (bits as u64 & ((1 << NUMBER_BITS) - 1)).cast_signed())
    }
}

impl Buckets {
    fn add(&mut self, key: Key) {
        if self.buckets.is_empty() {
            self.buckets.resize_with(1 << BUCKET_BITS, Vec::new);
        }
        let bucket = &mut self.buckets[Self::index(key.0)];
        if bucket.len() == bucket.capacity() {
            bucket.reserve_exact(GROWTH_KEYS.max(bucket.len() / 8));
        }
        bucket.push(Packed::new(key));
        self.count += 1;
    }

    /// Keeps the memory: as many keys are about to come.
    fn clear(&mut self) {
        self.buckets.iter_mut().for_each(Vec::clear);
        self.count = 0;
    }

    fn sorted(&self) -> Vec<Key> {
        let mut keys = Vec::with_capacity(self.count);
        for index in 0..self.buckets.len() {
            let start = keys.len();
            keys.extend(self.bucket(index));
            keys[start..].sort_unstable();
        }
        keys
    }

    fn find(&self, key: u64) -> Vec<i64> {
        self.find_all(&(key..=key))
    }

    fn find_all(&self, keys: &RangeInclusive<u64>) -> Vec<i64> {
        let (first, last) = (Self::index(*keys.start()), Self::index(*keys.end()));
        let found = (first..=last).flat_map(|index| self.bucket(index)).filter(|(key, _)| keys.contains(key));
        found.map(|(_, id)| id).collect()
    }

    fn newest(&self, key: u64) -> Option<i64> {
        self.bucket(Self::index(key)).rfind(|(k, _)| *k == key).map(|(_, id)| id)
    }

    /// The keys of a bucket, in the order in which they came.
    fn bucket(&self, index: usize) -> impl DoubleEndedIterator<Item = Key> {
        self.buckets.get(index).into_iter().flatten().map(move |packed| packed.key(index))
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

    /// The numbers that these keys lead to.
    pub(crate) fn find_all(&self, kind: KeyKind, keys: &RangeInclusive<u64>) -> Vec<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[kind as usize].find_all(keys)
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

/// The key of a revision or of a forge's id: that of its beginning where it has one, or else a hash, which is fast and stable.
/// Anyone can find two ids of one key.
pub(crate) fn key_of_id(id: &str) -> u64 {
    // Zero is none.
    beginning_key(id).unwrap_or_else(|| xxh3_64(id.as_bytes())).max(1)
}

/// How many hexadecimal digits a key has.
const KEY_DIGITS: u32 = u64::BITS / 4;

/// The first sixteen hexadecimal digits of an id that has so many, as hashes of commits and UUIDs do; whatever their case,
/// and without the dashes among them.
pub(crate) fn beginning_key(id: &str) -> Option<u64> {
    match digits(id) {
        (digits, KEY_DIGITS) => Some(digits),
        _ => None,
    }
}

/// The keys of all ids that begin so; `None` where this is the beginning of none with such a key.
pub(crate) fn keys_of_beginning(beginning: &str) -> Option<RangeInclusive<u64>> {
    let (digits, count) = digits(beginning);
    let is_all = count == KEY_DIGITS || beginning.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if count == 0 || !is_all {
        return None;
    }
    let missing = u64::BITS - 4 * count;
    let rest = if missing == 0 { 0 } else { u64::MAX >> (u64::BITS - missing) };
    let first = if missing == u64::BITS { 0 } else { digits << missing };
    // As of an id of zeros.
    Some(first.max(1)..=(first | rest).max(1))
}

/// The first hexadecimal digits, at most as many as a key has, and how many there are.
fn digits(id: &str) -> (u64, u32) {
    let (mut digits, mut count) = (0, 0);
    for byte in id.bytes().filter(|byte| *byte != b'-') {
        let Some(digit) = char::from(byte).to_digit(16) else { break };
        digits = digits << 4 | u64::from(digit);
        count += 1;
        if count == KEY_DIGITS {
            break;
        }
    }
    (digits, count)
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
        self.deliveries
            .push([entry.indexed_identity().map_or(0, key_of_identity), entry.forge_id.map_or(0, key_of_id)]);
    }

    pub(crate) fn add_change(&mut self, change: &Change) {
        self.changes.push(change.revision.as_deref().map_or(0, key_of_id));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_whole_and_in_their_order() {
        let mut buckets = Buckets::default();
        let keys = [
            (u64::MAX, 1),
            (1, 2),
            (u64::MAX >> 12, (1 << NUMBER_BITS) - 1),
            (1 << 52, 3),
            (1, 4),
            (0xc0ff_ee14_bb76_1a23, 5),
        ];
        keys.into_iter().for_each(|key| buckets.add(key));
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        assert_eq!(buckets.sorted(), sorted);
        assert_eq!((buckets.find(1), buckets.newest(1), buckets.newest(2)), (vec![2, 4], Some(4), None));
        assert_eq!(buckets.find_all(&(2..=1 << 52)), [keys[2].1, 3]);
        assert_eq!(Buckets::default().sorted(), []);
    }

    #[test]
    fn ids_are_found_by_their_beginnings() {
        let hash = "c0ffee14bb761a232cd80139fbd4c0d33264240a";
        let uuid = "72D3162E-cc78-11e3-81ab-4c9367dc0958";
        for id in [hash, uuid] {
            for length in 1..id.len() {
                for beginning in [id[..length].to_owned(), id[..length].to_uppercase()] {
                    let keys = keys_of_beginning(&beginning).unwrap();
                    assert!(keys.contains(&key_of_id(id)), "{beginning}");
                }
            }
            let other = keys_of_beginning("c1").unwrap();
            assert!(!other.contains(&key_of_id(id)));
        }
        assert_eq!(key_of_id(hash), 0xc0ff_ee14_bb76_1a23);
        assert_eq!(key_of_id(&hash.to_uppercase()), key_of_id(hash));
        for odd in ["r41", "", "c0ffee", "c0ffee14bb761a2", "x0ffee14bb761a232cd80139", "-"] {
            assert_eq!(beginning_key(odd), None, "{odd}");
        }
        for odd in ["", "-", "r4", "c0ffeex"] {
            assert_eq!(keys_of_beginning(odd), None, "{odd}");
        }
        let zeros = "0".repeat(40);
        assert!(keys_of_beginning(&zeros).unwrap().contains(&key_of_id(&zeros)));
        assert!(keys_of_beginning("0000").unwrap().contains(&key_of_id(&zeros)));
    }
}
