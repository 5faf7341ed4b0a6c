//! What the private listener, its REST API and its pages work with.

use std::sync::Arc;

use actix_web::web;
use hookd_store::{SharedStore, StoreError};

use super::Unproven;
use crate::live::{Active, Live};
use crate::metrics::Metrics;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct State(Arc<Shared>);

struct Shared {
    store: SharedStore,
    active: Arc<Active>,
    unproven: Arc<Unproven>,
    metrics: Arc<Metrics>,
}

impl State {
    pub(crate) fn new(store: SharedStore, active: Arc<Active>, unproven: Arc<Unproven>, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { store, active, unproven, metrics }))
    }

    pub(super) fn store(&self) -> &SharedStore {
        &self.0.store
    }

    pub(super) fn active(&self) -> &Arc<Active> {
        &self.0.active
    }

    /// The configuration that is in force.
    pub(super) fn live(&self) -> Arc<Live> {
        self.0.active.live()
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
