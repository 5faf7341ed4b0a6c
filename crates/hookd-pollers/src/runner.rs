//! One poller at work: waits until a poll is due, polls, and stores the result.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hookd_store::{
    Lead, Leadership, NewDelivery, NewState, Origin, POLL_EVENT, Part, PositionMove, Positions, SharedStore,
    StoreError, Timestamp,
};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::poller::{Poll, PollError, Polled};
use crate::schedule;
use crate::settings::PollerSettings;
use crate::status::{PollerObserver, PollerState, PollerStatus};

/// The pause before positions that could not be read are read again.
const START_PAUSE: Duration = Duration::from_secs(5);

/// How often a poller that waits looks at the clock, which may have been set.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// A poller at work.
pub(crate) struct Runner {
    settings: Arc<PollerSettings>,
    store: SharedStore,
    status: watch::Sender<PollerStatus>,
    observer: Arc<dyn PollerObserver>,
    /// How many may poll at a time.
    permits: Arc<Semaphore>,
}

/// What one poll came to.
struct Done {
    changes: usize,
    /// How many positions there are now.
    positions: usize,
    /// What could not be read, although the rest could.
    error: Option<String>,
    has_more: bool,
    /// When there is something to look at again.
    again_at: Option<Timestamp>,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.status.send_modify(|status| (status.state, status.next_at) = (PollerState::Stopped, None));
    }
}

impl Runner {
    pub(crate) fn new(
        settings: Arc<PollerSettings>,
        store: SharedStore,
        status: watch::Sender<PollerStatus>,
        observer: Arc<dyn PollerObserver>,
        permits: Arc<Semaphore>,
    ) -> Self {
        Self { settings, store, status, observer, permits }
    }

    /// Polls whenever it is this hookd's turn, until it is aborted, which it may be wherever it waits.
    pub(crate) async fn take_turns(self, is_launch: bool) {
        let mut leadership = self.store.lead(Part::Poller(self.settings.name.clone()));
        let mut is_launch = is_launch;
        loop {
            let lead = self.stand_by(&mut leadership).await;
            let mut run = pin!(self.run(is_launch));
            let mut asked = lead.asked;
            loop {
                let more = tokio::select! {
                    () = &mut run => break,
                    more = leadership.asked(lead.epoch, asked) => more,
                };
                let Some(more) = more else { break };
                asked = more;
                self.settings.poke.poke();
            }
            tracing::warn!(
                poller = self.settings.name,
                "this hookd no longer polls: the store has not confirmed in time that it does, or another one has taken over"
            );
            is_launch = false;
        }
    }

    /// Waits for the lead. Whoever asks for a poll meanwhile asks the leader.
    async fn stand_by(&self, leadership: &mut Leadership) -> Lead {
        if let Some(lead) = leadership.current() {
            return lead;
        }
        self.status.send_modify(|status| (status.state, status.next_at) = (PollerState::Standby, None));
        loop {
            tokio::select! {
                lead = leadership.gained() => return lead,
                () = self.settings.poke.due() => {
                    self.settings.poke.take();
                    let (store, part) = (Arc::clone(&self.store), Part::Poller(self.settings.name.clone()));
                    let asked = tokio::task::spawn_blocking(move || store.ask(&part)).await;
                    if let Ok(Err(error)) = asked {
                        tracing::warn!(poller = self.settings.name, "the hookd that polls could not be asked to: {error}");
                    }
                }
            }
        }
    }

    /// Polls as long as it is not abandoned.
    async fn run(&self, is_launch: bool) {
        let every = &self.settings.every;
        let positions = self.first_positions().await;
        let polled_at = positions.as_ref().map(|positions| positions.polled_at);
        self.status.send_modify(|status| {
            status.succeeded_at = polled_at;
            status.changed_at = positions.as_ref().and_then(|positions| positions.changed_at);
            status.positions = positions.as_ref().map_or(0, |positions| positions.at.len());
        });
        let mut due = schedule::first(every, polled_at, is_launch, Timestamp::now());
        let mut failures = 0;
        loop {
            self.wait(due.saturating_add(schedule::random_delay(every))).await;
            self.enter(PollerState::Queued);
            // Never closed.
            let permit = self.permits.acquire().await;
            // Whoever asked until now is served by this poll, whoever asks from now on by the next.
            self.settings.poke.take();
            let began = Timestamp::now();
            self.status.send_modify(|status| {
                (status.state, status.tried_at, status.next_at) = (PollerState::Polling, Some(began), None);
            });
            let outcome = self.poll(began).await;
            drop(permit);
            let has_more = outcome.as_ref().is_ok_and(|done| done.has_more);
            let again_at = outcome.as_ref().ok().and_then(|done| done.again_at);
            failures = self.take_note(began, failures, outcome);
            due = if has_more { began } else { schedule::next(every, began, failures, Timestamp::now()) };
            due = again_at.map_or(due, |again_at| due.min(again_at));
        }
    }

    /// The positions from which it continues; waits for a store that cannot be read.
    async fn first_positions(&self) -> Option<Positions> {
        loop {
            match self.positions().await {
                Ok(positions) => return positions,
                Err(error) => {
                    tracing::error!(poller = self.settings.name, "cannot read the positions: {error}");
                    self.status.send_modify(|status| status.error = Some(error.to_string()));
                    tokio::time::sleep(START_PAUSE).await;
                }
            }
        }
    }

