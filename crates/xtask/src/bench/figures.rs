//! The figures of several rounds, and the goals.

use serde_json::{Value, json};

use super::child::Usage;
use super::load::Measured;

/// The figures of one server in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) measured: Measured,
    /// The server's processor time per request, in microseconds.
    pub(super) cpu_per_request: f64,
}

impl Round {
    /// Processor time per request of `wrk`, which shares the cores with the server, in microseconds.
    pub(super) fn wrk_cpu_per_request(&self) -> f64 {
        self.measured.own_cpu * 1e6 / self.measured.requests as f64
    }
}

/// All figures of one server.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) name: &'static str,
    pub(super) rounds: Vec<Round>,
    /// After the last round.
    pub(super) usage: Usage,
}

/// Minimum, median and maximum of some numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `None` if there are no numbers.
    pub(super) fn new(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { min, median, max })
    }

    /// `20 (18–21)`, with this many digits after the point.
    pub(super) fn shown(&self, digits: usize) -> String {
        let Self { min, median, max } = self;
        format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
    }

    pub(super) fn to_json(self) -> Value {
        json!({ "min": self.min, "median": self.median, "max": self.max })
    }
}

impl Figures {
    pub(super) fn spread(&self, figure: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::new(self.rounds.iter().map(figure))
    }

    /// Ratios to another server, each within the same round.
    pub(super) fn ratio(&self, other: &Self, figure: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::new(self.rounds.iter().zip(&other.rounds).map(|(own, other)| figure(own) / figure(other)))
    }

    pub(super) fn to_json(&self) -> Value {
        let rounds = self.rounds.iter().map(|round| {
            json!({
                "requests": round.measured.requests,
                "seconds": round.measured.seconds,
                "requests_per_second": round.measured.rate(),
                "p50_ms": round.measured.p50,
                "p99_ms": round.measured.p99,
                "slowest_ms": round.measured.slowest,
                "cpu_us_per_request": round.cpu_per_request,
                "wrk_cpu_us_per_request": round.wrk_cpu_per_request(),
            })
        });
        json!({
            "rounds": rounds.collect::<Vec<_>>(),
            "resident_bytes": self.usage.resident,
            "peak_resident_bytes": self.usage.peak,
        })
    }
}

pub(super) fn rate(round: &Round) -> f64 {
    round.measured.rate()
}

pub(super) fn p99(round: &Round) -> f64 {
    round.measured.p99
}

/// A goal for hookd, and the result.
pub(super) struct Goal {
    pub(super) goal: &'static str,
    pub(super) result: String,
    pub(super) is_met: bool,
}

impl Goal {
    pub(super) fn to_json(&self) -> Value {
        json!({ "goal": self.goal, "result": self.result, "is_met": self.is_met })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_median_of_odd_and_even_counts() {
        assert!(Spread::new([]).is_none());
        assert_eq!(Spread::new([3.0, 1.0, 2.0]).unwrap().shown(0), "2 (1–3)");
        assert_eq!(Spread::new([4.0, 1.0]).unwrap().shown(1), "2.5 (1.0–4.0)");
    }
}
