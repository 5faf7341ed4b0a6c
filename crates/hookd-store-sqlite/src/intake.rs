//! Takes what waits to be written, as batches.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use hookd_store::engine::Job;

/// How many writes one transaction takes at most.
pub(crate) const MAX_BATCH_WRITES: usize = 512;

/// How long to wait for company when the last batch was larger: those who were answered with it are about to send again,
/// and one commit for all of them costs less than one for each.
const GATHER_TIME: Duration = Duration::from_micros(100);

pub(crate) struct Intake {
    jobs: Receiver<Job>,
    /// How many writes the last batch had.
    last: usize,
}

impl Intake {
    pub(crate) fn new(jobs: Receiver<Job>) -> Self {
        Self { jobs, last: 0 }
    }

    /// Waits for writes; `None` when all senders are gone and nothing is left.
    pub(crate) fn take(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.jobs.recv().ok()?];
        batch.extend(self.jobs.try_iter().take(MAX_BATCH_WRITES - 1));
        if batch.len() < self.last {
            std::thread::sleep(GATHER_TIME);
            batch.extend(self.jobs.try_iter().take(MAX_BATCH_WRITES - batch.len()));
        }
        self.last = batch.len();
        Some(batch)
    }
}
