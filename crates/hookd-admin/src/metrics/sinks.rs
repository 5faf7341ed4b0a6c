//! What is counted of sinks. Labels are names of the configuration: each value is a time series of its own.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookd_sinks::{SinkState, SinkView};
use hookd_store::{SettlementKind, Store, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of all sinks.
pub(super) struct SinkMetrics {
    attempts: Family<AttemptLabels, Counter>,
    durations: Family<SinkLabels, Histogram, fn() -> Histogram>,
    delays: Family<SinkLabels, Histogram, fn() -> Histogram>,
    filtered: Family<SinkLabels, Counter>,
    states: Family<StateLabels, Gauge>,
    lags: Family<SinkLabels, Gauge>,
    ages: Family<SinkLabels, Seconds>,
    next_attempts: Family<SinkLabels, Seconds>,
    dead_letters: Family<SinkLabels, Gauge>,
    /// Held while the gauges are set and shown, so that no one sees them half set.
    shown: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    sink: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    sink: String,
    state: &'static str,
}

/// Durations of attempts: from 1 ms in powers of two up to 33 s, beyond the time limits of most sinks.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// Times from receipt to arrival: from 1 ms in powers of four up to 19 hours, since a sink may be down for a day.
fn delays() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 14))
}

impl Default for SinkMetrics {
    fn default() -> Self {
        Self {
            attempts: Family::default(),
            durations: Family::new_with_constructor(durations),
            delays: Family::new_with_constructor(delays),
            filtered: Family::default(),
            states: Family::default(),
            lags: Family::default(),
            ages: Family::default(),
            next_attempts: Family::default(),
            dead_letters: Family::default(),
            shown: Mutex::default(),
        }
    }
}

impl SinkMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("sink_attempts", "Attempts to deliver a change by sink and outcome", self.attempts.clone());
        registry.register_with_unit(
            "sink_attempt_duration",
            "Time that an attempt takes",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit(
            "sink_arrival_delay",
            "Time from the receipt of a change to its arrival at the sink",
            Unit::Seconds,
            self.delays.clone(),
        );
        registry.register("sink_filtered", "Changes that the filter dropped", self.filtered.clone());
        registry.register("sink_state", "1 for the state of the sink, 0 for the others", self.states.clone());
        registry.register("sink_lag_changes", "Changes that have not ended at the sink", self.lags.clone());
        registry.register_with_unit(
            "sink_head_age",
            "Time since the first change that waits was received; 0 if none waits",
            Unit::Seconds,
            self.ages.clone(),
        );
        registry.register_with_unit(
            "sink_next_attempt_timestamp",
            "When the first change that waits is tried again; only after a failed attempt",
            Unit::Seconds,
            self.next_attempts.clone(),
        );
        registry.register("sink_dead_letters", "Changes that were given up", self.dead_letters.clone());
    }

    pub(super) fn attempt(&self, sink: &str, outcome: &'static str, took: Duration) {
        self.attempts.get_or_create(&AttemptLabels { sink: sink.to_owned(), outcome }).inc();
        self.durations.get_or_create(&labels(sink)).observe(took.as_secs_f64());
    }

    pub(super) fn arrived(&self, sink: &str, after: Duration) {
        self.delays.get_or_create(&labels(sink)).observe(after.as_secs_f64());
    }

    pub(super) fn filtered(&self, sink: &str) {
        self.filtered.get_or_create(&labels(sink)).inc();
    }

    /// Sets the gauges to the present state of these sinks. They stay so as long as the guard is held.
    pub(super) fn set(&self, store: &dyn Store, sinks: &[SinkView]) -> MutexGuard<'_, ()> {
        let guard = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        self.states.clear();
        self.lags.clear();
        self.ages.clear();
        self.next_attempts.clear();
        self.dead_letters.clear();
        let now = Timestamp::now();
        for SinkView { settings, status, lag } in sinks {
            let name = &settings.name;
            for state in SinkState::ALL {
                let labels = StateLabels { sink: name.clone(), state: state.name() };
                self.states.get_or_create(&labels).set(i64::from(state == status.state));
            }
            self.lags.get_or_create(&labels(name)).set(i64::try_from(*lag).unwrap_or(i64::MAX));
            let head = status.head.as_ref();
            let age = head.map(|head| now.since(head.received_at)).unwrap_or_default();
            self.ages.get_or_create(&labels(name)).set(age.as_secs_f64());
            if let Some(next_at) = head.and_then(|head| head.next_at) {
                self.next_attempts.get_or_create(&labels(name)).set(next_at.as_seconds_f64());
            }
            // Without a readable store there is no number, and none is made up.
            if let Ok(count) = store.reader().settlement_count(name, SettlementKind::Dead) {
                self.dead_letters.get_or_create(&labels(name)).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        guard
    }
}

fn labels(sink: &str) -> SinkLabels {
    SinkLabels { sink: sink.to_owned() }
}
