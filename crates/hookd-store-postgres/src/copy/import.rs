//! A store that is filled, a transaction for each piece.

use hookd_core::Change;
use hookd_store::copy::{CopiedDelivery, Entry, Export, Facts, Found, Import, Mark, Piece};
use hookd_store::{ApiCalls, DeliveryRecord, Due, LoggedChange, NewDelivery, StoreError, Waiting, fold};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Connected, PostgresExport, lock_alone};
use crate::deliveries::{self, state_code};
use crate::error::Failure;
use crate::head::{self, Head};
use crate::requests::{self, Packed};
use crate::text::{stored, stored_option};
use crate::{OpenError, Options, changes, cursors, positions, schema, settlements};

/// Begins the transaction of a piece. One that is acknowledged is on disk.
const BEGIN: &str = "BEGIN; \
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// A store in PostgreSQL that is filled.
pub struct PostgresImport {
    connected: Connected,
}

impl PostgresImport {
    /// Connects, and makes the tables where there are none or brings them up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let connected = Connected::new(options)?;
        connected.wait(schema::prepare(&connected.connector, &connected.client))?;
        Ok(Self { connected })
    }
}

/// Runs a transaction in which the mark becomes another.
async fn transaction(
    client: &Client,
    before: &Mark,
    after: &Mark,
    write: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    client.batch_execute(BEGIN).await?;
    let written = async {
        schema::move_mark(client, &before.to_text(), &after.to_text()).await?;
        write.await
    };
    match written.await {
        Ok(()) => Ok(client.batch_execute("COMMIT").await?),
        Err(failure) => {
            // The first failure says more than one of this.
            let _ = head::roll_back(client).await;
            Err(failure)
        }
    }
}

async fn find(client: &Client) -> Result<Found, Failure> {
    if let Some(mark) = schema::mark(client).await? {
        return Mark::from_text(&mark).map(Found::Unfinished).map_err(Failure::Store);
    }
    let head = head::look(client).await?;
    if is_empty(client, &head).await? {
        return Ok(Found::Empty);
    }
    Ok(Found::Store { instance: schema::facts(client).await?.instance })
}

async fn is_empty(client: &Client, head: &Head) -> Result<bool, Failure> {
    let pollers = positions::pollers(client).await?;
    Ok((head.next_deliveryid, head.next_changeid, head.cursor_version) == (1, 1, 0) && pollers.is_empty())
}

/// Makes an empty store one of these facts, and commits. The head is locked, and no hookd at work.
async fn begin(client: &Client, head: &Head, facts: &Facts, mark: &Mark) -> Result<(), Failure> {
    if schema::mark(client).await?.is_some() || !is_empty(client, head).await? {
        return Err(Failure::Damaged("it is no longer empty".to_owned()));
    }
    client
        .execute_typed(
            "UPDATE hookd.store SET instance = $1, identity_key = $2",
            &[(&facts.instance, Type::TEXT), (&facts.identity_key.as_bytes().as_slice(), Type::BYTEA)],
        )
        .await?;
    schema::set_mark(client, &mark.to_text()).await?;
    client
        .execute_typed(
            "UPDATE hookd.head SET next_deliveryid = $1, next_changeid = $2, cursor_version = $3, \
             requests_expired_to = $4",
            &[
                (&facts.next_deliveryid, Type::INT8),
                (&facts.next_changeid, Type::INT8),
                (&facts.cursor_version.cast_signed(), Type::INT8),
                (&facts.requests_expired_to, Type::INT8),
            ],
        )
        .await?;
    Ok(client.batch_execute("COMMIT").await?)
}

