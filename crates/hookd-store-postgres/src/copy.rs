//! Reading a store out, and filling one; see [`hookd_store::copy`].

mod export;
mod import;

use std::sync::Arc;

use tokio::runtime::{Handle, Runtime};
use tokio_postgres::Client;

pub use self::export::PostgresExport;
pub use self::import::PostgresImport;
use crate::session::Connector;
use crate::store::start_runtime;
use crate::{OpenError, Options};

/// A connection whose user waits for each answer. Not for threads of an event loop.
struct Connected {
    /// Until this is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
    connector: Connector,
    client: Arc<Client>,
}

impl Connected {
    fn new(options: Options) -> Result<Self, OpenError> {
        Self::with(Connector::new(options)?)
    }

    fn with(connector: Connector) -> Result<Self, OpenError> {
        let runtime = start_runtime()?;
        let client = runtime.block_on(connector.connect()).map_err(|failure| connector.unavailable(&failure))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime), connector, client })
    }

    /// Waits for what the database answers.
    fn wait<T>(&self, task: impl Future<Output = T>) -> T {
        self.handle.block_on(task)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
