//! What is done after a delivery was answered: the calls to a forge's API that its changes need.
//!
//! A pending delivery is in the store, so that it survives a restart. It is translated again with each round of answers
//! until its dialect needs no more. A call that fails in passing is tried again, at longer and longer intervals, until
//! the dialect's budget of time is used up; then the dialect is told so, and marks what it could not have.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use hookd_config::{ConfigHandle, ServedDialect};
use hookd_core::{ApiAnswer, ApiAnswers, ApiCall, HookRequest, Outcome, Refusal};
use hookd_store::{Completion, Due, NewState, SharedStore, StoreError, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER};
use reqwest::redirect;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use crate::delivery::state_of;
use crate::log::chain;
use crate::metrics::Metrics;

/// How many deliveries are worked on at a time.
const AT_A_TIME: usize = 8;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest answer that is read.
const LARGEST: usize = 64 << 20;

/// The longest interval between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Rounds of calls for one delivery; more than a forge has pages means a dialect that goes round in circles.
const MOST_ROUNDS: usize = 100;

/// Where new pending deliveries are announced.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::UnboundedSender<Due>);

impl Queue {
    /// Announces a pending delivery. One that is announced after the stop is taken up at the next start.
    pub(crate) fn push(&self, due: Due) {
        let _ = self.0.send(due);
    }
}

/// The work on pending deliveries.
pub(crate) struct Followups {
    queue: Queue,
    task: JoinHandle<()>,
}

struct Worker {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    client: reqwest::Client,
    permits: Semaphore,
    metrics: Arc<Metrics>,
}

/// How a call went.
enum Called {
    /// For good.
    Answered(ApiAnswer),
    /// In vain, for this reason; another try may do, not before the pause that the API asked for.
    InVain(String, Option<Duration>),
}

impl Followups {
    /// Starts, with all that is pending in the store. Call it before new deliveries are taken.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn start(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StoreError> {
        let pending = store.pending()?;
        let client = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            // A token must not go where a redirect points to; reqwest drops it for other hosts.
            .redirect(redirect::Policy::limited(3))
            .build()
            .map_err(|error| StoreError::Failed(chain(&error)))?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let queue = Queue(sender);
        if !pending.is_empty() {
            tracing::info!(deliveries = pending.len(), "going on with deliveries that are pending");
        }
        pending.into_iter().for_each(|due| queue.push(due));
        let worker = Arc::new(Worker { store, config, client, permits: Semaphore::new(AT_A_TIME), metrics });
        Ok(Self { queue, task: tokio::spawn(run(worker, receiver)) })
    }

    /// Where new pending deliveries are announced.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Stops. What is not done is pending still, and taken up at the next start.
    pub(crate) async fn stop(self) {
        self.task.abort();
        // The task was told to end; how it did says nothing.
        let _ = self.task.await;
    }
}

