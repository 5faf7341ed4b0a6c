//! How changes ended at the readers of the log, a row each. Settlements are written with the move of a cursor.

use std::collections::BTreeMap;

use hookd_store::{Settlement, SettlementKind, Timestamp};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Failure;
use crate::text::{read, stored};

const COLUMNS: &str = "changeid, settled_at, kind, attempts, answer";

fn code(kind: SettlementKind) -> i16 {
    match kind {
        SettlementKind::Delivered => 0,
        SettlementKind::Filtered => 1,
        SettlementKind::Dead => 2,
        SettlementKind::Requeued => 3,
    }
}

/// Writes the settlements of a reader; later ones replace earlier ones about the same change.
pub(crate) async fn write(client: &Client, cursor: &str, settlements: &[Settlement]) -> Result<(), Failure> {
    let latest: BTreeMap<i64, &Settlement> = settlements.iter().map(|one| (one.changeid, one)).collect();
    if latest.is_empty() {
        return Ok(());
    }
    let changeids: Vec<i64> = latest.keys().copied().collect();
    let settled_at: Vec<i64> = latest.values().map(|one| one.settled_at.as_micros()).collect();
    let kinds: Vec<i16> = latest.values().map(|one| code(one.kind)).collect();
    let attempts: Vec<i64> = latest.values().map(|one| i64::from(one.attempts)).collect();
    let answers: Vec<_> = latest.values().map(|one| stored(&one.answer)).collect();
    client
        .execute_typed(
            "INSERT INTO hookd.settlements (cursor, changeid, settled_at, kind, attempts, answer) \
             SELECT $1, * FROM unnest($2::int8[], $3::int8[], $4::int2[], $5::int8[], $6::text[]) \
             ON CONFLICT (changeid, cursor) DO UPDATE SET settled_at = excluded.settled_at, kind = excluded.kind, \
             attempts = excluded.attempts, answer = excluded.answer",
            &[
                (&stored(cursor), Type::TEXT),
                (&changeids, Type::INT8_ARRAY),
                (&settled_at, Type::INT8_ARRAY),
                (&kinds, Type::INT2_ARRAY),
                (&attempts, Type::INT8_ARRAY),
                (&answers, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

/// Deletes all settlements of a reader.
pub(crate) async fn forget(client: &Client, cursor: &str) -> Result<(), Failure> {
    client.execute_typed("DELETE FROM hookd.settlements WHERE cursor = $1", &[(&stored(cursor), Type::TEXT)]).await?;
    Ok(())
}

/// Deletes those of changes before this one, which have expired.
pub(crate) async fn expire(client: &Client, first_changeid: i64) -> Result<(), Failure> {
    client.execute_typed("DELETE FROM hookd.settlements WHERE changeid < $1", &[(&first_changeid, Type::INT8)]).await?;
    Ok(())
}

/// How a change ended at each reader that has settled it, by the name of its cursor.
pub(crate) async fn of_change(client: &Client, changeid: i64) -> Result<Vec<(String, Settlement)>, Failure> {
    let sql = format!("SELECT {COLUMNS}, cursor FROM hookd.settlements WHERE changeid = $1 ORDER BY cursor");
    let rows = client.query_typed(&sql, &[(&changeid, Type::INT8)]).await?;
    rows.iter().map(|row| Ok((read(row.try_get(5)?), settlement(row)?))).collect()
}

/// The settlements of one kind at a reader, of changes above `after`, ascending.
pub(crate) async fn of_kind(
    client: &Client,
    cursor: &str,
    kind: SettlementKind,
    after: i64,
    most: i64,
) -> Result<Vec<Settlement>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM hookd.settlements WHERE cursor = $1 AND kind = $2 AND changeid > $3 \
         ORDER BY changeid LIMIT $4"
    );
    let rows = client
        .query_typed(
            &sql,
            &[(&stored(cursor), Type::TEXT), (&code(kind), Type::INT2), (&after, Type::INT8), (&most, Type::INT8)],
        )
        .await?;
    rows.iter().map(settlement).collect()
}

/// The settlements at a reader, of changes above `after`, ascending.
pub(crate) async fn all_after(
    client: &Client,
    cursor: &str,
    after: i64,
    most: i64,
) -> Result<Vec<Settlement>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM hookd.settlements WHERE cursor = $1 AND changeid > $2 ORDER BY changeid LIMIT $3"
    );
    let rows =
        client.query_typed(&sql, &[(&stored(cursor), Type::TEXT), (&after, Type::INT8), (&most, Type::INT8)]).await?;
    rows.iter().map(settlement).collect()
}

/// How many changes ended so at a reader.
pub(crate) async fn count(client: &Client, cursor: &str, kind: SettlementKind) -> Result<u64, Failure> {
    let row = client
        .query_typed_one(
            "SELECT count(*) FROM hookd.settlements WHERE cursor = $1 AND kind = $2",
            &[(&stored(cursor), Type::TEXT), (&code(kind), Type::INT2)],
        )
        .await?;
    Ok(row.try_get::<_, i64>(0)?.unsigned_abs())
}

fn settlement(row: &Row) -> Result<Settlement, Failure> {
    let found: i16 = row.try_get(2)?;
    let kind = SettlementKind::ALL.into_iter().find(|kind| code(*kind) == found);
    let attempts: i64 = row.try_get(3)?;
    Ok(Settlement {
        changeid: row.try_get(0)?,
        settled_at: Timestamp::from_micros(row.try_get(1)?),
        kind: kind.ok_or_else(|| Failure::Damaged(format!("a settlement has the unknown kind {found}")))?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        answer: read(row.try_get(4)?),
    })
}
