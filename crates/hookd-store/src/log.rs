//! The log: what is written, and read onward.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    Completion, Cursor, CursorMove, Due, Expired, Expiry, Leadership, LoggedChange, Moved, NewDelivery, Part,
    PositionMove, Positions, Receipt, Reply, StoreError,
};

/// A durable log of deliveries and of the changes that they produce.
///
/// Every store obeys these laws, and sinks and pages rely on them:
///
/// 1. **Numbers have no gaps and follow the order of commits.** Deliveries and changes are numbered
///    separately, each from 1. Once a number is visible to anyone, no smaller one appears later. No number is used
///    twice, not even after its delivery or change has expired.
/// 2. **`Ok` means committed to disk.** A delivery and its changes are one transaction, and so are a completion and its
///    changes. A write that failed left nothing behind. An acknowledged write is visible to every read that begins
///    afterwards.
/// 3. **A cursor is a named position** in the log, with a bounded set of numbers done beyond it. It moves by
///    compare-and-set of its version.
/// 4. **Expiry deletes no change that a cursor has not passed**: none at or beyond the [first number not
///    done](Cursor::first_not_done) of the least cursor. Only the oldest part of the log is deleted, so the rest has no
///    gaps.
/// 5. **The cost of reading onward** depends only on what is read, not on the length of the log.
/// 6. **The format on disk has a version of its own**, apart from the types of this crate and of the core.
///
/// The [contract suite](crate::contract) checks the first four for every store; an engine tests the last two itself.
///
/// The writing methods do not block: they queue in order, and their [`Reply`] is a future. The reading methods block on
/// the disk or the network: call them off the event loop.
pub trait Log: Send + Sync {
    /// Stores a delivery and its changes as one transaction, unless it is a duplicate.
    ///
    /// A delivery with `deduplicate`, and a forge id or a [replay](NewDelivery::replay), is a duplicate of an earlier one of the same
    /// [identity](crate::IdentityKey::identity), if the last such that was stored as accepted or pending has produced
    /// changes, or may still do so because it is pending. The reply is the receipt of that one, whatever the state of
    /// the new one is. What produced no change is no obstacle: the new one is stored. An earlier one counts as long as
    /// it is kept itself, whether its request is or not.
    ///
    /// The cost of finding that out does not depend on what was stored before.
    ///
    /// The [positions](NewDelivery::positions) of a poller move in the same transaction. A duplicate moves none.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] as [`NewDelivery::validate`]; [`StoreError::Moved`] if positions do not have the version that is
    /// expected, and nothing is stored.
    fn append(&self, delivery: NewDelivery) -> Reply<Receipt>;

    /// Completes a pending delivery: stores its final state and its changes as one transaction. `false` if it is not
    /// pending; nothing is stored then.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] as [`Completion::validate`].
    fn complete(&self, completion: Completion) -> Reply<bool>;

    /// Stores `attempts`, `next_at` and `error` of a pending delivery, so that a restart continues from there. The other fields
    /// are not written. Does nothing if the delivery is not pending.
    fn postpone(&self, due: Due) -> Reply<()>;

    /// Moves the positions of a poller that has found no changes, or [forgets](PositionMove::forgets) it; with changes they
    /// move in [`NewDelivery::positions`].
    ///
    /// # Errors
    /// [`StoreError::Moved`] if they do not have the expected version, [`StoreError::Invalid`] as
    /// [`PositionMove::validate`]; nothing moves then.
    fn move_positions(&self, positions: PositionMove) -> Reply<()>;

    /// The positions of a poller; `None` if it has never moved them, which is not the same as having none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn positions(&self, poller: &str) -> Result<Option<Positions>, StoreError>;

    /// The names of all pollers that have moved positions and were not forgotten, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pollers(&self) -> Result<Vec<String>, StoreError>;

    /// Deletes expired data, in one step that is small enough not to delay other writes. Call it until
    /// [`Expired::has_more`] is `false`.
    ///
    /// Deliveries and changes are deleted in the order of the log, up to the first that is too young, pending, or
    /// needed by a cursor. Requests are deleted in the same order up to the first that is too young, regardless of
    /// cursors; those of pending deliveries stay until the delivery is completed. A store may keep slightly more than
    /// it has to: everything that was committed together, and the newest commit.
    fn expire(&self, expiry: Expiry) -> Reply<Expired>;

    /// Moves cursors in the given order, as one transaction, and returns the result of each move. A conflict leaves
    /// that cursor as it is and does not stop the other moves.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if any of the moves is invalid (see [`CursorMove::decide`]); then no cursor moves.
    fn move_cursors(&self, moves: Vec<CursorMove>) -> Reply<Vec<Moved>>;

    /// All cursors, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn cursors(&self) -> Result<Vec<Cursor>, StoreError>;

    /// Asks to lead a part of the work. Where several hookds share the store, one of those that ask does.
    fn lead(&self, part: Part) -> Leadership {
        let _ = part;
        Leadership::unlimited()
    }

    /// Asks whoever leads a part to do it now, once it hears of that. Does nothing where this hookd is the only one.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn ask(&self, part: &Part) -> Result<(), StoreError> {
        let _ = part;
        Ok(())
    }

    /// All pending deliveries that this hookd is to complete, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending(&self) -> Result<Vec<Due>, StoreError>;

    /// Those with numbers above `after`, ascending; at most `most`. By law 1, none with a smaller number appears once one was
    /// seen, unless it was [handed over](Self::handovers).
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError>;

    /// A watch on how often pending deliveries came to this hookd that it has not appended itself: where several share the
    /// store, each pending delivery is one's to complete, and another's when that one has died. Those of one repository are
    /// the same one's, as long as the hookds are the same.
    fn handovers(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// How many deliveries are pending, whoever is to complete them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending_count(&self) -> Result<usize, StoreError>;

    /// The changes with numbers above `after`, ascending and without gaps. At most `most`; the store may return fewer,
    /// but at least one if there is one (and `most` is not zero). If the first number is not `after + 1`, those before
    /// it have expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn read_on(&self, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError>;

    /// The same, where the store has them in memory: this never waits for a disk or network. `None` where it has not.
    fn read_on_from_memory(&self, after: i64, most: usize) -> Option<Vec<Arc<LoggedChange>>> {
        let _ = (after, most);
        None
    }

    /// A watch on the number of the newest change, which wakes readers when there are more. Zero if there has never
    /// been one; expired changes count. [`read_on`](Self::read_on) finds every change up to the number seen here.
    fn tail(&self) -> watch::Receiver<i64>;

    /// How many writes wait to be stored.
    fn queued(&self) -> usize;

    /// How many bytes the store takes on disk.
    fn size(&self) -> u64;

    /// Commits a write without content, to find out whether a delivery could be stored now.
    ///
    /// # Errors
    /// Why not.
    fn probe(&self) -> Reply<()>;

    /// Waits until all that is queued is committed; later writes fail with [`StoreError::Closed`].
    fn close(&self);
}
