//! What hookd counts, for Prometheus: `/metrics` on the private listener.

mod exposition;
mod pollers;
mod process;
mod sinks;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookd_config::ConfigHandle;
use hookd_http::Budget;
use hookd_pollers::{PollerObserver, PollerView};
use hookd_sinks::{SinkObserver, SinkView};
use hookd_store::{Observer, Store};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use pollers::PollerMetrics;
use sinks::SinkMetrics;

pub use exposition::Exposition;

type Seconds = Gauge<f64, AtomicU64>;

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
    reload_succeeded: Gauge,
    reloaded_at: Seconds,
    certificates: Family<ListenerLabels, Seconds>,
    sinks: SinkMetrics,
    pollers: PollerMetrics,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
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
            reload_succeeded: Gauge::default(),
            reloaded_at: Seconds::default(),
            certificates: Family::default(),
            sinks: SinkMetrics::default(),
            pollers: PollerMetrics::default(),
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
        let build = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "1, with the version of hookd", build);
        registry.register(
            "config_last_reload_successful",
            "1 if the last reload of the configuration succeeded, else 0",
            self.reload_succeeded.clone(),
        );
        registry.register_with_unit(
            "config_last_reload_success_timestamp",
            "When the current configuration was loaded",
            Unit::Seconds,
            self.reloaded_at.clone(),
        );
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the certificate of a listener expires",
            Unit::Seconds,
            self.certificates.clone(),
        );
        self.sinks.register(registry);
        self.pollers.register(registry);
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

    /// All metrics and the current state of the store, of sinks and pollers and of the configuration, as Prometheus reads them.
    /// Blocks: it counts pending deliveries and dead letters in the store, and looks at certificates.
    ///
    /// What cannot be read now is left out: what else is counted may say why.
    #[must_use]
    pub fn encode(
        &self,
        format: Exposition,
        store: &dyn Store,
        sinks: &[SinkView],
        pollers: &[PollerView],
        config: &ConfigHandle,
    ) -> String {
        self.queued.set(i64::try_from(store.queued()).unwrap_or(i64::MAX));
        self.size.set(i64::try_from(store.size()).unwrap_or(i64::MAX));
        self.buffered.set(i64::try_from(self.budget.held()).unwrap_or(i64::MAX));
        let _shown_alone = (self.sinks.set(store, sinks), self.pollers.set(pollers));
        self.set_config(config);
        let mut text = String::new();
        // What is counted at this moment and nowhere else.
        let mut moment = Registry::with_prefix("hookd");
        if let Ok(count) = store.pending_count() {
            moment.register(
                "pending_deliveries",
                "Deliveries whose changes wait for the API of a forge",
                ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX)),
            );
        }
        if let Ok(replicas) = store.reader().replicas()
            && let Some(this) = replicas.into_iter().find(|replica| replica.is_this)
        {
            let info = Family::<[(&'static str, String); 1], Gauge>::default();
            info.get_or_create(&[("name", this.name)]).set(1);
            moment.register("replica_info", "1, with the name of this hookd among those that share the store", info);
        }
        let registries = [&self.registry, &moment, &process::registry()];
        let encoded = registries.into_iter().try_for_each(|registry| encode_registry(&mut text, registry));
        let encoded = encoded.and_then(|()| encode_eof(&mut text));
        encoded.expect("a String takes all");
        format.of(text)
    }

    fn set_config(&self, config: &ConfigHandle) {
        let last = config.last_reload();
        self.reload_succeeded.set(i64::from(last.is_successful));
        self.reloaded_at.set(since_1970(last.succeeded_at));
        // The listeners have the certificates of the start.
        let files = &config.at_start().files;
        for (listener, certificate) in [("public", &files.server_certificate), ("admin", &files.admin_certificate)] {
            let validity = certificate.as_ref().and_then(|certificate| certificate.validity());
            let labels = ListenerLabels { listener };
            match validity {
                #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
                Some(validity) => drop(self.certificates.get_or_create(&labels).set(validity.not_after as f64)),
                None => drop(self.certificates.remove(&labels)),
            }
        }
    }
}

fn since_1970(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
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

impl PollerObserver for Metrics {
    fn polled(&self, poller: &str, is_success: bool, changes: usize, took: Duration) {
        self.pollers.polled(poller, is_success, changes, took);
    }
}
