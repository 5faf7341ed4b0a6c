//! The rows of pollers and of their positions, which move within the writer's transactions.

use std::borrow::Cow;
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

/// The names of all pollers that have positions, in order.
pub(crate) async fn pollers(client: &Client) -> Result<Vec<String>, Failure> {
    let rows = client.query_typed("SELECT name FROM hookd.pollers", &[]).await?;
    let mut names = rows.iter().map(|row| Ok(read(row.try_get(0)?))).collect::<Result<Vec<String>, Failure>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Stores the positions of a poller that has none yet.
pub(crate) async fn insert(client: &Client, poller: &str, positions: &Positions) -> Result<(), Failure> {
    let Positions { version, polled_at, changed_at, at } = positions;
    let poller = stored(poller);
    client
        .execute_typed(
            "INSERT INTO hookd.pollers VALUES ($1, $2, $3, $4)",
            &[
                (&poller, Type::TEXT),
                (&version.cast_signed(), Type::INT8),
                (&polled_at.as_micros(), Type::INT8),
                (&changed_at.map(Timestamp::as_micros), Type::INT8),
            ],
        )
        .await?;
    let (keys, positions): (Vec<_>, Vec<_>) = at.iter().map(|(key, at)| (stored(key), stored(at))).unzip();
    insert_all(client, &poller, &keys, &positions).await
}

async fn insert_all(
    client: &Client,
    poller: &str,
    keys: &[Cow<'_, str>],
    positions: &[Cow<'_, str>],
) -> Result<(), Failure> {
    client
        .execute_typed(
            "INSERT INTO hookd.positions SELECT $1, * FROM unnest($2::text[], $3::text[])",
            &[(&poller, Type::TEXT), (&keys, Type::TEXT_ARRAY), (&positions, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(())
}

/// Moves the positions of a poller to this version, or forgets it. Whether they have the expected one was decided before.
pub(crate) async fn put(client: &Client, moved: &PositionMove, version: u64, has_changes: bool) -> Result<(), Failure> {
    let PositionMove { poller, expected: _, polled_at, set, forgets } = moved;
    let poller = stored(poller);
    if *forgets {
        for sql in ["DELETE FROM hookd.positions WHERE poller = $1", "DELETE FROM hookd.pollers WHERE name = $1"] {
            client.execute_typed(sql, &[(&poller, Type::TEXT)]).await?;
        }
        return Ok(());
    }
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
    insert_all(client, &poller, &keys, &positions).await
}
