//! A store that is read out, in one transaction.

use std::collections::HashMap;
use std::time::Duration;

use hookd_store::copy::{CopiedDelivery, Export, Facts};
use hookd_store::{
    Cursor, Due, Identity, LoggedChange, Positions, Settlement, State, StoreError, StoredRequest, Waiting,
};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::{Connected, lock_alone};
use crate::error::Failure;
use crate::schema::{self, Facts as Identified};
use crate::session::Connector;
use crate::{OpenError, Options, cursors, deliveries, head, pending, positions, reader, requests, settlements};

/// How many deliveries are read at once, at most.
const PAGE_DELIVERIES: i64 = 500;

/// How many bytes their requests have at most, but for the last of them.
const PAGE_BYTES: i64 = 4 << 20;

/// How many changes are read at once.
const PAGE_CHANGES: i64 = 200;

/// How many settlements, or pending deliveries, are read at once.
const PAGE: i64 = 1000;

/// How long the end of the transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A store in PostgreSQL that is read out, as of one moment.
pub struct PostgresExport {
    connected: Connected,
    facts: Identified,
}

impl PostgresExport {
    /// Connects to a store of this build's version, and keeps everybody from writing to it, for as long as this is open: no
    /// hookd may be at work on it.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let connected = Connected::new(options)?;
        let (connector, client) = (&connected.connector, &*connected.client);
        let facts = connected.wait(async {
            schema::check(connector, client).await?;
            lock(connector, client).await?;
            schema::facts(client).await.map_err(|failure| connector.unavailable(&failure))
        });
        let facts = facts?;
        Ok(Self { connected, facts })
    }

    /// The same beside a hookd that may be at work.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn beside(options: Options) -> Result<Self, OpenError> {
        let connected = Connected::new(options)?;
        connected.wait(schema::check(&connected.connector, &connected.client))?;
        Self::snapshot(connected)
    }

    /// That of an unfinished copy.
    pub(super) fn unfinished(connector: Connector) -> Result<Self, OpenError> {
        Self::snapshot(Connected::with(connector)?)
    }

    fn snapshot(connected: Connected) -> Result<Self, OpenError> {
        let (connector, client) = (&connected.connector, &*connected.client);
        let facts = connected.wait(async {
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            schema::facts(client).await
        });
        let facts = facts.map_err(|failure: Failure| connector.unavailable(&failure))?;
        Ok(Self { connected, facts })
    }
}

impl Drop for PostgresExport {
    /// Ends the transaction, which the server would complain about otherwise.
    fn drop(&mut self) {
        if Handle::try_current().is_err() {
            let client = &*self.connected.client;
            let _ = self.connected.wait(async { timeout(PATIENCE, head::roll_back(client)).await });
        }
    }
}

/// Locks the head once no hookd is at work, and keeps it locked: nobody writes without it.
async fn lock(connector: &Connector, client: &Client) -> Result<(), OpenError> {
    let unavailable = |failure: Failure| connector.unavailable(&failure);
    match lock_alone(client, connector.options().lease).await.map_err(unavailable)? {
        // It is held for long, and mostly in silence.
        Ok(_) => {
            let forever = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0";
            client.batch_execute(forever).await.map_err(|error| unavailable(error.into()))
        }
        Err(holder) => Err(OpenError::InUse { place: connector.options().place(), holder }),
    }
}

async fn read_facts(client: &Client, identified: Identified) -> Result<Facts, Failure> {
    let row = client
        .query_typed_one(
            "SELECT next_deliveryid, next_changeid, cursor_version, requests_expired_to, \
             (SELECT deliveryid FROM hookd.deliveries ORDER BY deliveryid LIMIT 1), \
             (SELECT changeid FROM hookd.changes ORDER BY changeid LIMIT 1) FROM hookd.head",
            &[],
        )
        .await?;
    let (next_deliveryid, next_changeid) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Facts {
        instance: identified.instance,
        identity_key: identified.identity_key,
        first_deliveryid: row.try_get::<_, Option<i64>>(4)?.unwrap_or(next_deliveryid),
        next_deliveryid,
        first_changeid: row.try_get::<_, Option<i64>>(5)?.unwrap_or(next_changeid),
        next_changeid,
        cursor_version: row.try_get::<_, i64>(2)?.cast_unsigned(),
        requests_expired_to: row.try_get(3)?,
    })
}

