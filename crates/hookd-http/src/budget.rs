//! How much memory bodies, what they became, and large heads take that are held at the same time.
//!
//! Invariants: the budget counts every byte of a body, and of a head beyond its first few KiB, from when it is read until
//! its memory is free again. What is still arriving has the weaker claim: where there is no room, the one that has taken
//! the longest gives way, so that senders that stop halfway cannot shut out others. A complete body never gives way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;

/// The memory that bodies and heads share.
#[derive(Debug)]
pub struct Budget {
    /// The most bytes of all shares.
    limit: AtomicUsize,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    /// The bytes of all shares.
    held: usize,
    /// How many of them are of results.
    results: usize,
    /// The number of the next share.
    next: u64,
    /// What is still arriving, in the order in which it began: the bytes of each, and what tells it to give way.
    arriving: BTreeMap<u64, (usize, Arc<Revoked>)>,
}

/// Whether a share has to give way.
#[derive(Debug, Default)]
struct Revoked {
    is_set: AtomicBool,
    waker: AtomicWaker,
}

impl Revoked {
    fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// What one body or head holds of the budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    number: u64,
    /// The bytes that it holds. The ledger has them as well, as long as it is arriving.
    bytes: usize,
    /// `None` once it is complete.
    revoked: Option<Arc<Revoked>>,
}

