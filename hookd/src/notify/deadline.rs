//! The time that a hook may take, and how much of it reading the repository may.

use std::time::{Duration, Instant};

/// When a hook has to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    /// This long from `started`.
    pub(crate) fn new(started: Instant, limit: Duration) -> Self {
        Self { started, limit }
    }

    /// What is left; zero when it has passed.
    pub(crate) fn left(self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// The same beginning, and this long.
    pub(crate) fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The part of it in which the repository is read: three fifths, so that there is time to send.
    pub(crate) fn for_reading(self) -> Self {
        Self { limit: self.limit * 3 / 5, ..self }
    }

    /// The whole of it.
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }
}