async fn deliveries_after(client: &Client, after: i64) -> Result<Vec<CopiedDelivery>, Failure> {
    let sql = format!(
        "SELECT {}, was_pending, reported_changes, identity, length FROM hookd.deliveries \
         LEFT JOIN hookd.requests USING (deliveryid) WHERE deliveryid > $1 ORDER BY deliveryid LIMIT $2",
        deliveries::COLUMNS
    );
    let rows = client.query_typed(&sql, &[(&after, Type::INT8), (&PAGE_DELIVERIES, Type::INT8)]).await?;
    let (mut read, mut bytes) = (Vec::new(), 0);
    for row in &rows {
        if bytes >= PAGE_BYTES {
            break;
        }
        bytes += row.try_get::<_, Option<i64>>(deliveries::COUNT + 3)?.unwrap_or(0);
        read.push(delivery(row)?);
    }
    let last = read.last().map_or(after, |delivery| delivery.record.deliveryid);
    let mut requests = requests_between(client, after, last).await?;
    let waits = |delivery: &&CopiedDelivery| delivery.record.state == State::Pending;
    let waiting: Vec<i64> = read.iter().filter(waits).map(|delivery| delivery.record.deliveryid).collect();
    let waiting = if waiting.is_empty() { Vec::new() } else { pending::among(client, &waiting).await? };
    let mut waiting: HashMap<i64, Waiting> =
        waiting.into_iter().map(|waiting| (waiting.due.deliveryid, waiting)).collect();
    for delivery in &mut read {
        delivery.request = requests.remove(&delivery.record.deliveryid);
        delivery.waiting = waiting.remove(&delivery.record.deliveryid);
    }
    Ok(read)
}

/// A delivery without its request and its next attempt.
fn delivery(row: &Row) -> Result<CopiedDelivery, Failure> {
    let reported: i64 = row.try_get(deliveries::COUNT + 1)?;
    let identity: Option<Vec<u8>> = row.try_get(deliveries::COUNT + 2)?;
    let identity = identity.map(TryInto::try_into).transpose();
    let identity = identity.map_err(|_| Failure::Damaged("an identity has a wrong length".to_owned()))?;
    Ok(CopiedDelivery {
        record: deliveries::record(row)?,
        was_pending: row.try_get(deliveries::COUNT)?,
        reported_changes: usize::try_from(reported).unwrap_or(0),
        identity: identity.map(|identity| Identity::from_u128(u128::from_le_bytes(identity))),
        request: None,
        waiting: None,
    })
}

async fn requests_between(client: &Client, after: i64, last: i64) -> Result<HashMap<i64, StoredRequest>, Failure> {
    let rows = client
        .query_typed(
            "SELECT length, data, deliveryid FROM hookd.requests WHERE deliveryid > $1 AND deliveryid <= $2",
            &[(&after, Type::INT8), (&last, Type::INT8)],
        )
        .await?;
    let read = |row: &Row| {
        let deliveryid: i64 = row.try_get(2)?;
        let request = requests::unpack(row).map_err(|failure| match failure {
            Failure::Damaged(why) => Failure::Damaged(format!("delivery {deliveryid}: {why}")),
            other => other,
        })?;
        Ok((deliveryid, request))
    };
    rows.iter().map(read).collect()
}

impl Export for PostgresExport {
    fn facts(&mut self) -> Result<Facts, StoreError> {
        Ok(self.connected.wait(read_facts(&self.connected.client, self.facts.clone()))?)
    }

    fn deliveries_after(&mut self, after: i64) -> Result<Vec<CopiedDelivery>, StoreError> {
        Ok(self.connected.wait(deliveries_after(&self.connected.client, after))?)
    }

    fn changes_after(&mut self, after: i64) -> Result<Vec<LoggedChange>, StoreError> {
        let read = reader::read_on(&self.connected.client, &self.facts.instance, after, PAGE_CHANGES);
        Ok(self.connected.wait(read)?)
    }

    fn pending_after(&mut self, after: i64) -> Result<Vec<Due>, StoreError> {
        Ok(self.connected.wait(pending::all_after(&self.connected.client, after, PAGE))?)
    }

    fn cursors(&mut self) -> Result<Vec<Cursor>, StoreError> {
        Ok(self.connected.wait(cursors::all(&self.connected.client))?)
    }

    fn settlements_after(&mut self, cursor: &str, after: i64) -> Result<Vec<Settlement>, StoreError> {
        Ok(self.connected.wait(settlements::all_after(&self.connected.client, cursor, after, PAGE))?)
    }

    fn pollers(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(self.connected.wait(positions::pollers(&self.connected.client))?)
    }

    fn positions(&mut self, poller: &str) -> Result<Option<Positions>, StoreError> {
        Ok(self.connected.wait(positions::get(&self.connected.client, poller))?)
    }
}
