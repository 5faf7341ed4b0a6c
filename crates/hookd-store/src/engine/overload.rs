//! More webhooks than can be stored: one log line when that begins, and one when it is over.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many writes were refused since the queue was empty.
#[derive(Default)]
pub struct Overload(AtomicU64);

impl Overload {
    /// A write was refused, since the queue was full.
    pub fn refused(&self, queue: usize) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(queue, "overloaded: more comes than can be stored, the rest is answered with 503");
        }
    }

    /// The queue is empty.
    pub fn drained(&self) {
        if self.0.load(Ordering::Relaxed) > 0 {
            tracing::info!(refused = self.0.swap(0, Ordering::Relaxed), "no longer overloaded");
        }
    }
}
