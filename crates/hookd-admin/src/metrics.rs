//! What hookd counts, for Prometheus: `/metrics` on the private listener.

mod sinks;

use std::sync::Arc;
use std::time::Duration;

use hookd_http::Budget;
use hookd_sinks::{SinkObserver, SinkView};
use hookd_store::{Observer, Store};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use sinks::SinkMetrics;

/// Everything that is counted, by all threads.
pub struct Metrics {
    registry: Registry,
    requests: Family<OutcomeLabels, Counter>,
    durations: Family<DialectLabels, Histogram, fn() -> Histogram>,
    api_calls: Family<OutcomeLabels, Counter>,
    batches: Histogram,
    commits: Histogram,
    failures: Counter,
    failing: Gauge,
    queued: Gauge,
    size: Gauge,
    budget: Arc<Budget>,
    buffered: Gauge,
    sinks: SinkMetrics,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    dialect: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabels {
    dialect: String,
}

/// A histogram of durations: from 0.1 ms in powers of two up to 3.3 s.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

impl Metrics {
    /// Counters at zero. The memory that bodies take is read from their budget when it is shown.
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("hookd"),
            requests: Family::default(),
            durations: Family::new_with_constructor(durations),
            api_calls: Family::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commits: durations(),
            failures: Counter::default(),
            failing: Gauge::default(),
            queued: Gauge::default(),
            size: Gauge::default(),
            budget,
            buffered: Gauge::default(),
            sinks: SinkMetrics::default(),
        };
        metrics.register()
    }

    fn register(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests to hooks by dialect and outcome", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request to its answer, for requests that were stored",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("api_calls", "Calls to the API of a forge by dialect and outcome", self.api_calls.clone());
        registry.register("store_batch_writes", "Writes in one transaction", self.batches.clone());
        registry.register_with_unit(
            "store_commit",
            "Time that a transaction takes",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register("store_failed_writes", "Writes that failed", self.failures.clone());
        registry.register("store_failing", "1 while the last transaction failed, else 0", self.failing.clone());
        registry.register("store_queued_writes", "Writes that wait for a transaction", self.queued.clone());
        registry.register_with_unit("store_size", "Size of the store on disk", Unit::Bytes, self.size.clone());
        registry.register_with_unit(
            "buffered",
            "Memory of bodies that are being read or wait to be stored, and of large request heads",
            Unit::Bytes,
            self.buffered.clone(),
        );
        self.sinks.register(registry);
        self
    }

    /// Counts a request. `dialect` must be one that is served, or `other`: each value is a time series of its own.
    pub fn request(&self, dialect: &str, outcome: &'static str) {
        self.requests.get_or_create(&OutcomeLabels { dialect: dialect.to_owned(), outcome }).inc();
    }

    /// Counts the time from a request to its answer; call it only for requests that were stored.
    pub fn duration(&self, dialect: &str, took: Duration) {
        self.durations.get_or_create(&DialectLabels { dialect: dialect.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a call to the API of a forge.
    pub fn api_call(&self, dialect: &str, outcome: &'static str) {
        self.api_calls.get_or_create(&OutcomeLabels { dialect: dialect.to_owned(), outcome }).inc();
    }

    /// All metrics and the current state of the store and of the sinks, as Prometheus reads them. Blocks: it counts dead
    /// letters in the store.
    #[must_use]
    pub fn encode(&self, store: &dyn Store, sinks: &[SinkView]) -> String {
        self.queued.set(i64::try_from(store.queued()).unwrap_or(i64::MAX));
        self.size.set(i64::try_from(store.size()).unwrap_or(i64::MAX));
        self.buffered.set(i64::try_from(self.budget.held()).unwrap_or(i64::MAX));
        let _shown_alone = self.sinks.set(store, sinks);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("a String takes all");
        text
    }
}

impl Observer for Metrics {
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    fn committed(&self, writes: usize, took: Duration) {
        self.failing.set(0);
        self.batches.observe(writes as f64);
        self.commits.observe(took.as_secs_f64());
    }

    fn failed(&self, writes: usize) {
        self.failing.set(1);
        self.failures.inc_by(writes as u64);
    }
}

impl SinkObserver for Metrics {
    fn attempt(&self, sink: &str, verdict: &'static str, took: Duration) {
        self.sinks.attempt(sink, verdict, took);
    }

    fn arrived(&self, sink: &str, after: Duration) {
        self.sinks.arrived(sink, after);
    }

    fn filtered(&self, sink: &str) {
        self.sinks.filtered(sink);
    }
}
