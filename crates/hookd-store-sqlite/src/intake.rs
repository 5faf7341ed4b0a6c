//! Takes what waits to be written, as batches.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use hookd_store::engine::Job;

/// How many writes one transaction takes at most.
pub(crate) const MAX_BATCH_WRITES: usize = 512;

/// What fraction of the last commit's duration to wait for more writes when the last batch was larger: the senders that were
/// just answered are about to send again, and on a slow disk one commit for all of them is cheaper than several.
const GATHER_PART: u32 = 4;

/// The shortest wait. On a quick disk the wait would be shorter than this, and only delay the commit, so there is none.
const MIN_GATHER_TIME: Duration = Duration::from_micros(150);

/// The longest wait: a single slow commit says nothing about the next one.
const MAX_GATHER_TIME: Duration = Duration::from_millis(5);

pub(crate) struct Intake {
    jobs: Receiver<Job>,
    /// How many writes the last batch had.
    last: usize,
    /// How long the last commit took.
    commit_time: Duration,
}

impl Intake {
    pub(crate) fn new(jobs: Receiver<Job>) -> Self {
        Self { jobs, last: 0, commit_time: Duration::ZERO }
    }

    /// Waits for writes; `None` when all senders are gone and nothing is left.
    pub(crate) fn take(&mut self) -> Option<Vec<Job>> {
        let mut batch = vec![self.jobs.recv().ok()?];
        batch.extend(self.jobs.try_iter().take(MAX_BATCH_WRITES - 1));
        if let Some(time) = self.gather_time(batch.len()) {
            std::thread::sleep(time);
            batch.extend(self.jobs.try_iter().take(MAX_BATCH_WRITES - batch.len()));
        }
        self.last = batch.len();
        Some(batch)
    }

    /// How long a batch of so many writes waits for more; `None` where it does not.
    fn gather_time(&self, writes: usize) -> Option<Duration> {
        let time = (self.commit_time / GATHER_PART).min(MAX_GATHER_TIME);
        (writes < self.last && time >= MIN_GATHER_TIME).then_some(time)
    }

    /// Takes note of how long a commit took, without what was prepared for it.
    pub(crate) fn committed(&mut self, commit_time: Duration) {
        self.commit_time = commit_time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_smaller_than_the_last_waits_where_the_disk_is_slow() {
        let (sender, jobs) = std::sync::mpsc::channel();
        let mut intake = Intake { last: 3, ..Intake::new(jobs) };
        assert_eq!(intake.gather_time(1), None, "nothing is known of the disk");
        for (commit, wait) in [(400, None), (1_000, Some(250)), (8_000, Some(2_000)), (10_000_000, Some(5_000))] {
            intake.committed(Duration::from_micros(commit));
            assert_eq!(intake.gather_time(2), wait.map(Duration::from_micros), "{commit} microseconds");
            assert_eq!(intake.gather_time(3), None, "it is as large as the last");
        }
        drop(sender);
        assert!(intake.take().is_none());
    }
}
