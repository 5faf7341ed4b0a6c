//! The rows of cursors, which move within the writer's transactions.

use std::collections::HashMap;

use hookd_store::{Cursor, CursorMove, KeptChanges, Moved, Part, StoreError};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Failure;
use crate::replica::Replica;
use crate::text::{read, stored};
use crate::{leases, settlements};

const COLUMNS: &str = "name, version, position, done, state";

/// All cursors, by name.
pub(crate) async fn all(client: &Client) -> Result<Vec<Cursor>, Failure> {
    let rows = client.query_typed(&format!("SELECT {COLUMNS} FROM hookd.cursors ORDER BY name"), &[]).await?;
    let mut cursors = rows.iter().map(cursor).collect::<Result<Vec<_>, _>>()?;
    // Names are escaped in the database, and their order is the same; this makes it certain.
    cursors.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cursors)
}

/// Moves cursors in the order given, all of them or, where a move is invalid, none. `version` is the last one that was
/// given to a cursor, and then the last that is.
pub(crate) async fn move_all(
    client: &Client,
    replica: &Replica,
    moves: &[CursorMove],
    kept: KeptChanges,
    version: &mut i64,
) -> Result<Result<Vec<Moved>, StoreError>, Failure> {
    let names: Vec<_> = moves.iter().map(|one| stored(&one.name)).collect();
    let sql = format!("SELECT {COLUMNS} FROM hookd.cursors WHERE name = ANY($1)");
    let rows = client.query_typed(&sql, &[(&names, Type::TEXT_ARRAY)]).await?;
    let found = rows.iter().map(cursor).collect::<Result<Vec<_>, _>>()?;
    // What the moves make of the cursors that they name.
    let mut current: HashMap<String, Cursor> = found.into_iter().map(|one| (one.name.clone(), one)).collect();
    let led: Vec<_> = moves.iter().filter(|one| one.epoch.is_some()).map(|one| Part::Sink(one.name.clone())).collect();
    let epochs = leases::epochs(client, replica, &led).await?;
    let (mut last, mut outcomes) = (*version, Vec::with_capacity(moves.len()));
    for one in moves {
        let is_fenced =
            one.epoch.is_some() && one.epoch != epochs.get(&Part::Sink(one.name.clone()).to_string()).copied();
        if is_fenced {
            outcomes.push(Moved::Conflict(current.get(&one.name).cloned()));
            continue;
        }
        match one.decide(current.get(&one.name), kept, (last + 1).cast_unsigned()) {
            Ok(moved) => {
                if !matches!(moved, Moved::Conflict(_)) {
                    last += 1;
                    match one.cursor(last.cast_unsigned()) {
                        Some(cursor) => current.insert(one.name.clone(), cursor),
                        None => current.remove(&one.name),
                    };
                }
                outcomes.push(moved);
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    for (one, moved) in moves.iter().zip(&outcomes) {
        match moved {
            Moved::To(version) => {
                if let Some(cursor) = one.cursor(*version) {
                    put(client, &cursor).await?;
                }
                settlements::write(client, &one.name, &one.settlements).await?;
            }
            Moved::Removed => {
                client
                    .execute_typed("DELETE FROM hookd.cursors WHERE name = $1", &[(&stored(&one.name), Type::TEXT)])
                    .await?;
                settlements::forget(client, &one.name).await?;
            }
            Moved::Conflict(_) => {}
        }
    }
    *version = last;
    Ok(Ok(outcomes))
}

async fn put(client: &Client, cursor: &Cursor) -> Result<(), Failure> {
    let Cursor { name, version, position, done, state } = cursor;
    client
        .execute_typed(
            "INSERT INTO hookd.cursors VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE \
             SET version = $2, position = $3, done = $4, state = $5",
            &[
                (&stored(name), Type::TEXT),
                (&version.cast_signed(), Type::INT8),
                (position, Type::INT8),
                (done, Type::INT8_ARRAY),
                (state, Type::BYTEA),
            ],
        )
        .await?;
    Ok(())
}

fn cursor(row: &Row) -> Result<Cursor, Failure> {
    let version: i64 = row.try_get(1)?;
    Ok(Cursor {
        name: read(row.try_get(0)?),
        version: version.cast_unsigned(),
        position: row.try_get(2)?,
        done: row.try_get(3)?,
        state: row.try_get(4)?,
    })
}
