//! What the private listener, its REST API and its pages work with.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::web;
use hookd_config::{Config, ConfigHandle};
use hookd_http::LogLimiter;
use hookd_sinks::Engine;
use hookd_store::{ReadLimits, SharedStore, StoreError, bounded};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::{Metrics, Replays, Unverified};

/// What every request needs.
#[derive(Clone)]
pub struct AppState {
    store: SharedStore,
    config: Arc<ConfigHandle>,
    unverified: Arc<Unverified>,
    metrics: Arc<Metrics>,
    sinks: Arc<Engine>,
    pollers: Arc<hookd_pollers::Engine>,
    replays: Arc<dyn Replays>,
    failed_logins: Arc<LogLimiter>,
    address: SocketAddr,
}

impl AppState {
    /// What is shown: the store, the configuration, what the public listener notes of its requests, the sinks and the
    /// pollers; and what translates deliveries anew. The listener's address is that of the configuration; see
    /// [`listening_on`](Self::listening_on).
    #[must_use]
    pub fn new(
        store: SharedStore,
        config: Arc<ConfigHandle>,
        unverified: Arc<Unverified>,
        metrics: Arc<Metrics>,
        sinks: Arc<Engine>,
        pollers: Arc<hookd_pollers::Engine>,
        replays: Arc<dyn Replays>,
    ) -> Self {
        let address = config.current().admin.listen;
        Self { store, config, unverified, metrics, sinks, pollers, replays, failed_logins: Arc::default(), address }
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

    pub(crate) fn replays(&self) -> &Arc<dyn Replays> {
        &self.replays
    }

    /// Bounds the log lines of logins that fail.
    pub(crate) fn failed_logins(&self) -> &LogLimiter {
        &self.failed_logins
    }

    pub(crate) fn sinks(&self) -> &Arc<Engine> {
        &self.sinks
    }

    pub(crate) fn pollers(&self) -> &Arc<hookd_pollers::Engine> {
        &self.pollers
    }
}

/// How many reads of the store run at a time, and how many answers are made of what was read. There is one listener for
/// them in a process.
const MAX_READS: usize = 4;

/// How long a read waits until fewer run.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

static READS: Semaphore = Semaphore::const_new(MAX_READS);

tokio::task_local! {
    /// The permit of the last read of a request, while its answer is made.
    static HELD: Cell<Option<SemaphorePermit<'static>>>;
}

/// Makes an answer. What it reads from the store counts until the answer is made: that is in memory as well, several
/// times as large, and readers that are quicker than the threads that make answers would pile it up.
pub(crate) async fn holding_reads<T>(make: impl Future<Output = T>) -> T {
    HELD.scope(Cell::default(), make).await
}

/// Reads from the store on a thread that may block: few at a time, within [`READ_TIMEOUT`], and no longer than the client
/// waits, since this future is dropped when it goes away.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let permit = match HELD.try_with(Cell::take).ok().flatten() {
        Some(held) => held,
        None => match timeout(QUEUE_TIMEOUT, READS.acquire()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(StoreError::Busy),
        },
    };
    let client = Client(Arc::default());
    let limits = ReadLimits { deadline: Instant::now() + READ_TIMEOUT, cancelled: Arc::clone(&client.0) };
    // The permit goes along: the read does not end when this future does.
    match web::block(move || (bounded(limits, read), permit)).await {
        Ok((result, permit)) => {
            // Outside of an answer it is given back here.
            let _ = HELD.try_with(|held| held.set(Some(permit)));
            result
        }
        Err(error) => Err(StoreError::Failed(error.to_string())),
    }
}

/// Whoever waits for an answer.
struct Client(Arc<AtomicBool>);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_read_ends_when_nobody_waits_for_it() {
        let (sender, ended) = tokio::sync::oneshot::channel();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let reading = blocking(move || {
            begun.send(()).unwrap();
            let error = loop {
                if let Err(error) = hookd_store::check_read_limits() {
                    break error;
                }
                std::thread::yield_now();
            };
            sender.send(error.clone()).unwrap();
            Err::<(), _>(error)
        });
        let reading = actix_web::rt::spawn(reading);
        has_begun.await.unwrap();
        reading.abort();
        assert_eq!(ended.await.unwrap(), StoreError::Cancelled);
    }
}
