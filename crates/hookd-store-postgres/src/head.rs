//! The head: the one row that every transaction locks first and moves last.
//!
//! It gives numbers, so that they have no gaps and follow the order of commits, whoever writes. Whoever has locked it sees the
//! outcome of all transactions before, so that a hookd can find out whether its own took place.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::error::Failure;
use crate::replica::Replica;

/// Begins a transaction and locks the head. One round trip.
///
/// Settings are those of this transaction alone. A transaction whose hookd has died ends by itself, and so frees the head.
/// An asynchronous commit would be acknowledged before it is on disk. The store's name is read last: once the head is locked, no
/// copy of another store can begin.
const LOCK: &str = "BEGIN; \
    SET LOCAL idle_in_transaction_session_timeout = '8s'; \
    SET LOCAL lock_timeout = '9s'; \
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'; \
    SELECT next_deliveryid, next_changeid, cursor_version, requests_expired_to FROM hookd.head FOR UPDATE; \
    SELECT instance FROM hookd.store";

/// The same without a transaction of its own, to look only.
const LOOK: &str = "SELECT next_deliveryid, next_changeid, cursor_version, requests_expired_to FROM hookd.head; \
    SELECT instance FROM hookd.store";

/// The head as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) next_deliveryid: i64,
    pub(crate) next_changeid: i64,
    pub(crate) cursor_version: i64,
    pub(crate) requests_expired_to: i64,
    /// The name of the store that it is the head of. It changes where another store is copied into an empty database.
    instance: String,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    Yes,
    /// The connection was lost meanwhile.
    Unknown,
}

impl Head {
    fn from_rows(rows: &[&SimpleQueryRow]) -> Result<Self, Failure> {
        let text = |column: &str| rows.iter().find_map(|row| row.try_get(column).ok().flatten());
        let number = |column: &str| {
            let text = text(column).unwrap_or_default();
            text.parse().map_err(|_| Failure::Damaged(format!("the head of the log has a bad `{column}`")))
        };
        Ok(Self {
            next_deliveryid: number("next_deliveryid")?,
            next_changeid: number("next_changeid")?,
            cursor_version: number("cursor_version")?,
            requests_expired_to: number("requests_expired_to")?,
            instance: text("instance").unwrap_or_default().to_owned(),
        })
    }

    /// That it is the head of the store of this name.
    ///
    /// # Errors
    /// [`Failure::Replaced`] if it is another store's: a hookd that was stopped for longer than its lease finds out in this way
    /// that it has missed a copy.
    pub(crate) fn is_of(&self, instance: &str) -> Result<(), Failure> {
        if self.instance == instance { Ok(()) } else { Err(Failure::Replaced) }
    }
}

/// Begins a transaction, and locks the head in it.
pub(crate) async fn lock(client: &Client) -> Result<Head, Failure> {
    only_head(&client.simple_query(LOCK).await?)
}

/// The head, without waiting for anybody.
pub(crate) async fn look(client: &Client) -> Result<Head, Failure> {
    only_head(&client.simple_query(LOOK).await?)
}

fn only_head(messages: &[SimpleQueryMessage]) -> Result<Head, Failure> {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    // The first, if there is one more, is that of the setting.
    Head::from_rows(&rows.collect::<Vec<_>>())
}

/// Writes the head and the row of the hookd that has moved it, and commits. It counts as alive for as long as `lease` from now.
/// `notice` is sent to the others, if it is not empty.
///
/// # Errors
/// When the transaction is certainly not committed.
pub(crate) async fn commit(
    client: &Client,
    head: &Head,
    replica: &Replica,
    number: i64,
    lease: Duration,
    notice: &str,
) -> Result<Committed, Failure> {
    let Head { next_deliveryid, next_changeid, cursor_version, requests_expired_to, instance: _ } = head;
    let alive = replica.upsert(number, lease);
    let sql = format!(
        "UPDATE hookd.head SET next_deliveryid = {next_deliveryid}, next_changeid = {next_changeid}, \
         cursor_version = {cursor_version}, requests_expired_to = {requests_expired_to}; {alive}; {notice}COMMIT"
    );
    match client.simple_query(&sql).await {
        Ok(_) => Ok(Committed::Yes),
        Err(error) => match Failure::from(error) {
            failure if failure.is_of_connection() => {
                tracing::debug!("the connection was lost during a commit: {failure}");
                Ok(Committed::Unknown)
            }
            failure => Err(failure),
        },
    }
}

/// Ends a transaction without an effect. Where that fails, the connection is of no use any more.
pub(crate) async fn roll_back(client: &Client) -> Result<(), Failure> {
    Ok(client.batch_execute("ROLLBACK").await?)
}
