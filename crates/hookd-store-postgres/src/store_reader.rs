//! A store that is only read, from another process than the one that writes it, if there is one.

use std::sync::{Mutex, PoisonError};

use hookd_store::{
    Browse, ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Page, Query, Replica, Search, Settlement,
    SettlementKind, StoreError, StoredRequest, Timestamp, Waiting,
};
use tokio::runtime::Runtime;
use tokio_postgres::Client;

use crate::error::Failure;
use crate::pool::Pool;
use crate::session::Connector;
use crate::store::{Readers, start_runtime, wait_for};
use crate::{OpenError, Options, replica, schema};

/// A store that is only read. It takes no lock and no lease.
pub struct StoreReader {
    readers: Readers,
    runtime: Mutex<Option<Runtime>>,
}

/// What was found where a store is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// It can be opened.
    Free,
    /// It can be opened, and a hookd is at work on it.
    InUse,
}

/// How much is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Deliveries that are kept.
    pub deliveries: u64,
    /// Changes that are kept.
    pub changes: u64,
    /// Deliveries that wait for calls to a forge's API.
    pub pending: u64,
    /// Requests that are kept.
    pub requests: u64,
    /// What the tables and their indexes take on disk, in bytes.
    pub bytes: u64,
    /// When the oldest and the newest delivery that are kept were received.
    pub received: Option<(Timestamp, Timestamp)>,
}

impl StoreReader {
    /// Connects to a store of this build's version, whether a hookd is at work on it or not.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let runtime = start_runtime()?;
        let opened = wait_for(runtime.handle(), async move {
            let connector = Connector::new(options)?;
            let client = connector.connect().await.map_err(|failure| connector.unavailable(&failure))?;
            schema::check(&connector, &client).await?;
            let facts = schema::facts(&client).await.map_err(|failure| connector.unavailable(&failure))?;
            Ok((connector, facts))
        });
        match opened {
            Ok((connector, facts)) => {
                let readers = Readers::new(Pool::new(runtime.handle().clone(), connector), facts);
                Ok(Self { readers, runtime: Mutex::new(Some(runtime)) })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// How much is in the store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        self.readers.read(|client| async move { stats(&client).await })
    }
}

impl Preflight {
    /// Looks whether a store could be opened, without changing anything.
    ///
    /// # Errors
    /// What [`PostgresStore::open`](crate::PostgresStore::open) would fail on.
    pub fn look(options: Options) -> Result<Self, OpenError> {
        let runtime = start_runtime()?;
        let found = wait_for(runtime.handle(), async move {
            let connector = Connector::new(options)?;
            let client = connector.connect().await.map_err(|failure| connector.unavailable(&failure))?;
            match schema::check(&connector, &client).await {
                // They are made, or brought up to date, when the store is opened.
                Err(OpenError::Missing { .. } | OpenError::Older { .. }) => return Ok(Self::Free),
                checked => checked?,
            }
            let replicas = replica::all(&client, None).await.map_err(|failure| connector.unavailable(&failure))?;
            Ok(if replicas.iter().any(|replica| replica.is_alive) { Self::InUse } else { Self::Free })
        });
        runtime.shutdown_background();
        found
    }
}

async fn stats(client: &Client) -> Result<Stats, Failure> {
    let row = client
        .query_typed_one(
            "SELECT (SELECT count(*) FROM hookd.deliveries), (SELECT count(*) FROM hookd.changes), \
             (SELECT count(*) FROM hookd.pending), (SELECT count(*) FROM hookd.requests), \
             (SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::int8 FROM pg_class \
              JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'hookd' AND relkind = 'r'), \
             (SELECT received_at FROM hookd.deliveries ORDER BY deliveryid LIMIT 1), \
             (SELECT received_at FROM hookd.deliveries ORDER BY deliveryid DESC LIMIT 1)",
            &[],
        )
        .await?;
    let count = |column: usize| -> Result<u64, Failure> { Ok(row.try_get::<_, i64>(column)?.unsigned_abs()) };
    let oldest: Option<i64> = row.try_get(5)?;
    let newest: Option<i64> = row.try_get(6)?;
    Ok(Stats {
        deliveries: count(0)?,
        changes: count(1)?,
        pending: count(2)?,
        requests: count(3)?,
        bytes: count(4)?,
        received: oldest
            .zip(newest)
            .map(|(oldest, newest)| (Timestamp::from_micros(oldest), Timestamp::from_micros(newest))),
    })
}

impl Drop for StoreReader {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Browse for StoreReader {
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError> {
        self.readers.delivery(deliveryid)
    }

    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError> {
        self.readers.change(changeid)
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.readers.request(deliveryid)
    }

    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError> {
        self.readers.deliveries(query)
    }

    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError> {
        self.readers.changes(query)
    }

    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.readers.search(search, most)
    }

    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError> {
        self.readers.waiting(deliveryids)
    }

    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError> {
        self.readers.settlements_of(changeid)
    }

    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError> {
        self.readers.settlements(cursor, kind, after, most)
    }

    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError> {
        self.readers.settlement_count(cursor, kind)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn replicas(&self) -> Result<Vec<Replica>, StoreError> {
        self.readers.replicas()
    }
}