async fn write_log(client: &Client, entries: &[Entry]) -> Result<(), Failure> {
    let deliveries = entries.iter().filter_map(|entry| match entry {
        Entry::Delivery(delivery, changes) => Some((&**delivery, changes.as_slice())),
        Entry::Changes(_) => None,
    });
    let received: Vec<(&CopiedDelivery, NewDelivery)> =
        deliveries.map(|(delivery, changes)| (delivery, delivery.as_received(plain(changes)))).collect();
    let rows: Vec<_> = received.iter().map(|(delivery, received)| row(delivery, received)).collect();
    deliveries::insert(client, &rows).await?;
    let request = |(delivery, _): &(&CopiedDelivery, NewDelivery)| {
        let request = delivery.request.as_ref()?;
        Some(requests::pack(request).map(|packed| (delivery.record.deliveryid, packed)))
    };
    let packed = received.iter().filter_map(request).collect::<Result<Vec<(i64, Packed)>, _>>()?;
    requests::insert(client, &packed).await?;
    let all = entries.iter().flat_map(|entry| match entry {
        Entry::Delivery(_, changes) | Entry::Changes(changes) => changes,
    });
    let rows: Vec<_> = all
        .map(|one| changes::NewRow {
            changeid: one.changeid,
            deliveryid: one.deliveryid,
            received_at: one.received_at,
            dialect: &one.dialect,
            change: &one.change,
        })
        .collect();
    changes::insert(client, &rows).await?;
    let records = received.iter().map(|(delivery, _)| delivery);
    let completed: Vec<&DeliveryRecord> =
        records.clone().filter(|delivery| delivery.is_completed()).map(|delivery| &delivery.record).collect();
    complete(client, &completed).await?;
    for waiting in records.filter_map(|delivery| delivery.waiting.as_ref()) {
        insert_waiting(client, waiting).await?;
    }
    add_words(client, entries).await
}

fn row<'r>(delivery: &CopiedDelivery, received: &'r NewDelivery) -> deliveries::NewRow<'r> {
    let DeliveryRecord { deliveryid, changeids, size, .. } = &delivery.record;
    deliveries::NewRow {
        deliveryid: *deliveryid,
        delivery: received,
        identity: delivery.identity,
        first_changeid: changeids.first().copied().filter(|_| !delivery.was_pending),
        size: usize::try_from(*size).unwrap_or(usize::MAX),
    }
}

