//! Watching a long command: how far it has come, and whether it is to go on.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

pub use hookd_store::copy::Progress;
use rusqlite::InterruptHandle;

/// How often what SQLite does by itself is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

type See = dyn Fn(Progress) -> bool + Send + Sync;

/// What watches a command: it learns twenty times a second or more how far the command has come, on the thread that gave
/// the command, and says whether it is to go on. The default has it go on and looks at nothing.
#[derive(Clone, Default)]
pub struct Watch {
    see: Option<Arc<See>>,
    is_stopped: Arc<AtomicBool>,
}

impl Watch {
    /// A watch that reports to this function, which returns whether the command goes on.
    pub fn new(see: impl Fn(Progress) -> bool + Send + Sync + 'static) -> Self {
        Self { see: Some(Arc::new(see)), is_stopped: Arc::default() }
    }

    /// Reports how far the command has come; `false` if it is to stop.
    pub(super) fn goes_on(&self, progress: Progress) -> bool {
        if !self.is_stopped() && self.see.as_ref().is_some_and(|see| !see(progress)) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        !self.is_stopped()
    }

    /// Whether it was to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Has SQLite work on another thread, and watches that meanwhile. `interrupt` is that of its connection.
    pub(super) fn run<T: Send>(
        &self,
        interrupt: &InterruptHandle,
        work: impl FnOnce() -> T + Send,
        progress: impl FnMut() -> Progress,
    ) -> T {
        let watcher = thread::current();
        thread::scope(|scope| {
            let worker = scope.spawn(move || {
                let result = work();
                watcher.unpark();
                result
            });
            self.wait(worker, interrupt, progress)
        })
    }

    /// Waits for SQLite on another thread, and interrupts it if the command is to stop.
    pub(super) fn wait<T>(
        &self,
        worker: ScopedJoinHandle<'_, T>,
        interrupt: &InterruptHandle,
        mut progress: impl FnMut() -> Progress,
    ) -> T {
        while !worker.is_finished() {
            if !self.goes_on(progress()) {
                interrupt.interrupt();
            }
            thread::park_timeout(INTERVAL);
        }
        worker.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
