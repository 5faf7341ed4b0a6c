//! A store that is only read, from another process than the one that writes it, if there is one.

use std::path::Path;
use std::sync::{Arc, RwLock};

use hookd_store::{
    Browse, ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Page, Query, Settlement, SettlementKind,
    StoreError, StoredRequest,
};

use crate::index::{RecentKeys, recent};
use crate::reader::Readers;
use crate::{OpenError, maintenance, schema};

/// A store that is only read.
///
/// What is stored after it was opened is seen as well, but by its number only: filters of a revision or of a forge's id find
/// what was there when it was opened.
pub struct StoreReader(Readers);

impl StoreReader {
    /// Opens a store of this build's version, whether a hookd is at work on it or not, without its lock.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = maintenance::open(path)?;
        let instance = schema::instance(&connection).map_err(|source| OpenError::sqlite(path, source))?;
        let recent_keys = Arc::new(RecentKeys::default());
        recent::read(&connection, &recent_keys)
            .map_err(|failure| OpenError::Broken { path: path.to_owned(), source: failure.into() })?;
        Ok(Self(Readers::new(path.to_owned(), instance, recent_keys, Arc::<RwLock<()>>::default())))
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
