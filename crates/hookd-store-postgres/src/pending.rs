//! The rows of deliveries that wait for calls to a forge's API.

use hookd_core::Subject;
use hookd_store::{Due, NewDelivery, NewState, Timestamp, Waiting, shortened};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::deliveries::{NewRow, optional};
use crate::error::Failure;
use crate::replica::Sharers;
use crate::text::{read, stored, stored_option};

const COLUMNS: &str = "deliveryid, dialect, received_at, attempts, next_at, error, repository, branch, revision";

/// Inserts those of the deliveries that are pending.
pub(crate) async fn insert(client: &Client, rows: &[NewRow<'_>], sharers: &Sharers) -> Result<(), Failure> {
    for row in rows {
        let NewDelivery { dialect, received_at, state: NewState::Pending { about, .. }, .. } = row.delivery else {
            continue;
        };
        let Subject { repository, branch, revision } = about;
        let owner = sharers.owner(dialect, repository);
        client
            .execute_typed(
                "INSERT INTO hookd.pending (deliveryid, dialect, received_at, attempts, next_at, repository, branch, \
                 revision, replica, was_handed_over) VALUES ($1, $2, $3, 0, $3, $4, $5, $6, $7, $8)",
                &[
                    (&row.deliveryid, Type::INT8),
                    (&stored(dialect), Type::TEXT),
                    (&received_at.as_micros(), Type::INT8),
                    (&stored(shortened(repository)), Type::TEXT),
                    (&stored_option(branch.as_deref().map(shortened)), Type::TEXT),
                    (&stored_option(revision.as_deref().map(shortened)), Type::TEXT),
                    (&owner, Type::INT8),
                    (&(owner != sharers.this), Type::BOOL),
                ],
            )
            .await?;
    }
    Ok(())
}

pub(crate) async fn postpone(client: &Client, due: &Due) -> Result<(), Failure> {
    client
        .execute_typed(
            "UPDATE hookd.pending SET attempts = $2, next_at = $3, error = $4 WHERE deliveryid = $1",
            &[
                (&due.deliveryid, Type::INT8),
                (&i64::from(due.attempts), Type::INT8),
                (&due.next_at.as_micros(), Type::INT8),
                (&stored_option(due.error.as_deref().map(shortened)), Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}

/// Those of a hookd above `after`, ascending.
pub(crate) async fn after(client: &Client, replica: i64, after: i64, most: i64) -> Result<Vec<Due>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM hookd.pending WHERE deliveryid > $1 AND replica = $3 ORDER BY deliveryid LIMIT $2"
    );
    let rows = client.query_typed(&sql, &[(&after, Type::INT8), (&most, Type::INT8), (&replica, Type::INT8)]).await?;
    rows.iter().map(|row| waiting(row).map(|waiting| waiting.due)).collect()
}

/// Those among these deliveries.
pub(crate) async fn among(client: &Client, deliveryids: &[i64]) -> Result<Vec<Waiting>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM hookd.pending WHERE deliveryid = ANY($1) ORDER BY deliveryid");
    let rows = client.query_typed(&sql, &[(&deliveryids, Type::INT8_ARRAY)]).await?;
    rows.iter().map(waiting).collect()
}

pub(crate) async fn count(client: &Client) -> Result<usize, Failure> {
    let row = client.query_typed_one("SELECT count(*) FROM hookd.pending", &[]).await?;
    Ok(usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}

fn waiting(row: &Row) -> Result<Waiting, Failure> {
    let attempts: i64 = row.try_get(3)?;
    let due = Due {
        deliveryid: row.try_get(0)?,
        dialect: read(row.try_get(1)?),
        received_at: Timestamp::from_micros(row.try_get(2)?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        next_at: Timestamp::from_micros(row.try_get(4)?),
        error: optional(row, 5)?,
    };
    let about = Subject { repository: read(row.try_get(6)?), branch: optional(row, 7)?, revision: optional(row, 8)? };
    Ok(Waiting { due, about })
}

/// The newest that a hookd is to complete and another one has received; zero if there is none.
pub(crate) async fn newest_handed_over(client: &Client, replica: i64) -> Result<i64, Failure> {
    let row = client
        .query_typed_one(
            "SELECT coalesce(max(deliveryid), 0) FROM hookd.pending WHERE replica = $1 AND was_handed_over",
            &[(&replica, Type::INT8)],
        )
        .await?;
    Ok(row.try_get(0)?)
}
