//! What the private listener, its REST API and its pages work with.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web;
use hookd_config::{Config, ConfigHandle};
use hookd_store::{SharedStore, StoreError};

use crate::{Metrics, Unverified};

/// What every request needs.
#[derive(Clone)]
pub struct AppState {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    unverified: Arc<Unverified>,
    metrics: Arc<Metrics>,
    address: SocketAddr,
}

impl AppState {
    /// What is shown: the store, the configuration, and what the public listener notes of its requests. The listener's
    /// address is that of the configuration; see [`listening_on`](Self::listening_on).
    #[must_use]
    pub fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        unverified: Arc<Unverified>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let address = config.current().admin.listen;
        Self { store, config, unverified, metrics, address }
    }

    /// The same, on a listener whose socket has this address: where the configuration says port 0, the system chose one.
    #[must_use]
    pub fn listening_on(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Where the listener listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn store(&self) -> &SharedStore {
        &self.store
    }

    pub(crate) fn config_handle(&self) -> &Arc<ConfigHandle> {
        &self.config
    }

    /// A snapshot of the current configuration.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    pub(crate) fn unverified(&self) -> &Unverified {
        &self.unverified
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Reads from the store on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    web::block(read).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}
