//! Works on one pending delivery: rounds of translating and calling, until it is complete.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookd_admin::Metrics;
use hookd_config::{ConfigHandle, ServedDialect};
use hookd_core::{ApiAnswer, ApiAnswers, ApiCall, Outcome};
use hookd_store::{ApiCalls, Completion, DeliveryRecord, Due, NewState, SharedStore, StoreError, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;

use super::api_client::{ApiClient, CallResult};
use super::backoff::Backoff;
use super::route::Route;
use crate::replays;
use crate::translator::{Failure, Retranslated, Translator, new_state};

/// How many deliveries call one endpoint at a time.
const MAX_DELIVERIES_AT_ENDPOINT: usize = 8;

/// From how many endpoints on those that nobody calls are forgotten.
const MAX_IDLE_ENDPOINTS: usize = 64;

/// How many requests are loaded at a time. They are dropped again before a call is made.
const MAX_LOADED_REQUESTS: usize = 2;

/// How many bytes of answers a delivery keeps while it waits for another attempt; with more it asks again from the start.
const MAX_KEPT_ANSWER_BYTES: usize = 256 << 10;

/// How long an API may lag behind its webhooks. What it does not know by then does not exist, or is not shown.
const MAX_LAG: Duration = Duration::from_secs(70);

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
    endpoints: Mutex<HashMap<String, Arc<Semaphore>>>,
    loads: Semaphore,
}

/// What the API has answered so far.
#[derive(Default)]
struct Gathered {
    answers: ApiAnswers,
    /// What could not be fetched, and why.
    missing: Vec<String>,
}

/// What a delivery was translated to with some answers.
struct Translated {
    answers: ApiAnswers,
    outcome: Result<Outcome, Failure>,
    /// What was left out of its changes.
    left_out: Option<String>,
    /// The delivery that it replays, if it does.
    replay_of: Option<DeliveryRecord>,
}

/// How an attempt ended.
enum Attempt {
    /// With this state and note.
    Complete(NewState, Option<String>),
    /// A call failed for now. The next attempt begins after this pause, with these answers.
    Postponed(Duration, Gathered),
}

