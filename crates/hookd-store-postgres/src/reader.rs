//! Reading for people: single records, queries and searches; for the store, or for another process than one that writes.

mod queries;

use std::sync::Arc;

use hookd_store::{
    Browse, ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, LoggedChange, Page, Query, Replica, Search,
    Settlement, SettlementKind, StoreError, StoredRequest, Timestamp, Waiting,
};
use tokio_postgres::Client;

pub(crate) use self::queries::read_on;
use crate::error::Failure;
use crate::pool::Pool;
use crate::session::Connector;
use crate::threads::Threads;
use crate::{OpenError, Options, pending, replica, schema, settlements};

/// Reads a store. It takes no lock and no lease.
pub struct Reader {
    pool: Pool,
    instance: String,
    /// The hookd that this process is among those that share the log, if it is one.
    replica: Option<i64>,
    /// Those that the pool runs on, if they are its own.
    _threads: Option<Threads>,
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

impl Reader {
    /// Connects to a store of this build's version, whether a hookd is at work on it or not.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let threads = Threads::start()?;
        let (connector, facts) = threads.wait(async move {
            let connector = Connector::new(options)?;
            let client = connector.connect().await.map_err(|failure| connector.unavailable(&failure))?;
            schema::check(&connector, &client).await?;
            let facts = schema::facts(&client).await.map_err(|failure| connector.unavailable(&failure))?;
            Ok((connector, facts))
        })?;
        let pool = Pool::new(threads.handle().clone(), connector);
        Ok(Self { _threads: Some(threads), ..Self::new(pool, facts.instance, None) })
    }

    pub(crate) fn new(pool: Pool, instance: String, replica: Option<i64>) -> Self {
        Self { pool, instance, replica, _threads: None }
    }

    /// How much is in the store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        self.read(|client| async move { stats(&client).await })
    }

    /// The changes after this one, ascending.
    pub(crate) fn read_on(&self, after: i64, most: usize) -> Result<Vec<LoggedChange>, StoreError> {
        let (instance, most) = (self.instance.clone(), rows(most));
        self.read(move |client| {
            let instance = instance.clone();
            async move { queries::read_on(&client, &instance, after, most).await }
        })
    }

    /// Reads something else.
    pub(crate) fn read<T, F>(&self, read: impl Fn(Arc<Client>) -> F + Send + Sync + 'static) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.pool.read(read)
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// A number of rows for the database.
pub(crate) fn rows(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

impl Browse for Reader {
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError> {
        self.read(move |client| async move { queries::delivery(&client, deliveryid).await })
    }

    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError> {
        let instance = self.instance.clone();
        self.read(move |client| {
            let instance = instance.clone();
            async move { queries::change(&client, &instance, changeid).await }
        })
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.read(move |client| async move { queries::request(&client, deliveryid).await })
    }

    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError> {
        let query = query.clone();
        self.read(move |client| {
            let query = query.clone();
            async move { queries::deliveries(&client, &query).await }
        })
    }

    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError> {
        let (query, instance) = (query.clone(), self.instance.clone());
        self.read(move |client| {
            let (query, instance) = (query.clone(), instance.clone());
            async move { queries::changes(&client, &instance, &query).await }
        })
    }

    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        let (search, instance) = (search.clone(), self.instance.clone());
        self.read(move |client| {
            let (search, instance) = (search.clone(), instance.clone());
            async move { queries::search(&client, &instance, &search, most).await }
        })
    }

    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError> {
        let deliveryids = deliveryids.to_vec();
        self.read(move |client| {
            let deliveryids = deliveryids.clone();
            async move { pending::among(&client, &deliveryids).await }
        })
    }

    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError> {
        self.read(move |client| async move { settlements::of_change(&client, changeid).await })
    }

    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError> {
        let (cursor, most) = (cursor.to_owned(), rows(most));
        self.read(move |client| {
            let cursor = cursor.clone();
            async move { settlements::of_kind(&client, &cursor, kind, after, most).await }
        })
    }

    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError> {
        let cursor = cursor.to_owned();
        self.read(move |client| {
            let cursor = cursor.clone();
            async move { settlements::count(&client, &cursor, kind).await }
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn replicas(&self) -> Result<Vec<Replica>, StoreError> {
        let this = self.replica;
        self.read(move |client| async move { replica::all(&client, this).await })
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
