//! Follow-ups: after a delivery was answered, the calls to a forge's API that its changes need.
//!
//! Invariants: a pending delivery and its next attempt are in the store, so a restart continues with it. A delivery is
//! translated again after each round of answers, until its dialect needs no more calls. A call that failed for now is
//! retried with growing pauses for as long as the dialect's budget lasts, counted from the receipt of the delivery; then
//! the dialect gets the failure as its answer and marks what is missing. At least one attempt is made.

mod api_client;
mod backoff;
mod worker;

use std::sync::Arc;

use hookd_admin::Metrics;
use hookd_config::ConfigHandle;
use hookd_store::{Due, SharedStore, StoreError};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use self::api_client::ApiClient;
use self::backoff::Backoff;
use self::worker::Worker;
use crate::log::chain;
use crate::translator::Translator;

/// Where new pending deliveries are announced.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::UnboundedSender<Due>);

impl Queue {
    /// A queue, and where its deliveries arrive.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Due>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Announces a pending delivery. One that is announced after the stop is resumed at the next start.
    pub(crate) fn push(&self, due: Due) {
        let _ = self.0.send(due);
    }
}

/// The work on pending deliveries.
pub(crate) struct Followups {
    queue: Queue,
    task: JoinHandle<()>,
}

impl Followups {
    /// Starts with all deliveries that are pending in the store. Call it before new ones are accepted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn start(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        translator: Arc<Translator>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StoreError> {
        let client = ApiClient::new().map_err(|error| StoreError::Failed(chain(&error)))?;
        Self::start_with(Worker::new(store, config, client, translator, metrics, Backoff::default()))
    }

    fn start_with(worker: Worker) -> Result<Self, StoreError> {
        let pending = worker.pending()?;
        if !pending.is_empty() {
            tracing::info!(deliveries = pending.len(), "resuming pending deliveries");
        }
        let (queue, receiver) = Queue::new();
        pending.into_iter().for_each(|due| queue.push(due));
        Ok(Self { queue, task: tokio::spawn(run(Arc::new(worker), receiver)) })
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

/// Works on all that is announced; in a `JoinSet`, so that the work ends with this task.
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
        tracing::error!(delivery = deliveryid, "pending delivery deferred until restart: {reason}");
    }
}

#[cfg(test)]
mod tests;
