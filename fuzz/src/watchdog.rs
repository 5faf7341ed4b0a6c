//! Ends the process when an input takes too long: nothing else could stop it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long one input may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Watches the inputs of one thread.
pub(crate) struct Watchdog {
    started: Instant,
    /// When the present input began, in milliseconds since then; 0 for none.
    since: Arc<AtomicU64>,
}

impl Watchdog {
    /// Starts to watch. `current` is the file that holds the present input.
    pub(crate) fn start(current: &Path) -> Self {
        let (started, since) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let (watched, current) = (Arc::downgrade(&since), PathBuf::from(current));
        thread::spawn(move || {
            while let Some(since) = watched.upgrade() {
                let began = since.load(Ordering::Relaxed);
                let now = started.elapsed();
                if began > 0 && now.saturating_sub(Duration::from_millis(began)) > LIMIT {
                    eprintln!("an input takes more than {LIMIT:?}: {}", current.display());
                    std::process::exit(2);
                }
                drop(since);
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self { started, since }
    }

    /// An input begins.
    pub(crate) fn begin(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(now.max(1), Ordering::Relaxed);
    }

    /// The input has ended.
    pub(crate) fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }
}
