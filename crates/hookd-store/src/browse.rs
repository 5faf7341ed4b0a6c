//! Reading for people: the pages, the REST API, the command line.

use crate::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Page, Query, Replica, Search, Settlement, SettlementKind,
    StoreError, StoredRequest, Waiting,
};

/// Looks into a store, for people: [`Store::reader`](crate::Store::reader), or what an engine opens to read only.
///
/// All methods block on the disk or the network: call them off the event loop. An acknowledged write is visible to
/// every read that begins afterwards. All errors mean that the store cannot be read, or that the reader's
/// [limits](crate::ReadLimits) are used up; lists check those between records.
#[expect(clippy::missing_errors_doc, reason = "said once, for all of them")]
pub trait Browse: Send + Sync {
    /// The delivery with this number; `None` if there is none, or no longer.
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError>;

    /// The change with this number; `None` if there is none, or no longer.
    ///
    /// It comes with its parent if that is not too far back. Each store sets the bound: an index of parents would cost
    /// more than all the others together, and a page can do without.
    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError>;

    /// The request of a delivery; `None` if there was none, or it is no longer kept.
    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError>;

    /// The deliveries that match, with how many match in all. A search that takes long may read each part of the log as of
    /// another moment, so that it holds up no checkpoint.
    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError>;

    /// The newest deliveries that match, newest first, at most `most`.
    ///
    /// A store finds them without reading all that it has; how long that takes depends on how much there is to be found
    /// more than on how much there is.
    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// Those of these deliveries that are pending, in the order of their numbers.
    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError>;

    /// The changes that match, as [`deliveries`](Self::deliveries) does it. They come without their parents.
    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError>;

    /// How a change ended at each reader of the log that has settled it, by the name of the reader's cursor.
    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError>;

    /// The settlements of one kind at one reader, of changes with numbers above `after`, ascending; at most `most`.
    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError>;

    /// How many changes ended so at one reader; of those that are kept.
    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError>;

    /// Whether several hookds may share the store.
    fn is_shared(&self) -> bool {
        false
    }

    /// The hookds that share the store, in the order of their start; empty where only one can open it.
    fn replicas(&self) -> Result<Vec<Replica>, StoreError> {
        Ok(Vec::new())
    }
}
