//! The connections of a listener: at most so many, and when another wants in, the one that has been idle the longest goes.
//!
//! Invariants: no more than the limit have a [`Place`]; a connection that is receiving, serving or answering a request
//! never loses its place. While nobody waits, a request costs two stores to memory of its own connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// In place of the time since when a connection is idle: it is not.
const BUSY: u64 = 0;

/// In place of that time: the connection has to close.
const EVICTED: u64 = u64::MAX;

/// All places of a listener.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    start: Instant,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    queue: Mutex<Queue>,
    /// Whether [`Queue::wanted`] is more than 0.
    is_wanted: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    /// The number of the next slot.
    next: u64,
    /// How many connections wait for a place.
    waiting: usize,
    /// For how many of these no other has been asked to go.
    wanted: usize,
}

#[derive(Debug)]
struct Slot {
    /// Since when the connection is idle, in microseconds after the start and one more, or [`BUSY`] or [`EVICTED`].
    idle: AtomicU64,
    waker: AtomicWaker,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    slot: Arc<Slot>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Places for so many connections.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        let count = count.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            free: Arc::new(Semaphore::new(count)),
            start: Instant::now(),
            slots: Mutex::default(),
            queue: Mutex::default(),
            is_wanted: AtomicBool::new(false),
        })
    }

    /// Waits for a place; if there is none, the connection that has been idle the longest is asked to go, or the next that
    /// becomes idle.
    pub(crate) async fn enter(self: &Arc<Self>) -> Place {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                let _waiting = Waiting::new(self);
                // It is never closed.
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
        };
        let slot = Arc::new(Slot { idle: AtomicU64::new(BUSY), waker: AtomicWaker::new() });
        let mut queue = lock(&self.queue);
        queue.next += 1;
        let number = queue.next;
        drop(queue);
        lock(&self.slots).insert(number, Arc::clone(&slot));
        Place { places: Arc::clone(self), number, slot, _permit: permit }
    }

    /// Tells as many idle connections to go as are wanted.
    fn evict(&self) {
        let mut queue = lock(&self.queue);
        let slots = lock(&self.slots);
        while queue.wanted > 0 {
            let idle = slots.values().map(|slot| (slot.idle.load(Ordering::SeqCst), slot));
            let longest = idle.filter(|(since, _)| !matches!(*since, BUSY | EVICTED)).min_by_key(|(since, _)| *since);
            let Some((since, slot)) = longest else { break };
            // If a request has arrived in the meantime, another one is the longest.
            if slot.idle.compare_exchange(since, EVICTED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                queue.wanted -= 1;
                slot.waker.wake();
            }
        }
        self.is_wanted.store(queue.wanted > 0, Ordering::SeqCst);
    }
}

/// A connection that waits for a place.
struct Waiting<'p>(&'p Places);

impl<'p> Waiting<'p> {
    fn new(places: &'p Places) -> Self {
        let mut queue = lock(&places.queue);
        queue.waiting += 1;
        queue.wanted += 1;
        places.is_wanted.store(true, Ordering::SeqCst);
        drop(queue);
        places.evict();
        Self(places)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.waiting -= 1;
        queue.wanted = queue.wanted.min(queue.waiting);
        self.0.is_wanted.store(queue.wanted > 0, Ordering::SeqCst);
    }
}

impl Place {
    /// The connection is idle from now on, and may have to go.
    pub(crate) fn set_idle(&self, now: Instant) {
        let since = now.saturating_duration_since(self.places.start).as_micros();
        let since = u64::try_from(since).unwrap_or(EVICTED - 2) + 1;
        let keep_evicted = |idle| (idle != EVICTED).then_some(since);
        // An error says that it has to go already.
        let _ = self.slot.idle.fetch_update(Ordering::SeqCst, Ordering::SeqCst, keep_evicted);
        if self.places.is_wanted.load(Ordering::SeqCst) {
            self.places.evict();
        }
    }

    /// The connection has something to do from now on; `false` if it has to go.
    #[must_use]
    pub(crate) fn set_busy(&self) -> bool {
        let keep_evicted = |idle| (idle != EVICTED).then_some(BUSY);
        self.slot.idle.fetch_update(Ordering::SeqCst, Ordering::SeqCst, keep_evicted).is_ok()
    }

    /// Whether the connection has to go. If not, the task is woken when it has to.
    pub(crate) fn is_evicted(&self, waker: &Waker) -> bool {
        self.slot.waker.register(waker);
        self.slot.idle.load(Ordering::SeqCst) == EVICTED
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.slots).remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll};

    use super::*;

    fn is_evicted(place: &Place) -> bool {
        place.is_evicted(Waker::noop())
    }

    #[tokio::test]
    async fn the_longest_idle_goes_when_another_wants_in() {
        let places = Places::new(3);
        let (busy, first, second) = (places.enter().await, places.enter().await, places.enter().await);
        let start = Instant::now();
        second.set_idle(start + std::time::Duration::from_millis(2));
        first.set_idle(start + std::time::Duration::from_millis(1));
        let mut newcomer = pin!(places.enter());
        let mut context = Context::from_waker(Waker::noop());
        assert!(newcomer.as_mut().poll(&mut context).is_pending());
        assert_eq!([&busy, &first, &second].map(is_evicted), [false, true, false]);
        assert!(!first.set_busy() && second.set_busy());
        drop(first);
        let Poll::Ready(newcomer) = newcomer.as_mut().poll(&mut context) else { panic!("there is a place") };
        // Nobody waits any more.
        busy.set_idle(start);
        newcomer.set_idle(start);
        assert_eq!([&busy, &newcomer].map(is_evicted), [false, false]);
    }

    #[tokio::test]
    async fn the_next_that_becomes_idle_goes_if_none_was() {
        let places = Places::new(1);
        let place = places.enter().await;
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut given_up = Box::pin(places.enter());
            assert!(given_up.as_mut().poll(&mut context).is_pending());
        }
        place.set_idle(Instant::now());
        assert!(!is_evicted(&place) && place.set_busy());
        let mut newcomer = pin!(places.enter());
        assert!(newcomer.as_mut().poll(&mut context).is_pending());
        assert!(!is_evicted(&place));
        place.set_idle(Instant::now());
        assert!(is_evicted(&place));
        drop(place);
        assert!(newcomer.as_mut().poll(&mut context).is_ready());
    }
}
