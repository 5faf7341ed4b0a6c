//! Who watches a store at work.

use std::time::Duration;

/// Is told of each transaction, on the thread of the writer: it must not block.
pub trait Observer: Send + Sync {
    /// So many writes were committed together, in this time.
    fn committed(&self, writes: usize, took: Duration);

    /// So many writes failed together.
    fn failed(&self, writes: usize);
}

/// Nobody watches.
impl Observer for () {
    fn committed(&self, _: usize, _: Duration) {}

    fn failed(&self, _: usize) {}
}
