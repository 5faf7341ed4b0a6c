//! The store of hookd: a log of deliveries and of the changes that came of them.
//!
//! What holds here: a [`Reply`] that is `Ok` means committed to disk; a delivery and its changes are one transaction;
//! ids only grow; nothing in the store is a secret. Writes are answered in their order; reads never wait for them.

#![forbid(unsafe_code)]

mod block;
mod delivery;
mod error;
mod fault;
mod fields;
mod filter;
mod keys;
mod observer;
mod query;
mod record;
mod reply;
mod select;
mod sqlite;

use std::sync::Arc;

pub use delivery::{Completion, Due, Expiry, NewDelivery, NewState, Receipt, RequestHead, State, StoredRequest};
pub use error::{OpenError, StoreError};
pub use fault::Fault;
pub use fields::{CHANGE_FIELDS, DELIVERY_FIELDS};
pub use observer::Observer;
pub use query::{Field, Filter, Kind, Operator, Order, Page, Query, Value};
pub use record::{ChangeRecord, DeliveryRecord};
pub use reply::Reply;
pub use sqlite::{SqliteStore, care};

/// A durable log of deliveries and changes.
///
/// The writing methods do not block: they queue, and their [`Reply`] is a future. The reading methods block on disk;
/// call them off the event loop.
pub trait Store: Send + Sync {
    /// Stores a delivery and its changes as one transaction, or finds that it was stored before.
    ///
    /// A delivery with a `forge_id` and `deduplicate` is the same as an earlier one when dialect, forge id and body are
    /// the same and the earlier one's payload is still kept; then its receipt is given again.
    fn submit(&self, delivery: NewDelivery) -> Reply<Receipt>;

    /// Ends a pending delivery: its state and its changes, as one transaction. `false` where it was not pending.
    fn complete(&self, completion: Completion) -> Reply<bool>;

    /// Writes down that a pending delivery was tried in vain, so that a restart goes on from there.
    fn postpone(&self, due: Due) -> Reply<()>;

    /// Lets go of what is no longer kept, one small step of it; gives how many rows went, zero when nothing is left.
    fn expire(&self, expiry: Expiry) -> Reply<u64>;

    /// All pending deliveries, the longest waiting first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn pending(&self) -> Result<Vec<Due>, StoreError>;

    /// The request of a delivery, as far as it was kept; `None` where there is none, or not any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError>;

    /// The changes that match, with how many match in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn changes(&self, query: &Query) -> Result<Page<ChangeRecord>, StoreError>;

    /// The deliveries that match, with how many match in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn deliveries(&self, query: &Query) -> Result<Page<DeliveryRecord>, StoreError>;

    /// How many writes wait to be stored.
    fn queued(&self) -> usize;

    /// How many bytes the store takes on disk.
    fn size(&self) -> u64;

    /// Whether a transaction could be committed now.
    ///
    /// # Errors
    /// Why not.
    fn probe(&self) -> Reply<()>;

    /// Waits until all that is queued is committed, and takes no more.
    fn close(&self);
}

/// A store that is shared by all who use it.
pub type SharedStore = Arc<dyn Store>;
