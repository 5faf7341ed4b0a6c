//! What a sink is doing, as pages, the API and metrics show it.

use std::time::Duration;

use hookd_store::Timestamp;

/// The state of a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SinkState {
    /// It starts, and has not read its cursor yet.
    #[default]
    Starting,
    /// Another hookd with the same store serves it; this one does when that one ends.
    Standby,
    /// It has delivered everything that there is.
    Idle,
    /// It delivers.
    Delivering,
    /// The last attempt has failed, and another one follows.
    Retrying,
    /// It is configured wrongly, here or on the other side: nothing is sent but a slow probe.
    Misconfigured,
    /// An operator has paused it.
    Paused,
    /// It cannot go on: its cursor cannot be read, or another process moves it.
    Failed,
    /// It has been stopped.
    Stopped,
}

impl SinkState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Starting,
        Self::Standby,
        Self::Idle,
        Self::Delivering,
        Self::Retrying,
        Self::Misconfigured,
        Self::Paused,
        Self::Failed,
        Self::Stopped,
    ];

    /// The name in the REST API and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Idle => "idle",
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Misconfigured => "misconfigured",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// A sink at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkStatus {
    /// Its state.
    pub state: SinkState,
    /// Every change up to this one is done.
    pub position: i64,
    /// How many changes beyond it are done as well.
    pub done_beyond: usize,
    /// The first change that is not done, where it was read already.
    pub head: Option<Head>,
    /// The last error, while it lasts.
    pub error: Option<String>,
    /// Attempts by how they ended, since hookd started.
    pub attempts: AttemptCounts,
    /// When the last change was delivered, since hookd started.
    pub delivered_at: Option<Timestamp>,
}

/// The first change that is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its number.
    pub changeid: i64,
    /// When its delivery was received.
    pub received_at: Timestamp,
    /// How many attempts have failed.
    pub attempts: u32,
    /// How the last attempt ended, where one has failed.
    pub answer: Option<String>,
    /// When the next attempt is due, where one has failed.
    pub next_at: Option<Timestamp>,
}

/// Attempts by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// The change arrived.
    pub delivered: u64,
    /// To be tried again.
    pub later: u64,
    /// The change was given up.
    pub dead: u64,
    /// The sink is configured wrongly.
    pub misconfigured: u64,
    /// The change was not sent, since the filter dropped it.
    pub filtered: u64,
}

/// Watches sinks at work, for metrics. Called on the thread of the engine: it must not block.
pub trait SinkObserver: Send + Sync {
    /// An attempt ended with this verdict (`delivered`, `later`, `this_change`, `this_sink`), after this time.
    fn attempt(&self, sink: &str, verdict: &'static str, took: Duration);

    /// A change that was received then has arrived now.
    fn arrived(&self, sink: &str, after: Duration);

    /// A change was dropped by the filter.
    fn filtered(&self, sink: &str);
}

/// Nobody watches.
impl SinkObserver for () {
    fn attempt(&self, _: &str, _: &'static str, _: Duration) {}

    fn arrived(&self, _: &str, _: Duration) {}

    fn filtered(&self, _: &str) {}
}