    async fn positions(&self) -> Result<Option<Positions>, StoreError> {
        let (store, name) = (Arc::clone(&self.store), self.settings.name.clone());
        let read = tokio::task::spawn_blocking(move || store.positions(&name)).await;
        read.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    /// Waits until this moment, or until a poll is asked for.
    async fn wait(&self, due: Timestamp) {
        self.status.send_modify(|status| (status.state, status.next_at) = (PollerState::Waiting, Some(due)));
        loop {
            let left = due.since(Timestamp::now());
            if left.is_zero() || timeout(left.min(MAX_SLEEP), self.settings.poke.due()).await.is_ok() {
                return;
            }
        }
    }

    fn enter(&self, state: PollerState) {
        self.status.send_modify(|status| status.state = state);
    }

    /// Polls once and stores what is new.
    async fn poll(&self, began: Timestamp) -> Result<Done, PollError> {
        let clock = Instant::now();
        let outcome = self.poll_and_store(began).await;
        let (is_success, changes) = outcome.as_ref().map_or((false, 0), |done| (done.error.is_none(), done.changes));
        self.observer.polled(&self.settings.name, is_success, changes, clock.elapsed());
        outcome
    }

    async fn poll_and_store(&self, began: Timestamp) -> Result<Done, PollError> {
        let failed = |error: StoreError| PollError(error.to_string());
        let positions = self.positions().await.map_err(failed)?;
        let limit = self.settings.every.poll_timeout;
        let poll = Poll { positions: positions.as_ref(), store: &self.store, now: began };
        let polled = AssertUnwindSafe(self.settings.poller.poll(poll)).catch_unwind();
        let polled = match timeout(limit, polled).await {
            Ok(Ok(polled)) => polled?,
            Ok(Err(_)) => return Err(PollError("the poller panicked: this is a bug, see the log".to_owned())),
            Err(_) => {
                let limit = hookd_core::duration::format(limit);
                return Err(PollError(format!("the poll took longer than {limit}, its `poll_timeout`")));
            }
        };
        let Polled { changes, set, note, error, has_more, again_at } = polled;
        let count_after = {
            let before = positions.iter().flat_map(|positions| positions.at.keys());
            let mut keys: BTreeSet<&String> = before.collect();
            for (key, position) in &set {
                if position.is_some() {
                    keys.insert(key)
                } else {
                    keys.remove(key)
                };
            }
            keys.len()
        };
        let moved = PositionMove {
            poller: self.settings.name.clone(),
            expected: positions.as_ref().map_or(0, |positions| positions.version),
            polled_at: began,
            set,
            forgets: false,
        };
        let count = changes.len();
        if changes.is_empty() {
            self.store.move_positions(moved).await.map_err(failed)?;
        } else {
            let delivery = self.delivery(changes, note, moved);
            let receipt = self.store.append(delivery).await.map_err(failed)?;
            tracing::info!(
                poller = self.settings.name,
                deliveryid = receipt.deliveryid,
                changes = count,
                "new changes were polled"
            );
        }
        Ok(Done { changes: count, positions: count_after, error, has_more, again_at })
    }

    /// The delivery that a poll makes. It has no request; its id names the poller, and is unique.
    fn delivery(&self, mut changes: Vec<hookd_core::Change>, note: Option<String>, moved: PositionMove) -> NewDelivery {
        let every = &self.settings.every;
        for change in &mut changes {
            if change.category.is_none() {
                change.category.clone_from(&every.category);
            }
            if change.project.is_empty() {
                change.project.clone_from(&every.project);
            }
            if change.codebase.is_empty() {
                change.codebase.clone_from(&every.codebase);
            }
        }
        NewDelivery {
            received_at: moved.polled_at,
            dialect: self.settings.poller_type.to_owned(),
            event: Some(POLL_EVENT.to_owned()),
            forge_id: Some(format!("{}@{}", self.settings.name, moved.expected + 1)),
            // The positions decide: where another process has moved them, this delivery is refused, and is no duplicate.
            deduplicate: false,
            origin: Origin::NONE,
            replay: None,
            positions: Some(moved),
            request: None,
            state: NewState::Accepted(changes),
            note,
        }
    }

    /// Shows how a poll ended, and logs the first of failures in a row and their end. Returns how many there are.
    fn take_note(&self, began: Timestamp, failures: u32, outcome: Result<Done, PollError>) -> u32 {
        let name = &self.settings.name;
        let (positions, changes, error) = match outcome {
            Ok(done) => (Some(done.positions), done.changes, done.error),
            Err(error) => (None, 0, Some(error.0)),
        };
        let before = failures;
        let failures = if error.is_some() { failures.saturating_add(1) } else { 0 };
        let is_new = self.status.borrow().error != error;
        match &error {
            Some(error) if is_new => tracing::warn!(poller = name, failures, "the poll failed: {error}"),
            Some(error) => tracing::debug!(poller = name, failures, "the poll failed again: {error}"),
            None if before > 0 => tracing::info!(poller = name, failures = before, "polls succeed again"),
            None => tracing::debug!(poller = name, changes, "polled"),
        }
        self.status.send_modify(|status| {
            (status.failures, status.error) = (failures, error);
            if failures == 0 {
                status.succeeded_at = Some(began);
            }
            status.positions = positions.unwrap_or(status.positions);
            if changes > 0 {
                status.changed_at = Some(began);
            }
        });
        failures
    }
}
