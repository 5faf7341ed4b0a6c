//! The row of this hookd among those that share the database, and what the others have left.

use std::hash::{BuildHasher as _, RandomState};

use hookd_store::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::Failure;
use crate::text::read;

/// This hookd.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// Random, and another one for each time that a store is opened.
    pub(crate) id: i64,
    /// Who it is, for people: host and process.
    pub(crate) name: String,
    pub(crate) started_at: Timestamp,
}

/// The hookds among which pending deliveries are shared out, as this one knows them.
#[derive(Clone, Debug)]
pub(crate) struct Sharers {
    pub(crate) this: i64,
    /// Those that are alive, with this one.
    alive: Vec<i64>,
}

impl Replica {
    pub(crate) fn new() -> Self {
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy();
        let id = i64::try_from(RandomState::new().hash_one(Timestamp::now().as_micros()) >> 1).unwrap_or(0);
        Self { id, name: format!("{host} (process {})", std::process::id()), started_at: Timestamp::now() }
    }

    /// The row, as it is written with each commit: it tells that this hookd is alive, and which was its last commit.
    pub(crate) fn upsert(&self, last_commit: i64, lease: std::time::Duration) -> String {
        let Self { id, name, started_at } = self;
        let (name, started_at, milliseconds) = (name.replace('\'', "''"), started_at.as_micros(), lease.as_millis());
        format!(
            "INSERT INTO hookd.replicas (replica, name, started_at, last_commit, held_until) VALUES ({id}, '{name}', \
             {started_at}, {last_commit}, clock_timestamp() + interval '{milliseconds} milliseconds') \
             ON CONFLICT (replica) DO UPDATE SET last_commit = excluded.last_commit, held_until = excluded.held_until"
        )
    }
}

impl Sharers {
    /// This one alone.
    pub(crate) fn alone(this: i64) -> Self {
        Self { this, alive: vec![this] }
    }

    /// Whether there is no other.
    pub(crate) fn is_alone(&self) -> bool {
        self.alive.len() == 1
    }

    /// Which of them completes the pending deliveries of a repository: the same one, as long as they are the same.
    pub(crate) fn owner(&self, dialect: &str, repository: &str) -> i64 {
        let rank = |id: &i64| xxh3_64(format!("{dialect}\0{repository}\0{id}").as_bytes());
        self.alive.iter().copied().max_by_key(rank).unwrap_or(self.this)
    }
}

/// The number of the last commit of this hookd; `None` if there was none, or it was forgotten.
pub(crate) async fn last_commit(client: &Client, replica: &Replica) -> Result<Option<i64>, Failure> {
    let row = client
        .query_typed_opt("SELECT last_commit FROM hookd.replicas WHERE replica = $1", &[(&replica.id, Type::INT8)])
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Sees who is alive, takes over the pending deliveries of those that are not, and forgets those that have long been dead.
/// Returns also whether there were such deliveries.
pub(crate) async fn look_around(client: &Client, replica: &Replica) -> Result<(Sharers, bool), Failure> {
    let this: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 1] = [(&replica.id, Type::INT8)];
    let rows = client
        .query_typed(
            "SELECT replica FROM hookd.replicas WHERE held_until >= clock_timestamp() AND replica <> $1",
            &this,
        )
        .await?;
    let others = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let taken_over = client
        .execute_typed(
            "UPDATE hookd.pending SET replica = $1, was_handed_over = true WHERE replica <> $1 AND replica <> ALL($2)",
            &[(&replica.id, Type::INT8), (&others, Type::INT8_ARRAY)],
        )
        .await?;
    client
        .execute_typed("DELETE FROM hookd.replicas WHERE held_until < clock_timestamp() - interval '1 hour'", &[])
        .await?;
    let alive = others.into_iter().chain([replica.id]).collect();
    Ok((Sharers { this: replica.id, alive }, taken_over > 0))
}

/// All of them, in the order of their start.
pub(crate) async fn all(client: &Client, this: Option<i64>) -> Result<Vec<hookd_store::Replica>, Failure> {
    let rows = client
        .query_typed(
            "SELECT replica, name, started_at, held_until >= clock_timestamp(), \
             ARRAY(SELECT lease.name FROM hookd.leases AS lease WHERE lease.replica = replicas.replica \
             AND lease.held_until >= clock_timestamp() ORDER BY lease.name), \
             (SELECT count(*) FROM hookd.pending WHERE pending.replica = replicas.replica) \
             FROM hookd.replicas ORDER BY started_at, replica",
            &[],
        )
        .await?;
    let replica = |row: &tokio_postgres::Row| {
        Ok(hookd_store::Replica {
            is_this: this == Some(row.try_get(0)?),
            name: row.try_get(1)?,
            started_at: Timestamp::from_micros(row.try_get(2)?),
            is_alive: row.try_get(3)?,
            leads: row.try_get::<_, Vec<String>>(4)?.into_iter().map(read).collect(),
            pending: row.try_get::<_, i64>(5)?.unsigned_abs(),
        })
    };
    rows.iter().map(replica).collect()
}

/// Says that this hookd has ended, so that others need not wait.
pub(crate) async fn leave(client: &Client, replica: &Replica) -> Result<(), Failure> {
    let id = replica.id;
    let sql = format!(
        "BEGIN; UPDATE hookd.leases SET held_until = '-infinity' WHERE replica = {id}; \
         DELETE FROM hookd.replicas WHERE replica = {id}; COMMIT"
    );
    Ok(client.batch_execute(&sql).await?)
}
