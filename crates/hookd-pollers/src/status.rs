//! What a poller is doing, as pages, the API and metrics show it.

use std::time::Duration;

use hookd_store::Timestamp;

/// The state of a poller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollerState {
    /// It starts, and has not read its positions yet.
    #[default]
    Starting,
    /// Another hookd with the same store polls; this one does when that one ends.
    Standby,
    /// It waits for its next poll.
    Waiting,
    /// A poll is due, and waits until fewer others poll.
    Queued,
    /// It polls.
    Polling,
    /// It has been stopped.
    Stopped,
}

impl PollerState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Standby, Self::Waiting, Self::Queued, Self::Polling, Self::Stopped];

    /// The name in the REST API and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Polling => "polling",
            Self::Stopped => "stopped",
        }
    }
}

/// A poller at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PollerStatus {
    /// Its state.
    pub state: PollerState,
    /// When its last poll began, since hookd started.
    pub tried_at: Option<Timestamp>,
    /// When its last poll began that succeeded, before hookd started as well.
    pub succeeded_at: Option<Timestamp>,
    /// When its last poll began that found changes, before hookd started as well.
    pub changed_at: Option<Timestamp>,
    /// When it polls next, unless it is poked.
    pub next_at: Option<Timestamp>,
    /// How many polls in a row have failed, up to the last one.
    pub failures: u32,
    /// Why the last poll failed, if it did.
    pub error: Option<String>,
    /// How many positions it has, such as refs.
    pub positions: usize,
}

/// What observes polls, for metrics.
pub trait PollerObserver: Send + Sync {
    /// A poll is over: whether it succeeded, how many changes it brought, and how long it took.
    fn polled(&self, poller: &str, is_success: bool, changes: usize, took: Duration);
}

impl PollerObserver for () {
    fn polled(&self, _: &str, _: bool, _: usize, _: Duration) {}
}
