//! The contract of hookd's store: a log of deliveries and of the changes that they produce.
//!
//! It knows no engine: a crate such as `hookd-store-sqlite` implements it and passes the suite in [`contract`]. There
//! are two traits, one for each kind of user:
//!
//! - [`Log`], for everything that moves changes through hookd: the front appends deliveries, the follow-ups complete
//!   those that were pending, retention deletes expired data, sinks read onward and move their cursors. Its
//!   documentation states the laws that all of them rely on.
//! - [`Browse`], for people: the pages, the REST API and the command line look up single records and run
//!   [queries](Query).
//!
//! A [`Store`] is a log that has such a reader. [`MemoryStore`] is a store for tests: it obeys all laws except durability, and can be made to
//! fail.
//!
//! Nothing in a store is a secret: of a request only the headers that its dialect names are kept.

#![forbid(unsafe_code)]

mod browse;
mod change;
pub mod contract;
pub mod copy;
mod cursor;
mod delivery;
pub mod engine;
mod error;
mod expiry;
mod identity;
mod lead;
mod log;
mod memory;
mod observer;
mod origin;
mod position;
mod query;
mod read_limits;
mod record;
mod reply;
mod request;
mod search;
mod settlement;
mod time;

use std::sync::Arc;

pub use browse::Browse;
pub use change::{ChangeRecord, LoggedChange, Shown, hookd_id, is_same_line};
pub use cursor::{
    Cursor, CursorMove, CursorPlace, KeptChanges, MAX_DONE_BEYOND, MAX_NAME_BYTES, MAX_STATE_BYTES, Moved,
};
pub use delivery::{Completion, Due, MAX_WAITING_TEXT_BYTES, NewDelivery, NewState, Receipt, State, shortened};
pub use error::StoreError;
pub use expiry::{Expired, Expiry};
pub use identity::{Identity, IdentityKey};
pub use lead::{Lead, Leadership, Part, Replica, leader};
pub use log::Log;
pub use memory::MemoryStore;
pub use observer::Observer;
pub use origin::{ApiCalls, MAX_PEER_BYTES, Origin, Replay};
pub use position::{MAX_POLLER_BYTES, MAX_POSITION_BYTES, MAX_POSITION_KEY_BYTES, PositionMove, Positions};
pub use query::{
    Cell, ChangeField, DeliveryField, Field, Filter, Kind, Operator, Order, Page, Query, Record, Selection, Value,
};
pub use read_limits::{ReadLimits, bounded, check_read_limits};
pub use record::{DeliveryRecord, POLL_EVENT};
pub use reply::{Replier, Reply, Spent};
pub use request::{RequestHead, StoredRequest};
pub use search::{MIN_BEGINNING_CHARS, Search, Waiting, fold, is_repository};
pub use settlement::{MAX_ANSWER_BYTES, Settlement, SettlementKind};
pub use time::Timestamp;

/// A log that people can look into.
pub trait Store: Log {
    /// What people look into it with.
    fn reader(&self) -> &dyn Browse;
}

/// A store that is shared by everything that uses it.
pub type SharedStore = Arc<dyn Store>;
