//! When a poller polls next. It knows no clock, so that it is tested by itself.

use std::time::Duration;

use hookd_store::Timestamp;

use crate::EveryPoller;

/// The pause after the first poll that failed. It doubles after each other, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// How often pauses double at most.
const MAX_DOUBLINGS: u32 = 16;

/// When the first poll is due: `polled_at` is when the last one was, if there was one ever.
pub(crate) fn first(every: &EveryPoller, polled_at: Option<Timestamp>, is_launch: bool, now: Timestamp) -> Timestamp {
    match polled_at {
        None => now,
        Some(_) if is_launch && every.poll_at_launch => now,
        // A clock that went back does not delay it by more than an interval.
        Some(polled_at) => polled_at.min(now).saturating_add(every.poll_interval).max(now),
    }
}

/// When the next poll is due after one that began at `began` and has failed so often in a row; 0: it has not.
pub(crate) fn next(every: &EveryPoller, began: Timestamp, failures: u32, now: Timestamp) -> Timestamp {
    if failures == 0 {
        return began.saturating_add(every.poll_interval).max(now);
    }
    let pause = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(MAX_DOUBLINGS));
    now.saturating_add(pause.min(every.poll_interval))
}

/// By how much a poll is delayed at random.
pub(crate) fn random_delay(every: &EveryPoller) -> Duration {
    let (least, most) = (every.poll_random_delay_min, every.poll_random_delay_max);
    least + most.saturating_sub(least).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn every() -> EveryPoller {
        EveryPoller { poll_interval: HOUR, ..EveryPoller::default() }
    }

    #[test]
    fn the_first_poll_is_due_an_interval_after_the_last_one() {
        let ago = NOON.saturating_sub(HOUR / 2);
        assert_eq!(first(&every(), Some(ago), true, NOON), ago.saturating_add(HOUR));
        assert_eq!(first(&every(), Some(NOON.saturating_sub(HOUR * 9)), true, NOON), NOON, "not in the past");
        assert_eq!(first(&every(), Some(NOON.saturating_add(HOUR * 9)), true, NOON), NOON.saturating_add(HOUR));
        assert_eq!(first(&every(), None, true, NOON), NOON, "the baseline is set at once");
        let at_launch = EveryPoller { poll_at_launch: true, ..every() };
        assert_eq!(first(&at_launch, Some(ago), true, NOON), NOON);
        assert_eq!(first(&at_launch, Some(ago), false, NOON), ago.saturating_add(HOUR), "a reload is no launch");
    }

    #[test]
    fn a_poll_that_failed_is_repeated_sooner() {
        let later = |seconds| NOON.saturating_add(Duration::from_secs(seconds));
        let due = |failures| next(&every(), NOON, failures, NOON);
        assert_eq!([due(0), due(1), due(2), due(3)], [later(3600), later(30), later(60), later(120)]);
        assert_eq!([due(8), due(u32::MAX)], [later(3600), later(3600)]);
        let long = next(&every(), NOON, 0, later(5000));
        assert_eq!(long, later(5000), "a poll that takes longer than the interval is followed by the next at once");
    }

    #[test]
    fn the_random_delay_keeps_its_bounds() {
        let (least, most) = (Duration::from_secs(5), Duration::from_secs(7));
        let every = EveryPoller { poll_random_delay_min: least, poll_random_delay_max: most, ..every() };
        assert!((0..100).map(|_| random_delay(&every)).all(|delay| (least..=most).contains(&delay)));
    }
}
