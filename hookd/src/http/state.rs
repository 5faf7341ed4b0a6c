//! What the private listener, its REST API and its pages work with.

use std::sync::Arc;

use actix_web::web;
use hookd_config::{Config, ConfigHandle};
use hookd_store::{SharedStore, StoreError};

use super::Unproven;
use crate::metrics::Metrics;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct State(Arc<Shared>);

struct Shared {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    unproven: Arc<Unproven>,
    metrics: Arc<Metrics>,
}

impl State {
    pub(crate) fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        unproven: Arc<Unproven>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Shared { store, config, unproven, metrics }))
    }

    pub(super) fn store(&self) -> &SharedStore {
        &self.0.store
    }

    pub(super) fn config_handle(&self) -> &Arc<ConfigHandle> {
        &self.0.config
    }

    /// A snapshot of the current configuration.
    pub(super) fn config(&self) -> Arc<Config> {
        self.0.config.current()
    }

    pub(super) fn unproven(&self) -> &Unproven {
        &self.0.unproven
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

/// Reads off the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    web::block(read).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}
