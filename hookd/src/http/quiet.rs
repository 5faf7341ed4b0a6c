//! Lines of the log that strangers can cause: only so many a second, so that nobody fills the disk with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many lines a second are written.
const LINES: u32 = 10;

/// The time for which they are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// A kind of line of which only so many are written.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    window: Mutex<Option<Window>>,
    hidden: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Window {
    begun: Instant,
    lines: u32,
}

impl Quiet {
    /// Whether a line is to be written. Those that are not are counted, and `summary` is called with their number at the
    /// end of the second.
    pub(super) fn allows(&self, summary: fn(u64)) -> bool {
        if self.is_within_bounds(Instant::now()) {
            return true;
        }
        if self.hidden.fetch_add(1, Ordering::Relaxed) == 0 {
            let hidden = Arc::clone(&self.hidden);
            actix_web::rt::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                summary(hidden.swap(0, Ordering::Relaxed));
            });
        }
        false
    }

    fn is_within_bounds(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some(window) if now.saturating_duration_since(window.begun) < WINDOW => {
                window.lines += 1;
                window.lines <= LINES
            }
            window => {
                *window = Some(Window { begun: now, lines: 1 });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_so_many_through_in_each_second() {
        let quiet = Quiet::default();
        let start = Instant::now();
        let allowed = |second| (0..50).filter(|_| quiet.is_within_bounds(start + WINDOW * second)).count();
        assert_eq!([allowed(0), allowed(1), allowed(5)], [10, 10, 10]);
    }
}
