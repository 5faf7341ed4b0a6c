//! Whether the store works, as its writer sees it: one log line when it begins to fail and one when it works again, however
//! many webhooks come in between.

use std::time::{Duration, Instant};

use crate::error::Failure;

/// How long a cause is not reported again. An outage that began within that time is reported when it outlasts it: the last
/// line must not say that the store works.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) struct Health {
    place: String,
    /// The cause that was reported last, and when.
    reported: Option<(String, Instant)>,
    outage: Option<Outage>,
}

/// A time in which every transaction failed.
struct Outage {
    since: Instant,
    /// Writes that were refused.
    writes: u64,
    /// Whether its begin was reported, so that its end is as well.
    is_reported: bool,
}

impl Health {
    pub(crate) fn new(place: String) -> Self {
        Self { place, reported: None, outage: None }
    }

    /// A transaction was committed.
    pub(crate) fn committed(&mut self) {
        if let Some(Outage { since, writes, is_reported: true }) = self.outage.take() {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(store = self.place, refused = writes, seconds, "the store works again");
        }
    }

    /// A transaction of so many writes failed.
    pub(crate) fn failed(&mut self, failure: &Failure, writes: usize) {
        let is_new = self.outage.is_none();
        let outage = self.outage.get_or_insert_with(|| Outage { since: Instant::now(), writes: 0, is_reported: false });
        outage.writes += writes as u64;
        let cause = failure.to_string();
        let is_due = match &self.reported {
            Some((last, when)) => {
                let is_other = *last != cause;
                (!outage.is_reported || is_other) && when.elapsed() >= REPORT_INTERVAL || is_new && is_other
            }
            None => true,
        };
        if is_due {
            outage.is_reported = true;
            let remedy = failure.remedy();
            tracing::error!(
                store = self.place,
                cause,
                remedy,
                "the store fails: webhooks are answered with 503 until it works"
            );
            self.reported = Some((cause, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_reported(health: &mut Health, message: &str) -> bool {
        let before = health.reported.as_ref().map(|(_, when)| *when);
        health.failed(&Failure::Database { message: message.to_owned(), remedy: "", is_of_data: false }, 1);
        health.reported.as_ref().map(|(_, when)| *when) != before
    }

    #[test]
    fn an_outage_that_began_soon_after_the_last_one_is_reported_once_when_it_lasts() {
        let mut health = Health::new("a database".to_owned());
        let later = |health: &mut Health| {
            health.reported.as_mut().unwrap().1 = Instant::now().checked_sub(REPORT_INTERVAL).unwrap();
        };
        assert!(is_reported(&mut health, "full"));
        health.committed();
        assert!(!is_reported(&mut health, "full"));
        later(&mut health);
        assert!(is_reported(&mut health, "full"), "the last line said that the store works");
        later(&mut health);
        assert!(!is_reported(&mut health, "full"), "an outage is reported once");
    }
}
