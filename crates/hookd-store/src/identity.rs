//! The identity of a delivery: one hash of everything that translating it reads.
//!
//! Two deliveries of one identity are the same event at the same hook, so that the second is a redelivery of the first.
//! Whatever a sender does, a look-up is one comparison of 16 bytes: bodies are never compared.

use xxhash_rust::xxh3::Xxh3;

use crate::{NewDelivery, Replay};

/// The header that is kept for people alone: forges put their version into it, so that it may differ in a redelivery.
const NOT_READ: &str = "User-Agent";

/// The identity of a delivery within one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(u128);

/// What makes identities: a secret of the store. Without it nobody can find two requests of one identity.
#[derive(Clone)]
pub struct IdentityKey([u8; Self::BYTES]);

impl Identity {
    /// As a number, such as for the disk.
    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// The identity of a number from [`to_u128`](Self::to_u128).
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }
}

impl IdentityKey {
    /// The length of the secret.
    pub const BYTES: usize = 192;

    /// A key of this secret, which has to be random and must never change: it decides what is found again.
    pub const fn new(secret: [u8; Self::BYTES]) -> Self {
        Self(secret)
    }

    /// The secret, for a store to keep.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The identity of a delivery: a hash of its dialect, forge id, and request (method, path, query, headers that are
    /// kept, body). `None` without a forge id: then nothing tells a redelivery from an event of the same content.
    /// That of a replay is one of the delivery that it replays and of who asks, and never that of a redelivery.
    ///
    /// Of headers neither the case of their names counts nor the order of different ones, and `User-Agent` not at all.
    pub fn identity(&self, delivery: &NewDelivery) -> Option<Identity> {
        let mut hash = Xxh3::with_secret(self.0);
        if let Some(Replay { of, request }) = &delivery.replay {
            // All others begin with the length of a dialect's name, which is not as long.
            hash.update(&u64::MAX.to_le_bytes());
            hash.update(&of.to_le_bytes());
            hash.update(request.as_bytes());
            return Some(Identity(hash.digest128()));
        }
        let forge_id = delivery.forge_id.as_deref()?;
        // Each text with its length, so that none can pass for a part of the next.
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(delivery.dialect.as_bytes());
        add(forge_id.as_bytes());
        if let Some(request) = &delivery.request {
            let head = &request.head;
            add(head.method.name().as_bytes());
            add(head.path.as_bytes());
            add(head.query.as_bytes());
            let is_read = |name: &str| !name.eq_ignore_ascii_case(NOT_READ);
            let headers = head.headers.iter().filter(|(name, _)| is_read(name));
            let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            // Stable: the order of values of one name stays, and may count.
            headers.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, value) in &headers {
                add(name.as_bytes());
                add(value.as_bytes());
            }
            add(&request.body);
        }
        Some(Identity(hash.digest128()))
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IdentityKey(…)")
    }
}