/// Stores how pending deliveries have ended. Their changes may still be to come.
async fn complete(client: &Client, completed: &[&DeliveryRecord]) -> Result<(), Failure> {
    if completed.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            completed.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let calls: Vec<ApiCalls> = column!(|record| record.api_calls.clone().unwrap_or_default());
    let deliveryid = column!(|record| record.deliveryid);
    let states = column!(|record| state_code(record.state));
    let reason = column!(|record| stored_option(record.reason.as_deref()));
    let first_changeid = column!(|record| record.changeids.first().copied());
    let count = column!(|record| i64::try_from(record.changeids.len()).unwrap_or(i64::MAX));
    let made: Vec<i64> = calls.iter().map(|calls| i64::from(calls.made)).collect();
    let failed: Vec<i64> = calls.iter().map(|calls| i64::from(calls.failed)).collect();
    let errors: Vec<_> = calls.iter().map(|calls| stored_option(calls.last_error.as_deref())).collect();
    let words = column!(|record| record.reason.as_deref().map(|reason| stored(&fold(reason)).into_owned()));
    client
        .execute_typed(
            "UPDATE hookd.deliveries SET state = new.state, reason = new.reason, first_changeid = new.first_changeid, \
             change_count = new.change_count, calls_made = new.made, calls_failed = new.failed, \
             calls_error = new.error, words = deliveries.words || coalesce(E'\\n' || new.words, '') \
             FROM unnest($1::int8[], $2::int2[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], \
             $8::text[], $9::text[]) AS new (deliveryid, state, reason, first_changeid, change_count, made, failed, \
             error, words) WHERE deliveries.deliveryid = new.deliveryid",
            &[
                (&deliveryid, Type::INT8_ARRAY),
                (&states, Type::INT2_ARRAY),
                (&reason, Type::TEXT_ARRAY),
                (&first_changeid, Type::INT8_ARRAY),
                (&count, Type::INT8_ARRAY),
                (&made, Type::INT8_ARRAY),
                (&failed, Type::INT8_ARRAY),
                (&errors, Type::TEXT_ARRAY),
                (&words, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

async fn insert_waiting(client: &Client, waiting: &Waiting) -> Result<(), Failure> {
    let Waiting { due: Due { deliveryid, dialect, received_at, attempts, next_at, error }, about } = waiting;
    client
        .execute_typed(
            // Of no hookd: the first that looks around takes it.
            "INSERT INTO hookd.pending (deliveryid, dialect, received_at, attempts, next_at, error, repository, branch, \
             revision, replica, was_handed_over) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, true)",
            &[
                (deliveryid, Type::INT8),
                (&stored(dialect), Type::TEXT),
                (&received_at.as_micros(), Type::INT8),
                (&i64::from(*attempts), Type::INT8),
                (&next_at.as_micros(), Type::INT8),
                (&stored_option(error.as_deref()), Type::TEXT),
                (&stored(&about.repository), Type::TEXT),
                (&stored_option(about.branch.as_deref()), Type::TEXT),
                (&stored_option(about.revision.as_deref()), Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}

/// Has searches find deliveries by changes that came after them.
async fn add_words(client: &Client, entries: &[Entry]) -> Result<(), Failure> {
    let late = entries.iter().filter_map(|entry| match entry {
        Entry::Changes(changes) => Some((changes.first()?.deliveryid, deliveries::words_of(&plain(changes)))),
        Entry::Delivery(..) => None,
    });
    let (deliveryids, words): (Vec<i64>, Vec<String>) = late.unzip();
    if deliveryids.is_empty() {
        return Ok(());
    }
    client
        .execute_typed(
            "UPDATE hookd.deliveries SET words = deliveries.words || E'\\n' || new.words \
             FROM unnest($1::int8[], $2::text[]) AS new (deliveryid, words) \
             WHERE deliveries.deliveryid = new.deliveryid",
            &[(&deliveryids, Type::INT8_ARRAY), (&words, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(())
}

/// The changes themselves.
fn plain(changes: &[LoggedChange]) -> Vec<Change> {
    changes.iter().map(|change| change.change.clone()).collect()
}

impl Import for PostgresImport {
    fn found(&mut self) -> Result<Found, StoreError> {
        Ok(self.connected.wait(find(&self.connected.client))?)
    }

    fn begin(&mut self, facts: &Facts, mark: &Mark) -> Result<(), StoreError> {
        let client = &*self.connected.client;
        let lease = self.connected.connector.options().lease;
        let begun = self.connected.wait(async {
            match lock_alone(client, lease).await? {
                Ok(head) => {
                    let begun = begin(client, &head, facts, mark).await;
                    if begun.is_err() {
                        // The first failure says more than one of this.
                        let _ = head::roll_back(client).await;
                    }
                    begun
                }
                Err(holder) => Err(Failure::Store(StoreError::Unavailable {
                    cause: format!("the hookd on {holder} uses it"),
                    remedy: "stop that one first, or name another database".to_owned(),
                })),
            }
        });
        Ok(begun?)
    }

    fn write(&mut self, piece: &Piece<'_>, before: &Mark, after: &Mark) -> Result<(), StoreError> {
        let client = &*self.connected.client;
        let write = async {
            match piece {
                Piece::Log { entries, .. } => write_log(client, entries).await,
                Piece::Settlements(cursor, some) => settlements::write(client, cursor, some).await,
                Piece::Positions(poller, of) => positions::insert(client, poller, of).await,
                Piece::Cursors(cursors) => {
                    for cursor in *cursors {
                        cursors::put(client, cursor).await?;
                    }
                    Ok(())
                }
            }
        };
        Ok(self.connected.wait(transaction(client, before, after, write))?)
    }

    fn export(&mut self) -> Result<Box<dyn Export + '_>, StoreError> {
        let export = PostgresExport::unfinished(self.connected.connector.clone());
        Ok(Box::new(export.map_err(|error| StoreError::Failed(error.to_string()))?))
    }

    fn complete(&mut self) -> Result<(), StoreError> {
        let client = &*self.connected.client;
        Ok(self.connected.wait(schema::drop_mark(client))?)
    }
}
