//! Passwords that held, so that a hash is not computed for every request.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::Credentials;

/// How many are remembered; then it starts afresh.
const KEPT: usize = 10_000;

/// Credentials that held, as SHA-256 under a salt of this process.
pub(super) struct Remembered {
    salt: [u8; 16],
    held: Mutex<HashSet<[u8; 32]>>,
}

impl Default for Remembered {
    fn default() -> Self {
        let mut salt = [0; 16];
        for half in salt.chunks_mut(8) {
            // The keys of a `RandomState` come from the system's source of randomness.
            half.copy_from_slice(&RandomState::new().hash_one(()).to_le_bytes());
        }
        Self { salt, held: Mutex::default() }
    }
}

impl Remembered {
    pub(super) fn has(&self, given: &Credentials) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.digest(given))
    }

    pub(super) fn add(&self, given: &Credentials) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= KEPT {
            held.clear();
        }
        held.insert(self.digest(given));
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
