//! Reading a store out, and filling one; see [`hookd_store::copy`].

mod export;
mod import;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::{Client, Row};

pub use self::export::PostgresExport;
pub use self::import::PostgresImport;
use crate::error::Failure;
use crate::head::{self, Head};
use crate::session::Connector;
use crate::threads::Threads;
use crate::{OpenError, Options};

/// The pause between two looks at who is at work.
const PAUSE: Duration = Duration::from_millis(100);

/// A hookd that is at work, or was killed just now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AtWork {
    replica: i64,
    last_commit: i64,
    /// Host and process.
    name: String,
}

/// Begins a transaction in which the head is locked, once no hookd is at work: none can come then. The error is that one is.
async fn lock_alone(client: &Client, lease: Duration) -> Result<Result<Head, String>, Failure> {
    let begun = Instant::now();
    let mut seen: Option<Vec<AtWork>> = None;
    loop {
        let head = head::lock(client).await?;
        let found = at_work(client).await?;
        let Some(first) = found.first() else { return Ok(Ok(head)) };
        head::roll_back(client).await?;
        // Whoever is alive commits now and then.
        let seen = seen.get_or_insert_with(|| found.clone());
        let alive = found.iter().find(|one| !seen.contains(one));
        if alive.is_some() || begun.elapsed() > 2 * lease {
            return Ok(Err(alive.unwrap_or(first).name.clone()));
        }
        sleep(PAUSE).await;
    }
}

async fn at_work(client: &Client) -> Result<Vec<AtWork>, Failure> {
    let sql = "SELECT replica, last_commit, name FROM hookd.replicas WHERE held_until >= clock_timestamp()";
    let rows = client.query_typed(sql, &[]).await?;
    let read = |row: &Row| Ok(AtWork { replica: row.try_get(0)?, last_commit: row.try_get(1)?, name: row.try_get(2)? });
    rows.iter().map(read).collect()
}

/// A connection whose user waits for each answer. Not for threads of an event loop.
struct Connected {
    /// First, so that they end before the connection does.
    threads: Threads,
    connector: Connector,
    client: Arc<Client>,
}

impl Connected {
    fn new(options: Options) -> Result<Self, OpenError> {
        Self::with(Connector::new(options)?)
    }

    fn with(connector: Connector) -> Result<Self, OpenError> {
        let threads = Threads::start()?;
        let connecting = threads.handle().block_on(connector.connect());
        let client = connecting.map_err(|failure| connector.unavailable(&failure))?;
        Ok(Self { threads, connector, client })
    }

    /// Waits for what the database answers.
    fn wait<T>(&self, task: impl Future<Output = T>) -> T {
        self.threads.handle().block_on(task)
    }
}
