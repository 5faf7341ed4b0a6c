//! Limits on reading for people: a time, and a flag of whoever no longer waits for the answer.
//!
//! They belong to what a thread does at the moment, and not to one query: whatever is read within [`bounded`] obeys them,
//! however many reads that takes. Without it nothing is limited.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::StoreError;

thread_local! {
    static CURRENT: RefCell<Option<ReadLimits>> = const { RefCell::new(None) };
}

/// When reading is given up.
#[derive(Clone, Debug)]
pub struct ReadLimits {
    /// The latest moment.
    pub deadline: Instant,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

/// Reads within these limits, on this thread.
pub fn bounded<T>(limits: ReadLimits, read: impl FnOnce() -> T) -> T {
    /// Ends the limits also if reading panics.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|current| *current = None);
        }
    }
    CURRENT.with_borrow_mut(|current| *current = Some(limits));
    let _reset = Reset;
    read()
}

/// Checks the limits of this thread. Stores call it between records while they search.
///
/// # Errors
/// [`StoreError::TimedOut`] or [`StoreError::Cancelled`].
pub fn check_read_limits() -> Result<(), StoreError> {
    CURRENT.with_borrow(|current| match current {
        Some(limits) if limits.cancelled.load(Ordering::Relaxed) => Err(StoreError::Cancelled),
        Some(limits) if Instant::now() > limits.deadline => Err(StoreError::TimedOut),
        _ => Ok(()),
    })
}
