//! What hookd counts, for Prometheus: `/metrics` on the private listener.

use std::sync::Arc;
use std::time::Duration;

use hookd_http::Budget;
use hookd_store::{Observer, Store};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Dialect, Histogram, fn() -> Histogram>,
    api_calls: Family<ApiCall, Counter>,
    batches: Histogram,
    commits: Histogram,
    failures: Counter,
    failing: Gauge,
    queued: Gauge,
    size: Gauge,
    budget: Arc<Budget>,
    buffered: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    dialect: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dialect {
    dialect: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiCall {
    dialect: String,
    outcome: &'static str,
}

/// A tenth of a millisecond, twice as long each, up to some three seconds.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

impl Metrics {
    /// Counts from zero. The memory of bodies is counted by its budget, and shown here.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("hookd"),
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds),
            api_calls: Family::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commits: seconds(),
            failures: Counter::default(),
            failing: Gauge::default(),
            queued: Gauge::default(),
            size: Gauge::default(),
            budget,
            buffered: Gauge::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests to hooks by dialect and outcome", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the request to its answer, where a delivery was stored",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("api_calls", "Calls to the API of a forge by dialect and outcome", self.api_calls.clone());
        registry.register("store_batch_writes", "Writes that one transaction took", self.batches.clone());
        registry.register_with_unit("store_commit", "Time of one transaction", Unit::Seconds, self.commits.clone());
        registry.register("store_failed_writes", "Writes that failed", self.failures.clone());
        registry.register("store_failing", "1 while the last transaction failed, else 0", self.failing.clone());
        registry.register("store_queued_writes", "Writes that wait to be stored", self.queued.clone());
        registry.register_with_unit("store_size", "What the store takes on disk", Unit::Bytes, self.size.clone());
        registry.register_with_unit(
            "buffered",
            "What bodies take that are being read, or wait to be stored, and large request heads",
            Unit::Bytes,
            self.buffered.clone(),
        );
        self
    }

    /// Counts a request that ended with this outcome.
    pub(crate) fn request(&self, dialect: &str, outcome: &'static str) {
        self.requests.get_or_create(&Request { dialect: dialect.to_owned(), outcome }).inc();
    }

    /// Counts the time of a request that was stored.
    pub(crate) fn duration(&self, dialect: &str, took: Duration) {
        self.durations.get_or_create(&Dialect { dialect: dialect.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a call to the API of a forge.
    pub(crate) fn api_call(&self, dialect: &str, outcome: &'static str) {
        self.api_calls.get_or_create(&ApiCall { dialect: dialect.to_owned(), outcome }).inc();
    }

    /// All of it, as Prometheus reads it.
    pub(crate) fn encode(&self, store: &dyn Store) -> String {
        self.queued.set(i64::try_from(store.queued()).unwrap_or(i64::MAX));
        self.size.set(i64::try_from(store.size()).unwrap_or(i64::MAX));
        self.buffered.set(i64::try_from(self.budget.held()).unwrap_or(i64::MAX));
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
