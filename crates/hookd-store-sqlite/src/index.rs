//! The index: from the identity of a delivery to that delivery, from a forge id to the deliveries that have it, from a
//! revision to the changes. Keys of ids are in the order of their beginnings, so that these are found as well.
//!
//! Such hashes are random, and each would dirty a page of a tree of its own. So the recent ones are in memory
//! ([`RecentKeys`]), and as soon as there are many they are written as sorted runs ([`runs`]). Until then those of each
//! block ([`BlockKeys`]) lie in the file as they came, for the next start ([`recent`]). What a key leads to has to be
//! looked at itself.

mod bloom;
mod keys;
pub(crate) mod recent;
pub(crate) mod runs;

pub(crate) use keys::{
    BlockKeys, Key, KeyKind, RecentKeys, beginning_key, key_of_id, key_of_identity, keys_of_beginning,
};
pub(crate) use runs::{IdentityIndex, SealedRun};
