//! Follow-ups: after a delivery was answered, the calls to a forge's API that its changes need.
//!
//! Invariants:
//! - A pending delivery and its next attempt are in the store, so a restart continues with it.
//! - A delivery is translated again after each round of answers, until its dialect needs no more calls. A call that failed
//!   for now is retried with growing pauses for as long as the dialect's budget lasts, counted from the receipt of the
//!   delivery; then the dialect gets the failure as its answer and marks what is missing. At least one attempt is made.
//! - Deliveries of one line, such as a pull request, are worked on one after the other in the order in which they were
//!   received. All others do not wait for them.
//! - A delivery that waits takes no more memory than its number, dialect and line: its request is loaded to be translated
//!   and dropped before a call is made. Each endpoint has a limit of its own, so that one that hangs holds up no other.
//! - Where several hookds share the store, each pending delivery is one's to complete. What comes from another one, because
//!   that one has received it for this one or has died, may have smaller numbers than what is worked on already.
//! - A delivery whose dialect is no longer configured ends, since nothing could ever complete it.

mod api_client;
mod backoff;
mod lines;
mod route;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hookd_admin::Metrics;
use hookd_config::ConfigHandle;
use hookd_store::{Due, SharedStore, StoreError};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::api_client::ApiClient;
use self::backoff::Backoff;
use self::lines::{Lines, Turn};
pub(crate) use self::route::Route;
use self::worker::Worker;
use crate::translator::Translator;

/// How many pending deliveries are taken from the store at a time.
const CHUNK_DELIVERIES: usize = 256;

/// How many deliveries wait in memory, at about a kilobyte each; more stay in the store until some of these are complete.
const MAX_WAITING_DELIVERIES: usize = 16_384;

/// The pause after the store could not be read, in failed attempts of the back-off.
const STORE_BACKOFF_ATTEMPTS: u32 = 4;

/// Where new pending deliveries are announced.
#[derive(Clone)]
pub(crate) struct Queue(UnboundedSender<Announced>);

/// A delivery that has become pending, with what is known of it already.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) deliveryid: i64,
    pub(crate) route: Route,
}

impl Queue {
    /// A queue, and where its deliveries arrive.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Announced>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Announces a pending delivery that is stored. One that is announced after the stop is resumed at the next start.
    pub(crate) fn announce(&self, deliveryid: i64, route: Route) {
        let _ = self.0.send(Announced { deliveryid, route });
    }
}

/// The work on pending deliveries.
pub(crate) struct Followups {
    queue: Queue,
    task: JoinHandle<()>,
}

impl Followups {
    /// Starts with all deliveries that are pending in the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn start(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        translator: Arc<Translator>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StoreError> {
        let client = ApiClient::new().map_err(StoreError::Failed)?;
        Self::start_with(Worker::new(store, config, client, translator, metrics, Backoff::default()))
    }

    fn start_with(worker: Worker) -> Result<Self, StoreError> {
        let deliveries = worker.pending_count()?;
        if deliveries > 0 {
            tracing::info!(deliveries, "resuming pending deliveries");
        }
        let (queue, announced) = Queue::new();
        Ok(Self { queue, task: tokio::spawn(run(Arc::new(worker), announced)) })
    }

    /// Where new pending deliveries are announced.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Stops. What is not done stays pending and is resumed at the next start.
    pub(crate) async fn stop(self) {
        self.task.abort();
        // The only error is that the task was aborted.
        let _ = self.task.await;
    }
}

/// Takes deliveries from the store in the order of their numbers, which is that of their receipt, and starts a task for
/// each; in a `JoinSet`, so that the work ends with this task. An announcement is no more than a reason to look, since two
/// may come in the wrong order.
async fn run(worker: Arc<Worker>, mut announced: UnboundedReceiver<Announced>) {
    let mut tasks: JoinSet<(i64, Route)> = JoinSet::new();
    let mut lines = Lines::default();
    let mut routes = HashMap::new();
    let (mut taken, mut has_more) = (0, true);
    let mut handovers = worker.handovers();
    // Those that have been taken and have not ended.
    let mut working = HashSet::new();
    loop {
        while let Ok(Announced { deliveryid, route }) = announced.try_recv() {
            routes.insert(deliveryid, route);
            has_more = true;
        }
        while let Some(ended) = tasks.try_join_next() {
            end(&mut lines, &mut working, ended);
        }
        if has_more && tasks.len() < MAX_WAITING_DELIVERIES {
            match worker.pending_after(taken, CHUNK_DELIVERIES).await {
                Ok(chunk) => {
                    has_more = chunk.len() == CHUNK_DELIVERIES;
                    for due in chunk {
                        taken = due.deliveryid;
                        if !working.insert(taken) {
                            continue;
                        }
                        let mut route = match routes.remove(&taken) {
                            Some(route) => route,
                            None => worker.route(&due).await,
                        };
                        // Two dialects may name their lines alike.
                        route.line = route.line.map(|line| format!("{} {line}", due.dialect));
                        let turn = lines.enter(&due, &route);
                        tasks.spawn(follow(Arc::clone(&worker), due, route, turn));
                    }
                    // The rest was completed before it was looked at, or is another one's to complete.
                    routes.retain(|deliveryid, _| has_more && *deliveryid > taken);
                }
                Err(error) => {
                    tracing::debug!("cannot read the pending deliveries: {error}");
                    worker.pause(STORE_BACKOFF_ATTEMPTS).await;
                }
            }
            continue;
        }
        tokio::select! {
            next = announced.recv() => match next {
                Some(Announced { deliveryid, route }) => {
                    routes.insert(deliveryid, route);
                    has_more = true;
                }
                None => return,
            },
            Some(ended) = tasks.join_next() => end(&mut lines, &mut working, ended),
            () = next(&mut handovers) => (taken, has_more) = (0, true),
        }
    }
}

/// Waits until deliveries are handed over; for ever where they never are.
async fn next(handovers: &mut watch::Receiver<u64>) {
    if handovers.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn end(lines: &mut Lines, working: &mut HashSet<i64>, ended: Result<(i64, Route), tokio::task::JoinError>) {
    // A task that panicked has left its line as well; only its entries stay.
    if let Ok((deliveryid, route)) = ended {
        working.remove(&deliveryid);
        lines.leave(deliveryid, &route);
    }
}

/// Works on a delivery when its turn has come, unless its dialect is removed before it is complete.
async fn follow(worker: Arc<Worker>, due: Due, route: Route, turn: Turn) -> (i64, Route) {
    let deliveryid = due.deliveryid;
    let removed = worker.removal_of(&due);
    let work = async {
        turn.wait().await;
        // On the heap only now: thousands may wait.
        Box::pin(worker.work(due.clone(), &route.endpoint)).await
    };
    let result = tokio::select! {
        result = work => result,
        () = removed => worker.end_removed(&due).await,
    };
    if let Err(reason) = result {
        tracing::error!(delivery = deliveryid, "pending delivery deferred until restart: {reason}");
    }
    drop(turn);
    (deliveryid, route)
}

#[cfg(test)]
mod tests;
