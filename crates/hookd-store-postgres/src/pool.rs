//! Readers: some connections, which are made when they are needed, and kept.
//!
//! Reading blocks the thread that reads, which waits here for a task. It looks at its [limits](check_read_limits) meanwhile,
//! and gives up the task, and with it what the server does, when they are used up.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookd_store::{StoreError, check_read_limits};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_postgres::Client;

use crate::error::Failure;
use crate::session::Connector;

/// How many connections read at a time.
const MAX_READERS: usize = 8;

/// How often a thread that waits looks at its limits.
const LIMITS_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct Pool {
    runtime: Handle,
    shared: Arc<Shared>,
}

struct Shared {
    connector: Connector,
    idle: Mutex<Vec<Arc<Client>>>,
    permits: Semaphore,
}

/// A connection that reads. Unless it is given back, what it does is given up.
struct Reading {
    client: Arc<Client>,
    shared: Arc<Shared>,
    is_over: bool,
}

impl Pool {
    pub(crate) fn new(runtime: Handle, connector: Connector) -> Self {
        let shared = Shared { connector, idle: Mutex::default(), permits: Semaphore::new(MAX_READERS) };
        Self { runtime, shared: Arc::new(shared) }
    }

    /// Reads. `read` is called once more, with another connection, where the first one was lost meanwhile.
    ///
    /// # Errors
    /// As `read`, and when the limits of this thread are used up.
    pub(crate) fn read<T, F>(&self, read: impl Fn(Arc<Client>) -> F + Send + Sync + 'static) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        check_read_limits()?;
        let (sender, receiver) = sync_channel(1);
        let shared = Arc::clone(&self.shared);
        let task = self.runtime.spawn(async move {
            // Whoever has given up does not wait for it.
            let _ = sender.send(shared.run(read).await);
        });
        loop {
            match receiver.recv_timeout(LIMITS_INTERVAL) {
                Ok(result) => return result.map_err(StoreError::from),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = check_read_limits() {
                        task.abort();
                        return Err(error);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(StoreError::Closed),
            }
        }
    }

    /// Closes all connections that nobody uses.
    pub(crate) fn close(&self) {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Shared {
    async fn run<T, F>(self: &Arc<Self>, read: impl Fn(Arc<Client>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        // It is never closed.
        let _permit = self.permits.acquire().await.map_err(|_| Failure::Store(StoreError::Closed))?;
        if let Some(reading) = self.idle() {
            match reading.run(&read).await {
                // It was idle while the server was restarted.
                Err(failure) if failure.is_of_connection() => {}
                result => return result,
            }
        }
        let client = self.connector.connect().await?;
        Reading { client, shared: Arc::clone(self), is_over: false }.run(&read).await
    }

    fn idle(self: &Arc<Self>) -> Option<Reading> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|client| !client.is_closed());
        let client = idle.pop()?;
        Some(Reading { client, shared: Arc::clone(self), is_over: false })
    }
}

impl Reading {
    async fn run<T, F>(mut self, read: &impl Fn(Arc<Client>) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let result = read(Arc::clone(&self.client)).await;
        self.is_over = true;
        // After an error it may be within a transaction.
        if result.is_ok() {
            self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.client));
        }
        result
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.connector.cancel(Arc::clone(&self.client));
        }
    }
}
