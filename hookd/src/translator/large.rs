//! Threads for large work: few, so that memory which one piece of work has freed serves the next.
//!
//! An allocator keeps for each thread what that thread has freed, for a while. On a pool of hundreds of threads, work that
//! takes 20 MiB takes that much on each thread that happens to do it.

use tokio::runtime::{Builder, Runtime};

use super::Stopping;

/// A pool of a few threads that may block.
pub(crate) struct LargeWork(Option<Runtime>);

impl LargeWork {
    /// A pool of at most so many threads.
    pub(crate) fn on_threads(threads: usize) -> Self {
        let runtime = Builder::new_current_thread().max_blocking_threads(threads).thread_name("large").build();
        Self(Some(runtime.expect("a runtime without input and output needs nothing of the system")))
    }

    /// Works on one of the threads, when it is its turn.
    ///
    /// # Errors
    /// When hookd stops, or the work panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopping> {
        let runtime = self.0.as_ref().ok_or(Stopping)?;
        runtime.spawn_blocking(work).await.map_err(|_| Stopping)
    }
}

impl Drop for LargeWork {
    /// Waits for no work: nobody needs its result any more.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