/// What the result of a request takes of the budget, until it is dropped.
#[derive(Debug)]
struct Held(Share);

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Default for Budget {
    /// A budget that counts without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit: AtomicUsize::new(limit), ledger: Mutex::default() }
    }

    /// Changes the limit for what arrives from now on.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// A share for what has begun to arrive. It holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        let mut ledger = self.ledger();
        let number = ledger.next;
        ledger.next += 1;
        let revoked = Arc::<Revoked>::default();
        ledger.arriving.insert(number, (0, Arc::clone(&revoked)));
        Share { budget: Arc::clone(self), number, bytes: 0, revoked: Some(revoked) }
    }

    /// A body that arrived in one go, with its share.
    ///
    /// # Errors
    /// When there is no room, though everything that is arriving gave way.
    pub(crate) fn complete(self: &Arc<Self>, body: Vec<u8>) -> Result<Bytes, Full> {
        let bytes = body.capacity();
        let mut ledger = self.ledger();
        if ledger.held + bytes > self.limit.load(Ordering::Relaxed) {
            drop(ledger);
            let mut share = self.share();
            share.grow(bytes)?;
            return share.complete(body);
        }
        ledger.held += bytes;
        drop(ledger);
        let share = Share { budget: Arc::clone(self), number: 0, bytes, revoked: None };
        Ok(Bytes::from_owner(CountedBody { body, _share: share }))
    }

    /// The same body, which counts for so many bytes more: those of what it became, such as its changes. They are given back
    /// with the body, whoever has it then. One result always has room, as one body has, so that nothing is refused for good.
    ///
    /// # Errors
    /// When there is no room, though everything that is arriving gave way.
    pub fn with_result(self: &Arc<Self>, body: Bytes, bytes: usize) -> Result<Bytes, Full> {
        let held = self.hold(bytes)?;
        Ok(Bytes::from_owner(BodyWithResult { body, _held: held }))
    }

    fn hold(self: &Arc<Self>, bytes: usize) -> Result<Held, Full> {
        {
            let mut ledger = self.ledger();
            let has_room = ledger.held.saturating_add(bytes) <= self.limit.load(Ordering::Relaxed);
            if has_room || ledger.results == 0 {
                ledger.held = ledger.held.saturating_add(bytes);
                ledger.results += 1;
                return Ok(Held(Share { budget: Arc::clone(self), number: 0, bytes, revoked: None }));
            }
        }
        let mut share = self.share();
        share.grow(bytes)?;
        let mut ledger = self.ledger();
        // It may have had to give way in between.
        ledger.arriving.remove(&share.number).ok_or(Full)?;
        ledger.results += 1;
        drop(ledger);
        share.revoked = None;
        Ok(Held(share))
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.ledger().held
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// How many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `bytes` more; others that are still arriving give way where that is needed. What is alone always has room.
    ///
    /// # Errors
    /// When this is the one that has to give way, or everything that is held is complete.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let limit = self.budget.limit.load(Ordering::Relaxed);
        let ledger = &mut *self.budget.ledger();
        // Gone if it had to give way in the meantime.
        let mut own = ledger.arriving.remove(&self.number).ok_or(Full)?;
        while ledger.held + bytes > limit && ledger.held > own.0 {
            match ledger.arriving.first_entry() {
                Some(other) if *other.key() < self.number => {
                    let (freed, revoked) = other.remove();
                    ledger.held -= freed;
                    revoked.set();
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

    /// Whether it has to give way. If not, the task is woken when it has to.
    pub(crate) fn is_revoked(&self, waker: &Waker) -> bool {
        self.revoked.as_ref().is_some_and(|revoked| {
            revoked.waker.register(waker);
            revoked.is_set.load(Ordering::SeqCst)
        })
    }

    /// The body, now that all of it is there: it holds its share until the last reference to its bytes is dropped.
    ///
    /// # Errors
    /// When it had to give way in the meantime.
    pub(crate) fn complete(mut self, body: Vec<u8>) -> Result<Bytes, Full> {
        let is_there = self.budget.ledger().arriving.remove(&self.number).is_some();
        self.revoked = None;
        if !is_there {
            self.bytes = 0;
            return Err(Full);
        }
        Ok(Bytes::from_owner(CountedBody { body, _share: self }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Its share gives the bytes back.
        self.0.budget.ledger().results -= 1;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut ledger = self.budget.ledger();
        if self.revoked.is_none() {
            ledger.held -= self.bytes;
        } else if let Some((bytes, _)) = ledger.arriving.remove(&self.number) {
            ledger.held -= bytes;
        }
    }
}

/// A body with its share, which is given back with the memory.
struct CountedBody {
    body: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for CountedBody {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// A body, and what its result takes.
struct BodyWithResult {
    body: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for BodyWithResult {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frees_a_share_with_the_last_reference_to_its_bytes() {
        let budget = Arc::new(Budget::new(100));
        let mut share = budget.share();
        share.grow(60).unwrap();
        share.grow(30).unwrap();
        assert_eq!(budget.held(), 90);
        drop(share);
        assert_eq!(budget.held(), 0);
        let mut share = budget.share();
        share.grow(60).unwrap();
        let body = share.complete(b"body".to_vec()).unwrap();
        let part = body.slice(1..3);
        drop(body);
        assert_eq!((budget.held(), &*part), (60, &b"od"[..]));
        drop(part);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn the_body_that_takes_the_longest_gives_way() {
        let budget = Arc::new(Budget::new(100));
        let (mut old, mut middle, mut new) = (budget.share(), budget.share(), budget.share());
        old.grow(40).unwrap();
        middle.grow(40).unwrap();
        new.grow(40).unwrap();
        assert_eq!(budget.held(), 80);
        assert_eq!(old.grow(1), Err(Full));
        drop(old);
        assert_eq!(budget.held(), 80);
        // The oldest that is left does not make later ones give way.
        assert_eq!(middle.grow(40), Err(Full));
        drop(middle);
        assert_eq!(budget.held(), 40);
        assert!(new.complete(Vec::new()).is_ok());
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_complete_body_never_gives_way() {
        let budget = Arc::new(Budget::new(100));
        let mut whole = budget.share();
        whole.grow(80).unwrap();
        let complete = whole.complete(Vec::new()).unwrap();
        let mut new = budget.share();
        assert_eq!(new.grow(40), Err(Full));
        drop(new);
        assert_eq!(budget.held(), 80);
        drop(complete);
        // A body that is alone may be as large as it likes.
        let mut only = budget.share();
        only.grow(1000).unwrap();
        only.grow(1000).unwrap();
        assert_eq!(budget.held(), 2000);
        drop(only);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_result_counts_until_it_is_dropped_and_one_always_has_room() {
        let budget = Arc::new(Budget::new(100));
        let mut arriving = budget.share();
        arriving.grow(50).unwrap();
        let body = budget.complete(vec![0; 40]).unwrap();
        let first = budget.with_result(body.clone(), 1000).unwrap();
        assert_eq!(first, body);
        assert_eq!(budget.held(), 1090);
        assert!(!arriving.is_revoked(Waker::noop()));
        assert!(budget.hold(1).is_err(), "a second one has none");
        assert!(arriving.is_revoked(Waker::noop()), "though what is arriving gave way");
        drop((first, arriving));
        assert_eq!(budget.held(), 40);
        let (first, second) = (budget.hold(30).unwrap(), budget.hold(30).unwrap());
        assert!(budget.hold(1).is_err());
        drop(first);
        let third = budget.hold(1).unwrap();
        drop((second, third, body));
        assert_eq!((budget.held(), budget.ledger().results), (0, 0));
    }

    #[test]
    fn a_body_that_arrived_in_one_go_makes_what_is_arriving_give_way() {
        let budget = Arc::new(Budget::new(100));
        let mut arriving = budget.share();
        arriving.grow(90).unwrap();
        assert!(!arriving.is_revoked(Waker::noop()));
        let whole = budget.complete(vec![0; 60]).unwrap();
        assert!(arriving.is_revoked(Waker::noop()));
        assert_eq!((budget.held(), budget.complete(vec![0; 60])), (60, Err(Full)));
        budget.set_limit(200);
        assert!(budget.complete(vec![0; 60]).is_ok());
        drop((whole, arriving));
        assert_eq!(budget.held(), 0);
    }
}
