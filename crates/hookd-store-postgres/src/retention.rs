//! Deletes expired requests, deliveries and changes, in steps that hold up no write for long.
//!
//! Deliveries are deleted in their order, up to the first that is too young, pending, or has a change that a cursor still
//! has to pass. Changes follow them: those before the first change of a delivery that is kept.

use hookd_store::{Cursor, Expired, Expiry, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::cursors;
use crate::error::Failure;
use crate::head::Head;
use crate::settlements;

/// How many deliveries one step looks at.
const STEP_DELIVERIES: i64 = 100;

/// How old is too old, in microseconds since 1970.
struct Age {
    before: i64,
    now: i64,
}

/// A delivery that may be deleted.
struct Candidate {
    deliveryid: i64,
    received_at: i64,
    is_pending: bool,
    /// The change after its last one, if it has some.
    end_changeid: Option<i64>,
}

/// Takes one step.
pub(crate) async fn step(client: &Client, head: &mut Head, expiry: &Expiry) -> Result<Expired, Failure> {
    let mut expired = Expired::default();
    let age = |before: Timestamp| Age { before: before.as_micros(), now: expiry.now.as_micros() };
    if let Some(before) = expiry.payloads_before {
        delete_requests(client, head, &age(before), &mut expired).await?;
    }
    if let Some(before) = expiry.changes_before {
        delete_deliveries(client, &age(before), &mut expired).await?;
    }
    Ok(expired)
}

/// The oldest deliveries above `after`, in their order.
async fn oldest(client: &Client, after: i64) -> Result<Vec<Candidate>, Failure> {
    let rows = client
        .query_typed(
            "SELECT deliveryid, received_at, state = 0, first_changeid + change_count FROM hookd.deliveries \
             WHERE deliveryid > $1 ORDER BY deliveryid LIMIT $2",
            &[(&after, Type::INT8), (&STEP_DELIVERIES, Type::INT8)],
        )
        .await?;
    let candidate = |row: &tokio_postgres::Row| {
        Ok(Candidate {
            deliveryid: row.try_get(0)?,
            received_at: row.try_get(1)?,
            is_pending: row.try_get(2)?,
            end_changeid: row.try_get(3)?,
        })
    };
    rows.iter().map(candidate).collect()
}

impl Age {
    /// How many of the deliveries, which are in order, are too old. One that is dated in the future was received while the
    /// clock was wrong, and is as old as the next that is not.
    async fn count(&self, client: &Client, candidates: &[Candidate]) -> Result<usize, Failure> {
        let is_misdated = |one: &Candidate| one.received_at > self.now;
        let young = candidates.iter().position(|one| !is_misdated(one) && one.received_at >= self.before);
        let old = &candidates[..young.unwrap_or(candidates.len())];
        let Some(last) = old.last().filter(|one| is_misdated(one)) else { return Ok(old.len()) };
        let next = client
            .query_typed_opt(
                "SELECT received_at FROM hookd.deliveries WHERE deliveryid > $1 AND received_at <= $2 \
                 ORDER BY deliveryid LIMIT 1",
                &[(&last.deliveryid, Type::INT8), (&self.now, Type::INT8)],
            )
            .await?;
        if let Some(row) = next
            && row.try_get::<_, i64>(0)? < self.before
        {
            return Ok(old.len());
        }
        Ok(old.iter().rposition(|one| !is_misdated(one)).map_or(0, |last| last + 1))
    }
}

async fn delete_requests(client: &Client, head: &mut Head, age: &Age, expired: &mut Expired) -> Result<(), Failure> {
    // What was pending when its turn came, and no longer is.
    let held = client
        .execute_typed(
            "DELETE FROM hookd.requests WHERE deliveryid IN (SELECT deliveryid FROM hookd.requests AS held \
             WHERE deliveryid <= $1 AND NOT EXISTS (SELECT 1 FROM hookd.pending WHERE pending.deliveryid = \
             held.deliveryid) ORDER BY deliveryid LIMIT $2)",
            &[(&head.requests_expired_to, Type::INT8), (&STEP_DELIVERIES, Type::INT8)],
        )
        .await?;
    let mut old = oldest(client, head.requests_expired_to).await?;
    old.truncate(age.count(client, &old).await?);
    let mut deleted = 0;
    if let Some(last) = old.last() {
        let free: Vec<i64> = old.iter().filter(|one| !one.is_pending).map(|one| one.deliveryid).collect();
        deleted = client
            .execute_typed("DELETE FROM hookd.requests WHERE deliveryid = ANY($1)", &[(&free, Type::INT8_ARRAY)])
            .await?;
        head.requests_expired_to = last.deliveryid;
    }
    expired.requests += held + deleted;
    // There may be more behind what was looked at.
    expired.has_more |= held > 0 || !old.is_empty();
    Ok(())
}

async fn delete_deliveries(client: &Client, age: &Age, expired: &mut Expired) -> Result<(), Failure> {
    let awaited = cursors::all(client).await?.iter().map(Cursor::first_not_done).min().unwrap_or(i64::MAX);
    let mut old = oldest(client, 0).await?;
    old.truncate(age.count(client, &old).await?);
    let is_needed = |one: &Candidate| one.is_pending || one.end_changeid.is_some_and(|end| end > awaited);
    old.truncate(old.iter().position(is_needed).unwrap_or(old.len()));
    let Some(Candidate { deliveryid: last, .. }) = old.last() else { return Ok(()) };
    let up_to = [(last as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT8)];
    client.execute_typed("DELETE FROM hookd.requests WHERE deliveryid <= $1", &up_to).await?;
    expired.deliveries += client.execute_typed("DELETE FROM hookd.deliveries WHERE deliveryid <= $1", &up_to).await?;
    expired.changes += client
        .execute_typed(
            "DELETE FROM hookd.changes WHERE changeid < $2 AND changeid < coalesce((SELECT changeid FROM hookd.changes \
             WHERE deliveryid > $1 ORDER BY changeid LIMIT 1), 9223372036854775807)",
            &[(last, Type::INT8), (&awaited, Type::INT8)],
        )
        .await?;
    let first = client.query_typed_opt("SELECT changeid FROM hookd.changes ORDER BY changeid LIMIT 1", &[]).await?;
    let first = first.map_or(Ok(i64::MAX), |row| row.try_get(0))?;
    settlements::expire(client, first).await?;
    expired.has_more = true;
    Ok(())
}
