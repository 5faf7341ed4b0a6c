//! The rows of pollers and of their positions, which move within the writer's transactions.

use std::collections::{BTreeMap, HashMap};

use hookd_store::{PositionMove, Positions, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::error::Failure;
use crate::text::{read, stored};

/// The versions of the positions of these pollers; a poller without positions has none.
pub(crate) async fn versions(client: &Client, pollers: &[&str]) -> Result<HashMap<String, u64>, Failure> {
    if pollers.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<_> = pollers.iter().map(|name| stored(name)).collect();
    let rows = client
        .query_typed("SELECT name, version FROM hookd.pollers WHERE name = ANY($1)", &[(&names, Type::TEXT_ARRAY)])
        .await?;
    rows.iter().map(|row| Ok((read(row.try_get(0)?), row.try_get::<_, i64>(1)?.cast_unsigned()))).collect()
}

/// The positions of a poller, in one statement, so that they are of one moment.
pub(crate) async fn get(client: &Client, poller: &str) -> Result<Option<Positions>, Failure> {
    let rows = client
        .query_typed(
            "SELECT version, polled_at, changed_at, key, position FROM hookd.pollers \
             LEFT JOIN hookd.positions ON poller = name WHERE name = $1",
            &[(&stored(poller), Type::TEXT)],
        )
        .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut at = BTreeMap::new();
    for row in &rows {
        if let (Some(key), Some(position)) =
            (row.try_get::<_, Option<String>>(3)?, row.try_get::<_, Option<String>>(4)?)
        {
            at.insert(read(key), read(position));
        }
    }
    Ok(Some(Positions {
        version: first.try_get::<_, i64>(0)?.cast_unsigned(),
        polled_at: Timestamp::from_micros(first.try_get(1)?),
        changed_at: first.try_get::<_, Option<i64>>(2)?.map(Timestamp::from_micros),
        at,
    }))
}

/// Moves the positions of a poller to this version. Whether they have the expected one was decided before.
pub(crate) async fn put(client: &Client, moved: &PositionMove, version: u64, has_changes: bool) -> Result<(), Failure> {
    let PositionMove { poller, expected: _, polled_at, set } = moved;
    let poller = stored(poller);
    let polled_at = polled_at.as_micros();
    client
        .execute_typed(
            "INSERT INTO hookd.pollers VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE \
             SET version = $2, polled_at = $3, changed_at = coalesce($4, pollers.changed_at)",
            &[
                (&poller, Type::TEXT),
                (&version.cast_signed(), Type::INT8),
                (&polled_at, Type::INT8),
                (&has_changes.then_some(polled_at), Type::INT8),
            ],
        )
        .await?;
    // Of a key that is named twice the last counts.
    let latest: BTreeMap<&str, Option<&str>> =
        set.iter().map(|(key, position)| (key.as_str(), position.as_deref())).collect();
    if latest.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = latest.keys().map(|key| stored(key)).collect();
    client
        .execute_typed(
            "DELETE FROM hookd.positions WHERE poller = $1 AND key = ANY($2)",
            &[(&poller, Type::TEXT), (&keys, Type::TEXT_ARRAY)],
        )
        .await?;
    let there = latest.iter().filter_map(|(key, position)| Some((stored(key), stored((*position)?))));
    let (keys, positions): (Vec<_>, Vec<_>) = there.unzip();
    client
        .execute_typed(
            "INSERT INTO hookd.positions SELECT $1, * FROM unnest($2::text[], $3::text[])",
            &[(&poller, Type::TEXT), (&keys, Type::TEXT_ARRAY), (&positions, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(())
}
