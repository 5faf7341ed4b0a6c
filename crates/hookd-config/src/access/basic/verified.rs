//! Verified passwords, so that a hash is not computed for every request.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::credentials::Credentials;

/// The most credentials that are remembered; beyond them, all are forgotten. Only who is in a file gets in.
const MAX_VERIFIED: usize = 100_000;

/// Credentials and the hash that they are checked against, as SHA-256 with a salt of this process.
pub(super) type Digest = [u8; 32];

/// Credentials that were verified. They belong to the hash that verified them: one that is no longer in a file is not
/// asked for, and one that stays there is known after the file or the configuration was read again.
pub(super) struct Verified {
    salt: [u8; 16],
    digests: Mutex<HashSet<Digest>>,
}

impl Default for Verified {
    fn default() -> Self {
        let mut salt = [0; 16];
        for half in salt.chunks_mut(8) {
            // The keys of a `RandomState` come from the system's source of randomness.
            half.copy_from_slice(&RandomState::new().hash_one(()).to_le_bytes());
        }
        Self { salt, digests: Mutex::default() }
    }
}

impl Verified {
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    pub(super) fn add(&self, digest: Digest) {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= MAX_VERIFIED {
            digests.clear();
        }
        digests.insert(digest);
    }

    pub(super) fn digest(&self, given: &Credentials, hash: &str) -> Digest {
        let mut digest = Sha256::new();
        digest.update(self.salt);
        for part in [&*given.user, hash] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.update(&given.password);
        digest.finalize().into()
    }
}
