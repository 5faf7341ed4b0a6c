//! What is counted of pollers. Labels are names of the configuration: each value is a time series of its own.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookd_pollers::{PollerState, PollerView};
use hookd_store::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of all pollers.
pub(super) struct PollerMetrics {
    polls: Family<ResultLabels, Counter>,
    durations: Family<PollerLabels, Histogram, fn() -> Histogram>,
    changes: Family<PollerLabels, Counter>,
    states: Family<StateLabels, Gauge>,
    intervals: Family<PollerLabels, Seconds>,
    tries: Family<PollerLabels, Seconds>,
    successes: Family<PollerLabels, Seconds>,
    last_changes: Family<PollerLabels, Seconds>,
    next: Family<PollerLabels, Seconds>,
    failures: Family<PollerLabels, Gauge>,
    /// Held while the gauges are set and shown, so that no one sees them half set.
    shown: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollerLabels {
    poller: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    poller: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    poller: String,
    state: &'static str,
}

/// Durations of polls: from 10 ms in powers of four up to 2.9 hours, since the first one may clone a large repository.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 4.0, 11))
}

impl Default for PollerMetrics {
    fn default() -> Self {
        Self {
            polls: Family::default(),
            durations: Family::new_with_constructor(durations),
            changes: Family::default(),
            states: Family::default(),
            intervals: Family::default(),
            tries: Family::default(),
            successes: Family::default(),
            last_changes: Family::default(),
            next: Family::default(),
            failures: Family::default(),
            shown: Mutex::default(),
        }
    }
}

impl PollerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("polls", "Polls by poller and result", self.polls.clone());
        registry.register_with_unit("poll_duration", "Time that a poll takes", Unit::Seconds, self.durations.clone());
        registry.register("poll_changes", "Changes that polls have found", self.changes.clone());
        registry.register("poller_state", "1 for the state of the poller, 0 for the others", self.states.clone());
        registry.register(
            "poller_failures",
            "How many polls in a row have failed, up to the last one",
            self.failures.clone(),
        );
        for (name, help, family) in [
            ("poller_interval", "How often the poller polls", &self.intervals),
            ("poller_last_try_timestamp", "When the last poll began, since hookd started", &self.tries),
            ("poller_last_success_timestamp", "When the last poll began that succeeded", &self.successes),
            ("poller_last_change_timestamp", "When the last poll began that found changes", &self.last_changes),
            ("poller_next_poll_timestamp", "When the poller polls next, unless it is poked", &self.next),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
    }

    pub(super) fn polled(&self, poller: &str, is_success: bool, changes: usize, took: Duration) {
        let result = if is_success { "success" } else { "failure" };
        self.polls.get_or_create(&ResultLabels { poller: poller.to_owned(), result }).inc();
        self.durations.get_or_create(&labels(poller)).observe(took.as_secs_f64());
        self.changes.get_or_create(&labels(poller)).inc_by(changes as u64);
    }

    /// Sets the gauges to the present state of these pollers. They stay so as long as the guard is held.
    pub(super) fn set(&self, pollers: &[PollerView]) -> MutexGuard<'_, ()> {
        let guard = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        self.states.clear();
        self.failures.clear();
        let times = [&self.intervals, &self.tries, &self.successes, &self.last_changes, &self.next];
        times.into_iter().for_each(Family::clear);
        for PollerView { settings, status } in pollers {
            let labels = labels(&settings.name);
            for state in PollerState::ALL {
                let labels = StateLabels { poller: settings.name.clone(), state: state.name() };
                self.states.get_or_create(&labels).set(i64::from(state == status.state));
            }
            self.failures.get_or_create(&labels).set(status.failures.into());
            self.intervals.get_or_create(&labels).set(settings.every.poll_interval.as_secs_f64());
            for (family, time) in [
                (&self.tries, status.tried_at),
                (&self.successes, status.succeeded_at),
                (&self.last_changes, status.changed_at),
                (&self.next, status.next_at),
            ] {
                if let Some(time) = time {
                    family.get_or_create(&labels).set(Timestamp::as_seconds_f64(time));
                }
            }
        }
        guard
    }
}

fn labels(poller: &str) -> PollerLabels {
    PollerLabels { poller: poller.to_owned() }
}
