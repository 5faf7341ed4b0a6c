//! Looking whether a store could be opened.

use crate::session::Connector;
use crate::threads::Threads;
use crate::{OpenError, Options, replica, schema};

/// What was found where a store is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// It can be opened.
    Free,
    /// It can be opened, and a hookd is at work on it.
    InUse,
}

impl Preflight {
    /// Looks whether a store could be opened, without changing anything.
    ///
    /// # Errors
    /// What [`PostgresStore::open`](crate::PostgresStore::open) would fail on.
    pub fn look(options: Options) -> Result<Self, OpenError> {
        Threads::start()?.wait(async move {
            let connector = Connector::new(options)?;
            let client = connector.connect().await.map_err(|failure| connector.unavailable(&failure))?;
            match schema::check(&connector, &client).await {
                // They are made, or brought up to date, when the store is opened.
                Err(OpenError::Missing { .. } | OpenError::Older { .. }) => return Ok(Self::Free),
                checked => checked?,
            }
            let replicas = replica::all(&client, None).await.map_err(|failure| connector.unavailable(&failure))?;
            Ok(if replicas.iter().any(|replica| replica.is_alive) { Self::InUse } else { Self::Free })
        })
    }
}
