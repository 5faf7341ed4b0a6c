//! The threads of a store: its connections, and what it writes.

use std::sync::mpsc::sync_channel;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::OpenError;

/// Threads that end when this is dropped, and what runs on them with them. It is not waited for: that would block, which an
/// event loop may not.
pub(crate) struct Threads {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Threads {
    pub(crate) fn start() -> Result<Self, OpenError> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("store-postgres").enable_all().build();
        let runtime = runtime.map_err(OpenError::Thread)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for a task, whatever this thread is.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, OpenError>> + Send + 'static,
    ) -> Result<T, OpenError> {
        let (sender, receiver) = sync_channel(1);
        self.handle.spawn(async move {
            // Somebody waits for it, below.
            let _ = sender.send(task.await);
        });
        receiver.recv().unwrap_or_else(|_| Err(OpenError::Thread(std::io::Error::other("the store panicked"))))
    }

    pub(crate) fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}
