//! The tables and their versions.
//!
//! Migrations run in one transaction under a lock that ends with it, so that of several hookds that start at once one does
//! it. A version names the oldest that can be used with it: as long as that is not above its own, an older hookd
//! goes on beside a newer one.

use hookd_store::IdentityKey;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::OpenError;
use crate::error::Failure;
use crate::session::Connector;

/// A step from one version to the next.
struct Migration {
    sql: &'static str,
    /// The oldest version of hookd's own that still works with the result.
    readable_from: i64,
}

/// All, in their order; the first makes version 1. What was released is never edited.
const MIGRATIONS: &[Migration] = &[Migration { sql: include_str!("migrations/0001_log.sql"), readable_from: 1 }];

/// The version of this build.
const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Any number that others hardly use: the lock of migrations.
const LOCK: i64 = 7_202_611_418;

/// What never changes in a store.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) instance: String,
    pub(crate) identity_key: IdentityKey,
}

/// The version of the tables, and the oldest that can be used with them; `None` where there are none.
async fn version(client: &Client) -> Result<Option<(i64, i64)>, Failure> {
    if !has_table(client, "versions").await? {
        return Ok(None);
    }
    let rows = client
        .query_typed("SELECT version, readable_from FROM hookd.versions ORDER BY version DESC LIMIT 1", &[])
        .await?;
    rows.first().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// Makes the tables, or brings them up to date.
pub(crate) async fn prepare(connector: &Connector, client: &Client) -> Result<(), OpenError> {
    let unavailable = |failure: Failure| connector.unavailable(&failure);
    if is_usable(connector, version(client).await.map_err(unavailable)?)? == Usable::AsItIs {
        return Ok(());
    }
    client.batch_execute("BEGIN").await.map_err(|error| unavailable(error.into()))?;
    let migrated = migrate(connector, client).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).await;
    migrated?;
    ended.map_err(|error| unavailable(error.into()))
}

/// Looks whether the tables can be used as they are.
pub(crate) async fn check(connector: &Connector, client: &Client) -> Result<(), OpenError> {
    let found = version(client).await.map_err(|failure| connector.unavailable(&failure))?;
    let place = connector.options().place();
    match (is_usable(connector, found)?, found) {
        (Usable::AsItIs, _) => refuse_unfinished(connector, client).await,
        (Usable::AfterMigration, Some((found, _))) => Err(OpenError::Older { place, found, known: KNOWN }),
        (Usable::AfterMigration, None) => Err(OpenError::Missing { place }),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Usable {
    AsItIs,
    AfterMigration,
}

fn is_usable(connector: &Connector, found: Option<(i64, i64)>) -> Result<Usable, OpenError> {
    match found {
        Some((_, readable_from)) if readable_from > KNOWN => {
            Err(OpenError::Newer { place: connector.options().place(), found: readable_from, known: KNOWN })
        }
        Some((version, _)) if version >= KNOWN => Ok(Usable::AsItIs),
        _ => Ok(Usable::AfterMigration),
    }
}

async fn migrate(connector: &Connector, client: &Client) -> Result<(), OpenError> {
    let unavailable = |failure: Failure| connector.unavailable(&failure);
    let lost = |error: tokio_postgres::Error| connector.unavailable(&error.into());
    client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await.map_err(lost)?;
    // Another hookd may have done it meanwhile.
    let found = version(client).await.map_err(unavailable)?;
    if is_usable(connector, found)? == Usable::AsItIs {
        return Ok(());
    }
    if found.is_none() {
        let tables = "CREATE SCHEMA IF NOT EXISTS hookd; CREATE TABLE hookd.versions (version bigint PRIMARY KEY, \
            readable_from bigint NOT NULL, made_at timestamptz NOT NULL DEFAULT now())";
        client.batch_execute(tables).await.map_err(lost)?;
    }
    let from = found.map_or(0, |(version, _)| version);
    for (version, migration) in (1..).zip(MIGRATIONS).skip_while(|(version, _)| *version <= from) {
        client.batch_execute(migration.sql).await.map_err(lost)?;
        client
            .execute_typed(
                "INSERT INTO hookd.versions VALUES ($1, $2)",
                &[(&version, Type::INT8), (&migration.readable_from, Type::INT8)],
            )
            .await
            .map_err(lost)?;
        tracing::info!(version, "the tables in PostgreSQL were brought up to date");
    }
    Ok(())
}

/// Refuses what is an unfinished copy of another store.
pub(crate) async fn refuse_unfinished(connector: &Connector, client: &Client) -> Result<(), OpenError> {
    match mark(client).await.map_err(|failure| connector.unavailable(&failure))? {
        Some(_) => Err(OpenError::Unfinished { place: connector.options().place() }),
        None => Ok(()),
    }
}

/// Whether there is this table.
async fn has_table(client: &Client, name: &str) -> Result<bool, Failure> {
    // Not by `to_regclass`, which may remember within a transaction what was not there.
    let there = client
        .query_typed_one(
            "SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
             WHERE nspname = 'hookd' AND relname = $1::text)",
            &[(&name, Type::TEXT)],
        )
        .await?;
    Ok(there.try_get(0)?)
}

/// The mark of an unfinished copy, if it is one. It lies in a table of its own, which is there as long as the copy is
/// unfinished.
pub(crate) async fn mark(client: &Client) -> Result<Option<String>, Failure> {
    if !has_table(client, "copy").await? {
        return Ok(None);
    }
    let row = client.query_typed_opt("SELECT mark FROM hookd.copy", &[]).await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

pub(crate) async fn set_mark(client: &Client, mark: &str) -> Result<(), Failure> {
    client.batch_execute("CREATE TABLE hookd.copy (mark text COLLATE \"C\" NOT NULL)").await?;
    client.execute_typed("INSERT INTO hookd.copy VALUES ($1)", &[(&mark, Type::TEXT)]).await?;
    Ok(())
}

/// Replaces a mark.
///
/// # Errors
/// Also when it is another one: somebody else fills the store as well.
pub(crate) async fn move_mark(client: &Client, before: &str, after: &str) -> Result<(), Failure> {
    let sql = "UPDATE hookd.copy SET mark = $2 WHERE mark = $1";
    match client.execute_typed(sql, &[(&before, Type::TEXT), (&after, Type::TEXT)]).await? {
        1 => Ok(()),
        _ => Err(Failure::Damaged("another `hookd store copy` fills it as well".to_owned())),
    }
}

/// Removes the mark: what was filled is a store from now on.
pub(crate) async fn drop_mark(client: &Client) -> Result<(), Failure> {
    Ok(client.batch_execute("BEGIN; SET LOCAL synchronous_commit = 'on'; DROP TABLE hookd.copy; COMMIT").await?)
}

pub(crate) async fn facts(client: &Client) -> Result<Facts, Failure> {
    let rows = client.query_typed("SELECT instance, identity_key FROM hookd.store", &[]).await?;
    let row = rows.first().ok_or_else(|| Failure::Damaged("the store has no name".to_owned()))?;
    let key: Vec<u8> = row.try_get(1)?;
    let key = key.try_into().map_err(|_| Failure::Damaged("the key of identities has a wrong length".to_owned()))?;
    Ok(Facts { instance: row.try_get(0)?, identity_key: IdentityKey::new(key) })
}
