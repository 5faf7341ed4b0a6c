//! How much memory the bodies take that are held at a time.
//!
//! What holds here: small bodies cost nothing and are never turned away, since their number is bounded by those of
//! connections and of writes that wait. Of the others the budget counts every byte, from when it is read until the
//! memory is free again. Who is still sending has the weaker claim: where there is no room, the sender that has taken
//! the longest gives way, so that senders that do not go on cannot shut others out. A body that is whole never gives
//! way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

/// The first bytes of each body, which do not count.
pub(super) const FREE: usize = 64 << 10;

/// What bodies may take in all.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    /// What is held, in bytes.
    held: usize,
    /// The number of the next share.
    next: u64,
    /// The bodies that are still coming, in the order in which they began: what each holds, and how it is told to give way.
    coming: BTreeMap<u64, (usize, Arc<Notify>)>,
}

/// What one body holds of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    number: u64,
    /// What it holds, in bytes. The ledger has it, too, as long as the body is coming.
    bytes: usize,
    revoked: Arc<Notify>,
    is_whole: bool,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Budget {
    /// A share for a body that has begun to come. It holds nothing yet.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        let mut ledger = self.ledger();
        let number = ledger.next;
        ledger.next += 1;
        let revoked = Arc::<Notify>::default();
        ledger.coming.insert(number, (0, Arc::clone(&revoked)));
        Share { budget: Arc::clone(self), number, bytes: 0, revoked, is_whole: false }
    }

    /// What is held, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.ledger().held
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes `bytes` more, of `limit` for all; others that are still coming give way where that is needed. The first
    /// share always has room.
    ///
    /// # Errors
    /// When this is the one that has to give way, or all that is held is whole.
    pub(super) fn grow(&mut self, bytes: usize, limit: usize) -> Result<(), Full> {
        let ledger = &mut *self.budget.ledger();
        // Nothing, where it was told to give way meanwhile.
        let mut own = ledger.coming.remove(&self.number).ok_or(Full)?;
        while ledger.held + bytes > limit && ledger.held > own.0 {
            match ledger.coming.first_entry() {
                Some(other) if *other.key() < self.number => {
                    let (freed, revoked) = other.remove();
                    ledger.held -= freed;
                    revoked.notify_one();
                }
                // The others are whole, or came later: it is this one's turn.
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
        ledger.coming.insert(self.number, own);
        Ok(())
    }

    /// Waits until the body has to give way, which may be never.
    pub(super) fn revoked(&self) -> impl Future<Output = ()> + use<> {
        let revoked = Arc::clone(&self.revoked);
        async move { revoked.notified().await }
    }

    /// The body, now that it is whole: it holds its share as long as anybody holds the bytes.
    ///
    /// # Errors
    /// When it had to give way meanwhile.
    pub(super) fn whole(mut self, body: BytesMut) -> Result<Bytes, Full> {
        let is_there = self.budget.ledger().coming.remove(&self.number).is_some();
        self.is_whole = true;
        if !is_there {
            self.bytes = 0;
            return Err(Full);
        }
        Ok(Bytes::from_owner(Whole { body, _share: self }))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut ledger = self.budget.ledger();
        if self.is_whole {
            ledger.held -= self.bytes;
        } else if let Some((bytes, _)) = ledger.coming.remove(&self.number) {
            ledger.held -= bytes;
        }
    }
}

/// A body with its share, which is given back with the memory.
struct Whole {
    body: BytesMut,
    _share: Share,
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_held() {
        let budget = Arc::<Budget>::default();
        let mut share = budget.share();
        share.grow(60, 100).unwrap();
        share.grow(30, 100).unwrap();
        assert_eq!(budget.held(), 90);
        drop(share);
        assert_eq!(budget.held(), 0);
        let mut share = budget.share();
        share.grow(60, 100).unwrap();
        let body = share.whole(BytesMut::from(&b"body"[..])).unwrap();
        let part = body.slice(1..3);
        drop(body);
        assert_eq!((budget.held(), &*part), (60, &b"od"[..]));
        drop(part);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn the_one_that_takes_the_longest_gives_way() {
        let budget = Arc::<Budget>::default();
        let (mut old, mut middle, mut new) = (budget.share(), budget.share(), budget.share());
        old.grow(40, 100).unwrap();
        middle.grow(40, 100).unwrap();
        new.grow(40, 100).unwrap();
        assert_eq!(budget.held(), 80);
        assert_eq!(old.grow(1, 100), Err(Full));
        drop(old);
        assert_eq!(budget.held(), 80);
        // The oldest that is left gives way to nobody who came later.
        assert_eq!(middle.grow(40, 100), Err(Full));
        drop(middle);
        assert_eq!(budget.held(), 40);
        assert!(new.whole(BytesMut::new()).is_ok());
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn what_is_whole_gives_way_to_nobody() {
        let budget = Arc::<Budget>::default();
        let mut whole = budget.share();
        whole.grow(80, 100).unwrap();
        let whole = whole.whole(BytesMut::new()).unwrap();
        let mut new = budget.share();
        assert_eq!(new.grow(40, 100), Err(Full));
        drop(new);
        assert_eq!(budget.held(), 80);
        drop(whole);
        // One body may come whatever the limit.
        let mut only = budget.share();
        only.grow(1000, 100).unwrap();
        only.grow(1000, 100).unwrap();
        assert_eq!(budget.held(), 2000);
    }
}
