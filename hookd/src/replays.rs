//! Replays: the request of a stored delivery, translated anew under the present configuration.
//!
//! Invariants:
//! - What is replayed is always a delivery that was received: a replay of a replay is one of the same original.
//! - A preview stores nothing and calls no API. A replay is a new delivery with new changes, which name the original in the
//!   property [`REPLAY_PROPERTY`]; API calls that they need are made by the follow-ups, as for any other.
//! - Of one name of a request each delivery is replayed once, if that makes a change; the store sees to that.
//! - A few replays take place at a time, so that webhooks do not wait for them.
//!
//! Who sent a request is not verified again: signatures and tokens are not stored.

mod comparison;
mod original;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hookd_admin::{CannotReplay, Replays};
use hookd_config::{ConfigHandle, ServedDialect};
use hookd_core::ApiAnswers;
use hookd_store::{Browse, NewDelivery, Origin, Receipt, Replay, SharedStore, State, StoreError, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub(crate) use self::comparison::Comparison;
pub(crate) use self::original::{Original, load, load_request, mark};
use crate::followups::{Queue, Route};
use crate::translator::{Retranslated, Stopping, Translator, new_state};

/// The property of a replayed change that has the number of the delivery that was received.
pub(crate) const REPLAY_PROPERTY: &str = "hookd_replay_of";

/// How many deliveries are replayed or previewed at a time.
const MAX_CONCURRENT: usize = 2;

/// Replays deliveries of a running hookd.
pub(crate) struct Replayer {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    translator: Arc<Translator>,
    followups: Queue,
    permits: Semaphore,
}

/// Translates the request of a delivery anew. No API is called: the result may be calls that are due.
///
/// # Errors
/// When hookd stops.
pub(crate) async fn translate(
    translator: &Translator,
    dialect: &Arc<ServedDialect>,
    original: &Original,
) -> Result<Retranslated, Stopping> {
    let request = original.request.clone().into_request();
    translator.translate_with(dialect, request, ApiAnswers::default()).await
}

impl Replayer {
    /// A replayer of these parts, which the rest of hookd shares.
    pub(crate) fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        translator: Arc<Translator>,
        followups: Queue,
    ) -> Self {
        Self { store, config, translator, followups, permits: Semaphore::new(MAX_CONCURRENT) }
    }

    async fn load(&self, deliveryid: i64) -> Result<Original, CannotReplay> {
        let store = Arc::clone(&self.store);
        let loaded = spawn_blocking(move || load(store.reader(), deliveryid)).await;
        loaded.unwrap_or_else(|error| Err(CannotReplay::Unavailable(StoreError::Failed(error.to_string()))))
    }

    fn dialect(&self, original: &Original) -> Option<Arc<ServedDialect>> {
        self.config.current().dialects.get(&original.record.dialect).cloned()
    }

    async fn preview_one(&self, deliveryid: i64) -> Result<Value, CannotReplay> {
        // Never closed, so that this is always a permit.
        let _permit = self.permits.acquire().await;
        let original = self.load(deliveryid).await?;
        let comparison = match self.dialect(&original) {
            None => Comparison::not_served(&original),
            Some(dialect) => {
                let translated = translate(&self.translator, &dialect, &original).await.map_err(stopping)?;
                let Retranslated { outcome, .. } = translated;
                let store = Arc::clone(&self.store);
                let (compared, loaded) = (original.clone(), original.record.changeids.clone());
                let read = spawn_blocking(move || {
                    let first = original::changes(store.reader(), &loaded)?;
                    Ok(Comparison::new(&compared, first, outcome))
                });
                read.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))?
            }
        };
        Ok(comparison.to_json(&original.record))
    }

    async fn replay_one(&self, deliveryid: i64, request: String) -> Result<Value, CannotReplay> {
        let _permit = self.permits.acquire().await;
        let original = self.load(deliveryid).await?;
        let Some(dialect) = self.dialect(&original) else {
            return Err(CannotReplay::Refused(not_served(&original.record.dialect)));
        };
        let translated = translate(&self.translator, &dialect, &original).await.map_err(stopping)?;
        let Retranslated { outcome, note, .. } = translated;
        let route = outcome.as_ref().ok().and_then(Route::of);
        let state = match outcome {
            Ok(outcome) => new_state(outcome),
            Err(failure) => hookd_store::NewState::Refused(failure.into_reason().into_string()),
        };
        let of = original.record.deliveryid;
        let delivery = NewDelivery {
            received_at: Timestamp::now(),
            dialect: original.record.dialect.clone(),
            event: original.record.event.clone(),
            forge_id: original.record.forge_id.clone(),
            deduplicate: true,
            origin: Origin::NONE,
            replay: Some(Replay { of, request }),
            positions: None,
            note,
            request: None,
            state: mark(&original.record, state),
        };
        let Receipt { deliveryid, state, reported_changes, reason, is_duplicate } = self.store.append(delivery).await?;
        if state == State::Pending && !is_duplicate {
            self.followups.announce(deliveryid, route.unwrap_or_default());
        }
        tracing::info!(
            delivery = deliveryid,
            replay_of = of,
            dialect = original.record.dialect,
            outcome = state.name(),
            changes = reported_changes,
            reason,
            duplicate = is_duplicate,
            "replay"
        );
        Ok(json!({
            "deliveryid": deliveryid,
            "replay_of": of,
            "state": state.name(),
            "changes": reported_changes,
            "reason": reason,
            "repeated": is_duplicate,
        }))
    }
}

impl Replays for Replayer {
    fn preview(&self, deliveryid: i64) -> BoxFuture<'_, Result<Value, CannotReplay>> {
        self.preview_one(deliveryid).boxed()
    }

    fn replay(&self, deliveryid: i64, request: String) -> BoxFuture<'_, Result<Value, CannotReplay>> {
        self.replay_one(deliveryid, request).boxed()
    }
}

/// Why a delivery of a dialect cannot be translated any more.
pub(crate) fn not_served(dialect: &str) -> String {
    format!("the dialect `{dialect}` is not configured")
}

fn stopping(Stopping: Stopping) -> CannotReplay {
    CannotReplay::Unavailable(StoreError::Closed)
}

/// Compares a delivery of a store that is only read, with a dialect that need not be in use; `None` where there is none.
///
/// # Errors
/// Why it cannot be compared.
pub(crate) async fn compare(
    store: &dyn Browse,
    translator: &Translator,
    dialect: Option<&Arc<ServedDialect>>,
    deliveryid: i64,
) -> Result<(Original, Comparison), CannotReplay> {
    let original = load(store, deliveryid)?;
    let Some(dialect) = dialect else {
        let comparison = Comparison::not_served(&original);
        return Ok((original, comparison));
    };
    let Retranslated { outcome, .. } = translate(translator, dialect, &original).await.map_err(stopping)?;
    let first = original::changes(store, &original.record.changeids)?;
    let comparison = Comparison::new(&original, first, outcome);
    Ok((original, comparison))
}

#[cfg(test)]
mod tests;
