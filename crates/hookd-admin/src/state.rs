//! What the private listener, its REST API and its pages work with.

use std::sync::Arc;

use actix_web::web;
use hookd_config::{Config, ConfigHandle};
use hookd_sinks::Engine;
use hookd_store::{SharedStore, StoreError};

use crate::{Metrics, Unverified};

/// What every request needs.
#[derive(Clone)]
pub struct AppState {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    unverified: Arc<Unverified>,
    metrics: Arc<Metrics>,
    sinks: Arc<Engine>,
}

impl AppState {
    /// What is shown: the store, the configuration, what the public listener notes of its requests, and the sinks.
    #[must_use]
    pub fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        unverified: Arc<Unverified>,
        metrics: Arc<Metrics>,
        sinks: Arc<Engine>,
    ) -> Self {
        Self { store, config, unverified, metrics, sinks }
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

    pub(crate) fn sinks(&self) -> &Arc<Engine> {
        &self.sinks
    }
}

/// Reads from the store on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    web::block(read).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}
