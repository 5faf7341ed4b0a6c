//! The pause before the next attempt: exponential, with jitter, within bounds.

use std::time::Duration;

/// The first pause and the longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
}

impl Backoff {
    /// Pauses from `min` to `max`.
    ///
    /// # Errors
    /// Where `min` is zero, or longer than `max`.
    pub fn new(min: Duration, max: Duration) -> Result<Self, String> {
        if min.is_zero() {
            return Err("the shortest pause between attempts must be longer than 0s".to_owned());
        }
        if min > max {
            return Err("the shortest pause between attempts must not be longer than the longest one".to_owned());
        }
        Ok(Self { min, max })
    }

    /// The longest pause.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The pause after so many failed attempts (at least one): twice as long after each, up to the longest, and a fifth
    /// more or less at random (`jitter` from 0 to 1), so that sinks that failed together do not retry together. What the
    /// other side asked for (`Retry-After`) counts where it is longer, up to twice the longest pause.
    pub fn pause(&self, attempts: u32, asked: Option<Duration>, jitter: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let pause = self.min.saturating_mul(1 << doublings).min(self.max);
        let pause = pause.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0));
        pause.max(asked.unwrap_or_default().min(self.max * 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn doubles_up_to_the_longest_pause() {
        let backoff = Backoff::new(SECOND, 60 * SECOND).unwrap();
        let pauses: Vec<_> = (1..9).map(|attempts| backoff.pause(attempts, None, 0.5).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.pause(u32::MAX, None, 0.5), 60 * SECOND);
    }

    #[test]
    fn jitter_is_a_fifth_at_most() {
        let backoff = Backoff::new(10 * SECOND, 60 * SECOND).unwrap();
        assert_eq!(backoff.pause(1, None, 0.0), 8 * SECOND);
        assert_eq!(backoff.pause(1, None, 1.0), 12 * SECOND);
    }

    #[test]
    fn what_the_other_side_asks_for_counts_within_bounds() {
        let backoff = Backoff::new(SECOND, 60 * SECOND).unwrap();
        assert_eq!(backoff.pause(1, Some(30 * SECOND), 0.5), 30 * SECOND);
        assert_eq!(backoff.pause(4, Some(SECOND), 0.5), 8 * SECOND);
        assert_eq!(backoff.pause(1, Some(86_400 * SECOND), 0.5), 120 * SECOND);
    }

    #[test]
    fn refuses_pauses_that_make_no_sense() {
        assert!(Backoff::new(Duration::ZERO, SECOND).is_err());
        assert!(Backoff::new(2 * SECOND, SECOND).is_err());
    }
}
