//! Works on one pending delivery: rounds of translating and calling, until it is complete.

use std::sync::Arc;
use std::time::Duration;

use hookd_admin::Metrics;
use hookd_config::{ConfigHandle, ServedDialect};
use hookd_core::{ApiAnswer, ApiAnswers, ApiCall, HookRequest, Outcome};
use hookd_store::{Completion, Due, NewState, SharedStore, StoreError, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::api_client::{ApiClient, CallResult};
use super::backoff::Backoff;
use crate::translator::{Retranslated, Translator, new_state};

/// How many calls are made at a time.
const MAX_CONCURRENT_CALLS: usize = 8;

/// Rounds of calls for one delivery. More than a forge has pages means that a dialect goes round in circles.
const MAX_ROUNDS: usize = 100;

/// The pause before another attempt to complete a delivery while the store fails, in failed attempts of the back-off.
const STORE_BACKOFF_ATTEMPTS: u32 = 4;

/// What the work on every delivery needs.
pub(super) struct Worker {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    client: ApiClient,
    translator: Arc<Translator>,
    metrics: Arc<Metrics>,
    backoff: Backoff,
    calls: Semaphore,
}

impl Worker {
    pub(super) fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        client: ApiClient,
        translator: Arc<Translator>,
        metrics: Arc<Metrics>,
        backoff: Backoff,
    ) -> Self {
        let calls = Semaphore::new(MAX_CONCURRENT_CALLS);
        Self { store, config, client, translator, metrics, backoff, calls }
    }

    /// All deliveries that are pending in the store. Blocks on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.store.pending()
    }

    /// Works on a delivery until it is complete.
    ///
    /// # Errors
    /// Why this process cannot complete it; it stays pending.
    pub(super) async fn work(&self, mut due: Due) -> Result<(), String> {
        // The first attempt does not wait, whatever the clock says.
        if due.attempts > 0 {
            tokio::time::sleep(due.next_at.since(Timestamp::now()).min(self.backoff.longest())).await;
        }
        let Some(mut request) = self.request(due.deliveryid).await? else {
            return self.complete(&due, NewState::Refused("its request is no longer kept".to_owned()), None).await;
        };
        let mut answers = ApiAnswers::default();
        let mut missing = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let dialect = self.dialect(&due.dialect)?;
            let translated = self.translator.translate_with(&dialect, request, answers).await;
            let outcome;
            Retranslated { request, answers, outcome } = translated.map_err(|error| error.to_string())?;
            let calls = match outcome {
                Ok(Outcome::Calls { calls, .. }) => calls,
                Ok(outcome) => {
                    let note = (!missing.is_empty()).then(|| format!("could not be fetched: {}", missing.join("; ")));
                    return self.complete(&due, new_state(outcome), note).await;
                }
                Err(refusal) => {
                    return self.complete(&due, NewState::Refused(refusal.message().to_owned()), None).await;
                }
            };
            for call in calls {
                let answer = self.call_until(&call, &mut due, dialect.api_budget).await;
                if let Err(reason) = answer.success() {
                    missing.push(format!("{}: {reason}", call.url));
                }
                answers.insert(call.url, answer);
            }
        }
        Err(format!("its dialect asked for more than {MAX_ROUNDS} rounds of calls"))
    }

    async fn request(&self, deliveryid: i64) -> Result<Option<HookRequest>, String> {
        let store = Arc::clone(&self.store);
        let stored = spawn_blocking(move || store.request(deliveryid)).await.map_err(|error| error.to_string())?;
        Ok(stored.map_err(|error| error.to_string())?.map(|stored| stored.into_request()))
    }

    fn dialect(&self, name: &str) -> Result<Arc<ServedDialect>, String> {
        let dialect = self.config.current().dialects.get(name).cloned();
        dialect.ok_or_else(|| format!("the dialect `{name}` is not configured"))
    }

    /// Makes a call until there is a final answer, or the budget since the receipt of the delivery is used up. At least
    /// one attempt is made.
    async fn call_until(&self, call: &ApiCall, due: &mut Due, budget: Duration) -> ApiAnswer {
        loop {
            let (reason, asked_pause) = match self.call(call, &due.dialect).await {
                CallResult::Final(answer) => return answer,
                CallResult::Retryable { reason, pause } => (reason, pause),
            };
            due.attempts = due.attempts.saturating_add(1);
            let pause = asked_pause.unwrap_or_default().max(self.backoff.pause(due.attempts));
            let now = Timestamp::now();
            due.next_at = now.saturating_add(pause);
            // If the clock has been set back since, the budget counts from now.
            due.received_at = due.received_at.min(now);
            let (delivery, url, attempts) = (due.deliveryid, &call.url, due.attempts);
            if due.next_at > due.received_at.saturating_add(budget) {
                tracing::warn!(delivery, url, attempts, reason, "API call failed, giving up");
                let times = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
                return ApiAnswer::GaveUp(format!("{reason}, given up after {times}"));
            }
            tracing::warn!(delivery, url, attempts, reason, "API call failed, will retry");
            if let Err(error) = self.store.postpone(due.clone()).await {
                tracing::debug!(delivery, "the next attempt was not stored: {error}");
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn call(&self, call: &ApiCall, dialect: &str) -> CallResult {
        // Never closed, so that this is always a permit.
        let permit = self.calls.acquire().await;
        let result = self.client.call(call).await;
        drop(permit);
        let outcome = match &result {
            CallResult::Final(answer) if answer.success().is_ok() => "success",
            CallResult::Final(_) => "refused",
            CallResult::Retryable { .. } => "retry",
        };
        self.metrics.api_call(dialect, outcome);
        result
    }

    /// Stores the final state of a delivery, however long the store fails.
    async fn complete(&self, due: &Due, state: NewState, note: Option<String>) -> Result<(), String> {
        let completion = Completion { deliveryid: due.deliveryid, state, note };
        while let Err(error) = self.store.complete(completion.clone()).await {
            if !error.is_temporary() {
                return Err(error.to_string());
            }
            // The store logs a failure once itself.
            tracing::debug!(delivery = due.deliveryid, "not completed yet: {error}");
            tokio::time::sleep(self.backoff.pause(STORE_BACKOFF_ATTEMPTS)).await;
        }
        tracing::info!(
            delivery = due.deliveryid,
            dialect = due.dialect,
            outcome = completion.state.state().name(),
            changes = completion.state.changes().len(),
            reason = completion.reason(),
            after_us = Timestamp::now().as_micros() - due.received_at.as_micros(),
            "delivery completed"
        );
        Ok(())
    }
}
