//! Watching a store at work.

use std::time::Duration;

/// Is called after each transaction, on the thread that writes: it must not block.
pub trait Observer: Send + Sync {
    /// This many writes were committed together, which took this long.
    fn committed(&self, writes: usize, took: Duration);

    /// This many writes failed together.
    fn failed(&self, writes: usize);
}

/// Observes nothing.
impl Observer for () {
    fn committed(&self, _: usize, _: Duration) {}

    fn failed(&self, _: usize) {}
}
