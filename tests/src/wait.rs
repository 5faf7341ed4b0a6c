//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything that a test waits for may take; far longer than it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
///
/// # Panics
/// When it has not within a minute: `what` then says what was waited for.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited a minute in vain until {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}
