//! Rate-limits log lines that unauthenticated senders can trigger, so that nobody can fill a disk with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many lines are written in each [`WINDOW`].
const LINES_PER_WINDOW: u32 = 10;

/// The time over which lines are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// The limit on one kind of log line: ten a second, and then the number of those that were suppressed.
#[derive(Debug, Default)]
pub struct LogLimiter {
    window: Mutex<Option<Window>>,
    suppressed: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    lines: u32,
}

impl LogLimiter {
    /// Whether to write a line now. A line that is not written is counted, and within a second `summary` is called with
    /// the number of such lines.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which calls `summary`.
    pub fn allows(&self, summary: fn(u64)) -> bool {
        if self.is_within_limit(Instant::now()) {
            return true;
        }
        if self.suppressed.fetch_add(1, Ordering::Relaxed) == 0 {
            let suppressed = Arc::clone(&self.suppressed);
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                summary(suppressed.swap(0, Ordering::Relaxed));
            });
        }
        false
    }

    fn is_within_limit(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some(window) if now.saturating_duration_since(window.start) < WINDOW => {
                window.lines += 1;
                window.lines <= LINES_PER_WINDOW
            }
            window => {
                *window = Some(Window { start: now, lines: 1 });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_ten_lines_in_each_second() {
        let limiter = LogLimiter::default();
        let start = Instant::now();
        let allowed = |second| (0..50).filter(|_| limiter.is_within_limit(start + WINDOW * second)).count();
        assert_eq!([allowed(0), allowed(1), allowed(5)], [10, 10, 10]);
    }
}