/// How a call ended.
enum Call {
    Answered(ApiAnswer),
    Postponed(Duration),
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
        let loads = Semaphore::new(MAX_LOADED_REQUESTS);
        Self { store, config, client, translator, metrics, backoff, endpoints: Mutex::default(), loads }
    }

    /// How many deliveries are pending in the store. Blocks on it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn pending_count(&self) -> Result<usize, StoreError> {
        self.store.pending_count()
    }

    /// The pending deliveries with numbers above `after`, ascending, at most `most`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError> {
        let store = Arc::clone(&self.store);
        let read = spawn_blocking(move || store.pending_after(after, most)).await;
        read.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    /// A watch on how often pending deliveries came from other hookds.
    pub(super) fn handovers(&self) -> watch::Receiver<u64> {
        self.store.handovers()
    }

    /// Waits as after so many failed attempts.
    pub(super) async fn pause(&self, attempts: u32) {
        tokio::time::sleep(self.backoff.pause(attempts)).await;
    }

    /// Whom a delivery of an earlier run waits for and asks, by translating it.
    pub(super) async fn route(&self, due: &Due) -> Route {
        let Some(dialect) = self.dialect(&due.dialect) else { return Route::default() };
        // What fails here fails again when its turn comes, and ends there.
        let translated = self.translate(due, &dialect, ApiAnswers::default()).await.ok().flatten();
        translated.and_then(|translated| Route::of(&translated.outcome.ok()?)).unwrap_or_default()
    }

    /// Works on a delivery until it is complete.
    ///
    /// # Errors
    /// Why this process cannot complete it; it stays pending.
    pub(super) async fn work(&self, mut due: Due, endpoint: &str) -> Result<(), String> {
        let mut gathered = Gathered::default();
        let mut calls = calls_before(&due);
        // The first attempt does not wait, whatever the clock says.
        if due.attempts > 0 {
            tokio::time::sleep(due.next_at.since(Timestamp::now()).min(self.backoff.longest())).await;
        }
        loop {
            let permit = self.permit(endpoint).await;
            let attempt = self.attempt(&mut due, gathered, &mut calls).await?;
            let pause = match attempt {
                // With its permit: while the store fails, only so many wait with their changes.
                Attempt::Complete(state, note) => return self.complete(&due, state, note, calls).await,
                Attempt::Postponed(pause, kept) => {
                    let is_small = kept.answers.body_bytes() <= MAX_KEPT_ANSWER_BYTES;
                    gathered = if is_small { kept } else { Gathered::default() };
                    pause
                }
            };
            drop(permit);
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns when the dialect of a delivery is no longer configured; not before that.
    pub(super) fn removal_of(&self, due: &Due) -> impl Future<Output = ()> + use<> {
        let (mut configs, dialect) = (self.config.subscribe(), due.dialect.clone());
        async move {
            if configs.wait_for(|config| !config.dialects.contains_key(&dialect)).await.is_err() {
                // Nothing replaces the configuration any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends a delivery whose dialect is no longer configured.
    ///
    /// # Errors
    /// As [`work`](Self::work).
    pub(super) async fn end_removed(&self, due: &Due) -> Result<(), String> {
        self.complete(due, removed(&due.dialect), None, calls_before(due)).await
    }

    /// Rounds of translating and calling, until there is a result or a call fails for now.
    async fn attempt(&self, due: &mut Due, gathered: Gathered, made: &mut ApiCalls) -> Result<Attempt, String> {
        let Gathered { mut answers, mut missing } = gathered;
        // Each round adds an answer, of which the translator allows a number.
        loop {
            let Some(dialect) = self.dialect(&due.dialect) else {
                return Ok(Attempt::Complete(removed(&due.dialect), None));
            };
            let Some(Translated { answers: answered, outcome, left_out, replay_of }) =
                self.translate(due, &dialect, answers).await?
            else {
                let reason = "its request is no longer kept".to_owned();
                return Ok(Attempt::Complete(NewState::Refused(reason), None));
            };
            answers = answered;
            let calls = match outcome {
                Ok(Outcome::Calls { calls, .. }) => calls,
                Ok(outcome) => {
                    let state = new_state(outcome);
                    let state = match &replay_of {
                        Some(original) => replays::mark(original, state),
                        None => state,
                    };
                    let missing =
                        (!missing.is_empty()).then(|| format!("could not be fetched: {}", missing.join("; ")));
                    let notes: Vec<String> = missing.into_iter().chain(left_out).collect();
                    let note = (!notes.is_empty()).then(|| notes.join("; "));
                    return Ok(Attempt::Complete(state, note));
                }
                Err(failure) => {
                    return Ok(Attempt::Complete(NewState::Refused(failure.into_reason().into_string()), None));
                }
            };
            for call in calls {
                if answers.get(&call.url).is_some() {
                    continue;
                }
                match self.call(&call, due, dialect.api_budget, made).await {
                    Call::Answered(answer) => {
                        if let Err(reason) = answer.success() {
                            missing.push(format!("{}: {reason}", call.url));
                        }
                        answers.insert(call.url, answer);
                    }
                    Call::Postponed(pause) => return Ok(Attempt::Postponed(pause, Gathered { answers, missing })),
                }
            }
        }
    }

    /// Translates a delivery with these answers, and gives them back. Its request is in memory only meanwhile. `None` if
    /// it is no longer kept.
    async fn translate(
        &self,
        due: &Due,
        dialect: &Arc<ServedDialect>,
        answers: ApiAnswers,
    ) -> Result<Option<Translated>, String> {
        // Never closed, so that this is always a permit.
        let _load = self.loads.acquire().await;
        let (store, deliveryid) = (Arc::clone(&self.store), due.deliveryid);
        let loaded = self.translator.load(move || replays::load_request(store.reader(), deliveryid)).await;
        let loaded = loaded.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let Some((request, replay_of)) = loaded else { return Ok(None) };
        let translated = self.translator.translate_with(dialect, request.into_request(), answers).await;
        let Retranslated { answers, outcome, note: left_out } = translated.map_err(|error| error.to_string())?;
        Ok(Some(Translated { answers, outcome, left_out, replay_of }))
    }

    fn dialect(&self, name: &str) -> Option<Arc<ServedDialect>> {
        self.config.current().dialects.get(name).cloned()
    }

    /// Waits until an endpoint may be called for one more delivery.
    async fn permit(&self, endpoint: &str) -> Option<OwnedSemaphorePermit> {
        let permits = {
            let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
            if endpoints.len() > MAX_IDLE_ENDPOINTS {
                endpoints.retain(|_, permits| Arc::strong_count(permits) > 1);
            }
            let new = || Arc::new(Semaphore::new(MAX_DELIVERIES_AT_ENDPOINT));
            Arc::clone(endpoints.entry(endpoint.to_owned()).or_insert_with(new))
        };
        // Never closed, so that this is always a permit.
        permits.acquire_owned().await.ok()
    }

    /// Makes a call once. A failure for now postpones the delivery, unless the budget since its receipt is used up.
    async fn call(&self, call: &ApiCall, due: &mut Due, budget: Duration, made: &mut ApiCalls) -> Call {
        let result = self.client.call(call).await;
        count(made, &call.url, &result);
        let (reason, asked_pause, absent) = match result {
            CallResult::Retryable { reason, pause } => (reason, pause, None),
            CallResult::Final(answer) => match answer.success() {
                Err(reason) if call.is_announced && answer.is_absent() => (reason, None, Some(answer)),
                success => {
                    let outcome = if success.is_ok() { "success" } else { "refused" };
                    self.metrics.api_call(&due.dialect, outcome);
                    return Call::Answered(answer);
                }
            },
        };
        let budget = if absent.is_some() { budget.min(MAX_LAG) } else { budget };
        due.attempts = due.attempts.saturating_add(1);
        let pause = asked_pause.unwrap_or_default().max(self.backoff.pause(due.attempts));
        let now = Timestamp::now();
        due.next_at = now.saturating_add(pause);
        due.error = Some(format!("{}: {reason}", call.url));
        // If the clock has been set back since, the budget counts from now.
        due.received_at = due.received_at.min(now);
        let (delivery, url, attempts) = (due.deliveryid, &call.url, due.attempts);
        if due.next_at > due.received_at.saturating_add(budget) {
            self.metrics.api_call(&due.dialect, if absent.is_some() { "refused" } else { "retry" });
            if let Some(absent) = absent {
                return Call::Answered(absent);
            }
            tracing::warn!(delivery, url, attempts, reason, "API call failed, giving up");
            let times = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
            return Call::Answered(ApiAnswer::GaveUp(format!("{reason}, given up after {times}")));
        }
        self.metrics.api_call(&due.dialect, "retry");
        tracing::warn!(delivery, url, attempts, reason, "API call failed, will retry");
        if let Err(error) = self.store.postpone(due.clone()).await {
            tracing::debug!(delivery, "the next attempt was not stored: {error}");
        }
        Call::Postponed(pause)
    }

    /// Stores the final state of a delivery, however long the store fails.
    async fn complete(
        &self,
        due: &Due,
        state: NewState,
        note: Option<String>,
        api_calls: ApiCalls,
    ) -> Result<(), String> {
        let completion = Completion { deliveryid: due.deliveryid, state, note, api_calls };
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

/// The calls of earlier runs, of which only those that failed are known.
fn calls_before(due: &Due) -> ApiCalls {
    ApiCalls { made: due.attempts, failed: due.attempts, last_error: due.error.clone() }
}

fn count(calls: &mut ApiCalls, url: &str, result: &CallResult) {
    calls.made = calls.made.saturating_add(1);
    let error = match result {
        CallResult::Final(answer) => answer.success().err().map(|reason| reason.to_string()),
        CallResult::Retryable { reason, .. } => Some(reason.to_string()),
    };
    if let Some(reason) = error {
        calls.failed = calls.failed.saturating_add(1);
        calls.last_error = Some(format!("{url}: {reason}"));
    }
}

/// How a delivery ends whose dialect is no longer configured.
fn removed(dialect: &str) -> NewState {
    NewState::Ignored(format!(
        "the dialect `{dialect}` was removed from the configuration before the forge's API had answered"
    ))
}
