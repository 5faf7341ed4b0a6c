//! What the writer is asked to do, and the numbers that it gives.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::log::{self, Part};
use crate::{Completion, Due, Expiry, NewDelivery, Receipt, StoreError};

pub(super) type Sender<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write and where its answer goes.
pub(super) enum Job {
    Submit(Box<NewDelivery>, Sender<Receipt>),
    Complete(Box<Completion>, Sender<bool>),
    Postpone(Due, Sender<()>),
    Expire(Expiry, Sender<u64>),
    Probe(Sender<()>),
}

/// The next number of each kind. They are counted here: the writer is the only one, and holds the store's lock.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) deliveryid: i64,
    pub(super) changeid: i64,
    pub(super) blockid: i64,
}

impl Next {
    /// Those of a store.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let last = log::ends(connection)?.map(|(_, last)| last);
        Ok(Self {
            deliveryid: last.map_or(1, |last| last.next(Part::Deliveries)),
            changeid: last.map_or(1, |last| last.next(Part::Changes)),
            blockid: last.map_or(1, |last| last.blockid + 1),
        })
    }
}
