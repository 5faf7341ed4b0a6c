//! Reading for people: the pages, the REST API, the command line.

use crate::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Page, Query, Settlement, SettlementKind, StoreError,
    StoredRequest,
};

/// A store that people can look into.
///
/// All of it blocks on the disk or the network: call it off the event loop. What was acknowledged is seen by every read
/// that begins afterwards. All errors mean that the store cannot be read.
#[expect(clippy::missing_errors_doc, reason = "said once, for all of them")]
pub trait Browse: Send + Sync {
    /// One delivery; `None` where there is none of this number, or not any more.
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError>;

    /// One change; `None` where there is none of this number, or not any more.
    ///
    /// With its parent, if that is found by looking back a bounded way, which every store chooses; a page can do without,
    /// and an index for it would cost more than that of everything else.
    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError>;

    /// The request of a delivery; `None` where there was none, or it is no longer kept.
    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError>;

    /// The deliveries that match, with how many match in all, as of one moment.
    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError>;

    /// The changes that match, with how many match in all, as of one moment. They come without their parents.
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
}
