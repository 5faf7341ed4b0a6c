//! A store that is only read, from another process than the one that writes it, if there is one.

use std::path::Path;
use std::sync::{Arc, RwLock};

use hookd_store::{
    Browse, ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Page, Query, Search, Settlement, SettlementKind,
    StoreError, StoredRequest, Waiting,
};

use crate::error::Failure;
use crate::fresh::Fresh;
use crate::index::{RecentKeys, recent};
use crate::packer::Numbers;
use crate::reader::{Indexes, Readers};
use crate::texts::OpenSegment;
use crate::{OpenError, maintenance, schema};

/// A store that is only read.
///
/// What is stored after it was opened is seen as well, but by its number only: searches, and filters of texts, find what was
/// there when it was opened.
pub struct StoreReader(Readers);

impl StoreReader {
    /// Opens a store of this build's version, whether a hookd is at work on it or not, without its lock.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = maintenance::open(path)?;
        let sqlite = |source| OpenError::sqlite(path, source);
        let broken = |failure: Failure| OpenError::Broken { path: path.to_owned(), source: failure.into() };
        let instance = schema::instance(&connection).map_err(sqlite)?;
        let next = Numbers::read(&connection).map_err(sqlite)?;
        let open_segment = Arc::new(OpenSegment::read(&connection, next).map_err(broken)?);
        let recent_keys = Arc::new(RecentKeys::default());
        recent::read(&connection, &recent_keys).map_err(broken)?;
        let fresh = Arc::new(Fresh::new(instance.clone()));
        let indexes = Indexes { recent_keys, open_segment, fresh };
        Ok(Self(Readers::new(path.to_owned(), instance, indexes, Arc::<RwLock<()>>::default())))
    }
}

impl Browse for StoreReader {
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError> {
        self.0.delivery(deliveryid)
    }

    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError> {
        self.0.change(changeid)
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.0.request(deliveryid)
    }

    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError> {
        self.0.deliveries(query)
    }

    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.0.search(search, most)
    }

    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError> {
        self.0.waiting(deliveryids)
    }

    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError> {
        self.0.changes(query)
    }

    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError> {
        self.0.settlements_of(changeid)
    }

    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError> {
        self.0.settlements(cursor, kind, after, most)
    }

    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError> {
        self.0.settlement_count(cursor, kind)
    }
}
