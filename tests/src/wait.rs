//! Waits for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for anything; far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` returns something.
///
/// # Panics
/// When it has not within a minute; the message names `what`.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up after a minute; expected: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}
