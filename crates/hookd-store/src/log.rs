//! The log: what is written, and read onward.

use tokio::sync::watch;

use crate::{
    Completion, Cursor, CursorMove, Due, Expired, Expiry, LoggedChange, Moved, NewDelivery, Receipt, Reply, StoreError,
};

/// A durable log of deliveries and of the changes that they produce.
///
/// Every store keeps these laws, and whoever reads the log relies on them:
///
/// 1. **Numbers have no gaps and follow the order of commits.** Deliveries and changes are numbered from 1 on, each for
///    itself. Once a number is visible to anyone, no smaller one appears later; and no number is given twice, also not
///    after what had it has expired.
/// 2. **`Ok` means committed to disk.** A delivery and its changes are one transaction, and so are a completion and its
///    changes. What has failed is not there at all. What was acknowledged is seen by every read that begins afterwards.
/// 3. **A cursor is a named position** in the log, with a bounded set of numbers done beyond it. It moves by
///    compare-and-set of its version.
/// 4. **Expiry deletes no change that a cursor still has to pass**: none at or beyond the
///    [first number not done](Cursor::first_not_done) of the least cursor, unless the operator limits how long a reader may
///    lag ([`Expiry::lagging_before`]). Only the oldest part of the log is deleted, so that what is left has no gaps.
/// 5. **Reading onward costs what it reads**, and nothing else: not the length of the log, nor what comes before.
/// 6. **The format on disk has a version of its own**, apart from the types of this crate and of the core.
///
/// The first four are held against every store by the [contract suite](crate::contract); the last two are the engine's
/// own to test.
///
/// The writing methods do not block: they queue in order, and their [`Reply`] is a future. A write that fails says
/// nothing about the others. The reading methods block on the disk or the network: call them off the event loop.
pub trait Log: Send + Sync {
    /// Stores a delivery and its changes as one transaction, or finds that it was stored before.
    ///
    /// A delivery that has a forge id and is to be deduplicated is a duplicate of an earlier one, of which every byte is
    /// the same: dialect, forge id and body; where neither came with a request, dialect and forge id. The earlier one's
    /// request has to be kept still, and the earlier one must not have been refused when it was received, nor this one
    /// now. Then nothing is stored, and the reply is the receipt of the earlier one.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] as [`NewDelivery::validate`].
    fn append(&self, delivery: NewDelivery) -> Reply<Receipt>;

    /// Ends a pending delivery: its state and its changes, as one transaction. `false`, and nothing changed, where it is
    /// not pending.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] as [`Completion::validate`].
    fn complete(&self, completion: Completion) -> Reply<bool>;

    /// Notes how many attempts a pending delivery has had, and when the next one is, so that a restart continues from
    /// there. Its other fields are not written. Does nothing where the delivery is not pending.
    fn postpone(&self, due: Due) -> Reply<()>;

    /// Deletes what is no longer kept, in one small step that holds up no other write for long. Call it until
    /// [`Expired::has_more`] is `false`.
    ///
    /// In the order of the log, up to the first delivery that is too young or pending, deliveries and changes are deleted
    /// as `changes_before` and the cursors allow. Requests are deleted in the same order, whatever the cursors; those of
    /// pending deliveries stay until they are completed. A store may keep a little more than it has to: what was committed
    /// together, and the newest of all.
    fn expire(&self, expiry: Expiry) -> Reply<Expired>;

    /// Moves cursors, in their order and as one transaction; says of each what came of it. A conflict leaves that cursor
    /// alone and does not keep the others from moving.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where a move is invalid ([`CursorMove::decide`]); then none of them takes place.
    fn move_cursors(&self, moves: Vec<CursorMove>) -> Reply<Vec<Moved>>;

    /// All cursors, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn cursors(&self) -> Result<Vec<Cursor>, StoreError>;

    /// All pending deliveries, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending(&self) -> Result<Vec<Due>, StoreError>;

    /// The changes with numbers above `after`, ascending and without gaps: at most `most`, and fewer where it suits the
    /// store, but at least one where there is one and `most` is not zero. Where the first number is not `after + 1`, those
    /// before it have expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn read_on(&self, after: i64, most: usize) -> Result<Vec<LoggedChange>, StoreError>;

    /// The number of the newest change, kept up to date: it wakes readers when there is more. Zero where there was never
    /// one; what has expired counts. [`read_on`](Self::read_on) finds every change up to the number seen here.
    fn tail(&self) -> watch::Receiver<i64>;

    /// How many writes wait to be stored.
    fn queued(&self) -> usize;

    /// How many bytes the store takes on disk.
    fn size(&self) -> u64;

    /// Commits something that nobody reads, to find out whether a delivery could be stored now.
    ///
    /// # Errors
    /// Why not.
    fn probe(&self) -> Reply<()>;

    /// Waits until all that is queued is committed; later writes fail with [`StoreError::Closed`].
    fn close(&self);
}