/// Works on all that is announced; a `JoinSet`, so that the work ends with this task.
async fn run(worker: Arc<Worker>, mut announced: mpsc::UnboundedReceiver<Due>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            due = announced.recv() => match due {
                Some(due) => drop(tasks.spawn(follow(Arc::clone(&worker), due))),
                None => return,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn follow(worker: Arc<Worker>, due: Due) {
    let deliveryid = due.deliveryid;
    if let Err(reason) = worker.work(due).await {
        tracing::error!(delivery = deliveryid, "a pending delivery has to wait for the next start: {reason}");
    }
}

impl Worker {
    /// Works on a delivery until it is complete.
    ///
    /// # Errors
    /// Why it cannot be completed by this process.
    async fn work(&self, mut due: Due) -> Result<(), String> {
        // Before its first try nothing is to be waited for, whatever the clock says.
        if due.attempts > 0 {
            tokio::time::sleep(due.next_at.since(Timestamp::now()).min(LONGEST_PAUSE)).await;
        }
        let store = Arc::clone(&self.store);
        let deliveryid = due.deliveryid;
        let stored = spawn_blocking(move || store.request(deliveryid)).await.map_err(|error| error.to_string())?;
        let request = match stored.map_err(|error| error.to_string())? {
            Some(stored) => stored.into_request(),
            None => return self.complete(&due, NewState::Refused("its request is no longer kept".into()), None).await,
        };
        let mut answers = ApiAnswers::default();
        let mut missing = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let dialect = self.config.current().dialects.get(&due.dialect).cloned();
            let dialect = dialect.ok_or_else(|| format!("the dialect `{}` is not configured", due.dialect))?;
            match translate(&dialect, &request, &answers) {
                Ok(Outcome::Calls { calls, .. }) => {
                    for call in calls {
                        let answer = self.call_until(&call, &mut due, dialect.api_budget).await;
                        if let Err(reason) = answer.success() {
                            missing.push(format!("{}: {reason}", call.url));
                        }
                        answers.insert(call.url, answer);
                    }
                }
                Ok(outcome) => {
                    let note = (!missing.is_empty()).then(|| format!("could not be had: {}", missing.join("; ")));
                    return self.complete(&due, state_of(outcome), note).await;
                }
                Err(refusal) => {
                    return self.complete(&due, NewState::Refused(refusal.message().to_owned()), None).await;
                }
            }
        }
        Err(format!("its dialect asked for more than {MOST_ROUNDS} rounds of calls"))
    }

    /// Calls until there is an answer, or the budget since the delivery came is used up. At least one try is made.
    async fn call_until(&self, call: &ApiCall, due: &mut Due, budget: Duration) -> ApiAnswer {
        loop {
            let called = match self.permits.acquire().await {
                Ok(_permit) => self.call(call).await,
                Err(closed) => Called::InVain(closed.to_string(), None),
            };
            let outcome = match &called {
                Called::Answered(answer) if answer.success().is_ok() => "success",
                Called::Answered(_) => "refused",
                Called::InVain(..) => "in vain",
            };
            self.metrics.api_call(&due.dialect, outcome);
            let (reason, asked) = match called {
                Called::Answered(answer) => return answer,
                Called::InVain(reason, asked) => (reason, asked),
            };
            due.attempts = due.attempts.saturating_add(1);
            let pause = asked.unwrap_or_default().max(pause_after(due.attempts));
            due.next_at = Timestamp::now().saturating_add(pause);
            tracing::warn!(delivery = due.deliveryid, url = call.url, attempts = due.attempts, reason, "call in vain");
            // The clock may have been set back since; the budget then counts from there.
            due.received_at = due.received_at.min(Timestamp::now());
            if due.next_at > due.received_at.saturating_add(budget) {
                return ApiAnswer::GaveUp(format!("{reason}, given up after {} tries", due.attempts));
            }
            if let Err(error) = self.store.postpone(due.clone()).await {
                tracing::debug!(delivery = due.deliveryid, "the next try was not written down: {error}");
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn call(&self, call: &ApiCall) -> Called {
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            match (HeaderName::try_from(*name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
                _ => return Called::Answered(ApiAnswer::GaveUp(format!("the header `{name}` cannot be sent"))),
            }
        }
        let response = match self.client.get(&call.url).headers(headers).send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => {
                return Called::Answered(ApiAnswer::GaveUp(chain(&error.without_url())));
            }
            Err(error) => return Called::InVain(chain(&error.without_url()), None),
        };
        let status = response.status().as_u16();
        let text = |name: &HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        if let Some(pause) = try_again(status, response.headers()) {
            return Called::InVain(format!("the API answered {status}"), pause);
        }
        let link = text(&LINK);
        let mut body = BytesMut::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) if body.len() + piece.len() <= LARGEST => body.extend_from_slice(&piece),
                Ok(_) => return Called::Answered(ApiAnswer::GaveUp("the answer is too large".into())),
                Err(error) => return Called::InVain(chain(&error.without_url()), None),
            }
        }
        Called::Answered(ApiAnswer::Answered { status, link, body: body.freeze() })
    }

    /// Writes down what came of a delivery, however long the store is not available.
    async fn complete(&self, due: &Due, state: NewState, note: Option<String>) -> Result<(), String> {
        let completion = Completion { deliveryid: due.deliveryid, state, note };
        loop {
            match self.store.complete(completion.clone()).await {
                Ok(_) => break,
                Err(StoreError::Closed) => return Err("the store is closed".to_owned()),
                Err(error) => {
                    // What is wrong with the store, it tells once itself.
                    tracing::debug!(delivery = due.deliveryid, "not completed yet: {error}");
                    tokio::time::sleep(pause_after(4)).await;
                }
            }
        }
        let (changes, reason) = match &completion.state {
            NewState::Accepted(changes) => (changes.len(), completion.note.as_ref()),
            NewState::Ignored(reason) | NewState::Refused(reason) => (0, Some(reason)),
            NewState::Pending { .. } => (0, None),
        };
        tracing::info!(
            delivery = due.deliveryid,
            dialect = due.dialect,
            outcome = completion.state.state().name(),
            changes,
            reason,
            after_us = Timestamp::now().as_micros() - due.received_at.as_micros(),
            "delivery completed"
        );
        Ok(())
    }
}

/// Translates; a dialect that panics is taken for one that refuses.
fn translate(dialect: &ServedDialect, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
    let translate = std::panic::AssertUnwindSafe(|| dialect.hook.translate_with(request, answers));
    std::panic::catch_unwind(translate).unwrap_or_else(|_| Err(Refusal::new("the dialect failed on this request")))
}

/// Whether an answer is worth another try, and the pause that the API asks for: `Retry-After`, or GitHub's
/// `X-RateLimit-Reset` when nothing remains.
fn try_again(status: u16, headers: &HeaderMap) -> Option<Option<Duration>> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let retry_after = number(RETRY_AFTER.as_str());
    let is_limited = number("x-ratelimit-remaining") == Some(0);
    let is_passing = match status {
        408 | 425 | 429 | 500..=599 => true,
        403 => is_limited || retry_after.is_some(),
        _ => false,
    };
    let reset = number("x-ratelimit-reset").filter(|_| is_limited).map(|reset| reset - Timestamp::now().as_seconds());
    let pause = retry_after.or(reset).and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    is_passing.then_some(pause)
}

/// One second after the first try, twice as long after each other, up to a minute.
fn pause_after(attempts: u32) -> Duration {
    let doubled = 1_u64 << attempts.saturating_sub(1).min(10);
    Duration::from_secs(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_again_what_may_pass() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        assert_eq!(try_again(200, &headers(&[])), None);
        assert_eq!(try_again(404, &headers(&[("retry-after", "5")])), None);
        assert_eq!(try_again(503, &headers(&[])), Some(None));
        assert_eq!(try_again(429, &headers(&[("retry-after", "5")])), Some(Some(Duration::from_secs(5))));
        assert_eq!(try_again(403, &headers(&[("x-ratelimit-remaining", "7")])), None);
        let reset = (Timestamp::now().as_seconds() + 100).to_string();
        let limited = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)]);
        let pause = try_again(403, &limited).unwrap().unwrap();
        assert!(pause > Duration::from_secs(90) && pause <= Duration::from_secs(100), "{pause:?}");
    }

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let seconds: Vec<_> = (1..9).map(|attempts| pause_after(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
