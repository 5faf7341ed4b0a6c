//! How much memory bodies take that are held at the same time.
//!
//! Invariants: small bodies are not counted and never turned away, since the limits on connections and on queued writes
//! bound their number. Of other bodies the budget counts every byte, from when it is read until its memory is free again. A
//! body that is still arriving has the weaker claim: where there is no room, the one that has taken the longest gives way,
//! so that senders that stop halfway cannot shut out others. A complete body never gives way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

/// The first bytes of each body, which are not counted.
pub(crate) const UNCOUNTED_BYTES: usize = 64 << 10;

/// The memory that bodies share. The limit comes with each request for more, so that a reload can change it.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    /// The bytes of all shares.
    held: usize,
    /// The number of the next share.
    next: u64,
    /// The bodies that are still arriving, in the order in which they began: the bytes of each, and what tells it to give
    /// way.
    arriving: BTreeMap<u64, (usize, Arc<Notify>)>,
}

/// What one body holds of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    number: u64,
    /// The bytes that it holds. The ledger has them as well, as long as the body is arriving.
    bytes: usize,
    revoked: Arc<Notify>,
    is_complete: bool,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Budget {
    /// A share for a body that has begun to arrive. It holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        let mut ledger = self.ledger();
        let number = ledger.next;
        ledger.next += 1;
        let revoked = Arc::<Notify>::default();
        ledger.arriving.insert(number, (0, Arc::clone(&revoked)));
        Share { budget: Arc::clone(self), number, bytes: 0, revoked, is_complete: false }
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.ledger().held
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes `bytes` more, of `limit` for all; others that are still arriving give way where that is needed. A body that
    /// is alone always has room.
    ///
    /// # Errors
    /// When this is the one that has to give way, or everything that is held is complete.
    pub(crate) fn grow(&mut self, bytes: usize, limit: usize) -> Result<(), Full> {
        let ledger = &mut *self.budget.ledger();
        // Gone if it had to give way in the meantime.
        let mut own = ledger.arriving.remove(&self.number).ok_or(Full)?;
        while ledger.held + bytes > limit && ledger.held > own.0 {
            match ledger.arriving.first_entry() {
                Some(other) if *other.key() < self.number => {
                    let (freed, revoked) = other.remove();
                    ledger.held -= freed;
                    revoked.notify_one();
                }
                // The others are complete, or began later: it is this one's turn.
                _ => {
                    ledger.held -= own.0;
                    self.bytes = 0;
                    return Err(Full);
                }
            }
        }
        ledger.held += bytes;
        own.0 += bytes;
        self.bytes = own.0;
        ledger.arriving.insert(self.number, own);
        Ok(())
    }

    /// Waits until the body has to give way, which may be never.
    pub(crate) fn revoked(&self) -> impl Future<Output = ()> + use<> {
        let revoked = Arc::clone(&self.revoked);
        async move { revoked.notified().await }
    }

    /// The body, now that all of it is there: it holds its share until the last reference to its bytes is dropped.
    ///
    /// # Errors
    /// When it had to give way in the meantime.
    pub(crate) fn complete(mut self, body: BytesMut) -> Result<Bytes, Full> {
        let is_there = self.budget.ledger().arriving.remove(&self.number).is_some();
        self.is_complete = true;
        if !is_there {
            self.bytes = 0;
            return Err(Full);
        }
        Ok(Bytes::from_owner(CountedBody { body, _share: self }))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut ledger = self.budget.ledger();
        if self.is_complete {
            ledger.held -= self.bytes;
        } else if let Some((bytes, _)) = ledger.arriving.remove(&self.number) {
            ledger.held -= bytes;
        }
    }
}

/// A body with its share, which is given back with the memory.
struct CountedBody {
    body: BytesMut,
    _share: Share,
}

impl AsRef<[u8]> for CountedBody {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frees_a_share_with_the_last_reference_to_its_bytes() {
        let budget = Arc::<Budget>::default();
        let mut share = budget.share();
        share.grow(60, 100).unwrap();
        share.grow(30, 100).unwrap();
        assert_eq!(budget.held(), 90);
        drop(share);
        assert_eq!(budget.held(), 0);
        let mut share = budget.share();
        share.grow(60, 100).unwrap();
        let body = share.complete(BytesMut::from(&b"body"[..])).unwrap();
        let part = body.slice(1..3);
        drop(body);
        assert_eq!((budget.held(), &*part), (60, &b"od"[..]));
        drop(part);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn the_body_that_takes_the_longest_gives_way() {
        let budget = Arc::<Budget>::default();
        let (mut old, mut middle, mut new) = (budget.share(), budget.share(), budget.share());
        old.grow(40, 100).unwrap();
        middle.grow(40, 100).unwrap();
        new.grow(40, 100).unwrap();
        assert_eq!(budget.held(), 80);
        assert_eq!(old.grow(1, 100), Err(Full));
        drop(old);
        assert_eq!(budget.held(), 80);
        // The oldest that is left does not make later ones give way.
        assert_eq!(middle.grow(40, 100), Err(Full));
        drop(middle);
        assert_eq!(budget.held(), 40);
        assert!(new.complete(BytesMut::new()).is_ok());
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_complete_body_never_gives_way() {
        let budget = Arc::<Budget>::default();
        let mut whole = budget.share();
        whole.grow(80, 100).unwrap();
        let complete = whole.complete(BytesMut::new()).unwrap();
        let mut new = budget.share();
        assert_eq!(new.grow(40, 100), Err(Full));
        drop(new);
        assert_eq!(budget.held(), 80);
        drop(complete);
        // A body that is alone may be as large as it likes.
        let mut only = budget.share();
        only.grow(1000, 100).unwrap();
        only.grow(1000, 100).unwrap();
        assert_eq!(budget.held(), 2000);
    }
}
