//! Verified passwords, so that a hash is not computed for every request.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::credentials::Credentials;

/// The most credentials that are remembered; beyond them, all are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// Verified credentials, as SHA-256 with a salt of this process.
pub(super) struct Remembered {
    salt: [u8; 16],
    digests: Mutex<HashSet<[u8; 32]>>,
}

impl Default for Remembered {
    fn default() -> Self {
        let mut salt = [0; 16];
        for half in salt.chunks_mut(8) {
            // The keys of a `RandomState` come from the system's source of randomness.
            half.copy_from_slice(&RandomState::new().hash_one(()).to_le_bytes());
        }
        Self { salt, digests: Mutex::default() }
    }
}

impl Remembered {
    pub(super) fn has(&self, given: &Credentials) -> bool {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.digest(given))
    }

    pub(super) fn add(&self, given: &Credentials) {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= MAX_REMEMBERED {
            digests.clear();
        }
        digests.insert(self.digest(given));
    }

    fn digest(&self, given: &Credentials) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update((given.user.len() as u64).to_le_bytes());
        hash.update(&given.user);
        hash.update(&given.password);
        hash.finalize().into()
    }
}
