//! One sink at work: reads the log onward, sends what may be sent, and commits how far it has come.
//!
//! At most [`MAX_UNCOMMITTED`] changes are sent before the store has noted that they are done, also where the store
//! fails. So a crash leaves no more than these in doubt, and they are asked for before they are sent again.

mod command;
mod commit;
mod redo;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hookd_store::{LoggedChange, Moved, Settlement, SettlementKind, SharedStore, StoreError, Timestamp};
use tokio::sync::{mpsc, watch};

use crate::settings::SinkSettings;
use crate::start;
use crate::status::{Head, SinkObserver, SinkState, SinkStatus};
use crate::verdict::{Attempt, Known, Verdict};
use crate::window::{Doubt, Order, Ready, Retry, Window};

pub(crate) use command::Asked;
pub use command::Command;

/// How many changes may be sent before the store has noted that those before them are done.
pub(crate) const MAX_UNCOMMITTED: usize = 128;

/// How long progress may wait for its commit.
const COMMIT_INTERVAL: Duration = Duration::from_millis(50);

/// How many changes are read at a time.
const READ_SIZE: usize = 256;

/// How often a sink that waits looks whether something is to be done after all.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// How an attempt ended.
struct Finished {
    change: Arc<LoggedChange>,
    failed_before: Option<Retry>,
    attempt: Attempt,
    /// Whether the sink was asked, and did not have the change.
    was_missing: bool,
    /// Whether the other side works apart from this change, where that was asked.
    is_healthy: bool,
    took: Duration,
    /// Whether it was sent once more at the request of an operator.
    is_redo: bool,
}

type Commit = BoxFuture<'static, Result<Vec<Moved>, StoreError>>;

/// A sink at work.
pub(crate) struct Runner {
    settings: Arc<SinkSettings>,
    store: SharedStore,
    status: Arc<watch::Sender<SinkStatus>>,
    observer: Arc<dyn SinkObserver>,
    tail: watch::Receiver<i64>,
    window: Window,
    /// The version of the cursor.
    version: u64,
    is_paused: bool,
    /// Attempts that are under way.
    under_way: FuturesUnordered<BoxFuture<'static, Option<Finished>>>,
    handles: HashMap<i64, AbortHandle>,
    /// Changes that are sent once more, first to last; one at a time.
    redo: VecDeque<i64>,
    redo_under_way: Option<i64>,
    redo_hold: Option<(u32, Timestamp)>,
    /// How changes ended since the last commit began.
    settlements: Vec<Settlement>,
    commit: Option<Commit>,
    /// The settlements of the commit that is under way.
    committing: Vec<Settlement>,
    /// Since when something waits to be committed.
    dirty_since: Option<Instant>,
    /// The sink is configured wrongly, and probed next at this time.
    probe_at: Option<Timestamp>,
    /// The error that was logged and is not over yet.
    error: Option<String>,
    store_failed_until: Option<Instant>,
    /// Another process moves the cursor.
    is_fenced: bool,
    started_at: Instant,
}

impl Runner {
    /// A sink at the place where its cursor stands. One that has none begins at `tail`, unless its settings say otherwise.
    ///
    /// # Errors
    /// Where the cursor cannot be read, or not be made.
    pub(crate) async fn start(
        settings: Arc<SinkSettings>,
        store: SharedStore,
        status: Arc<watch::Sender<SinkStatus>>,
        observer: Arc<dyn SinkObserver>,
        tail: i64,
    ) -> Result<Self, String> {
        let (cursor, notes) = start::cursor(&settings, &store, tail).await?;
        let mut window = Window::new(settings.order, cursor.position, &cursor.done, notes.retries, !notes.is_settled);
        if notes.is_by_branch && settings.order == Order::All {
            window.ask_about_each();
        }
        let mut runner = Self {
            tail: store.tail(),
            store,
            status,
            observer,
            window,
            version: cursor.version,
            is_paused: notes.is_paused,
            under_way: FuturesUnordered::new(),
            handles: HashMap::new(),
            redo: VecDeque::new(),
            redo_under_way: None,
            redo_hold: None,
            settlements: Vec::new(),
            commit: None,
            committing: Vec::new(),
            dirty_since: None,
            probe_at: None,
            error: None,
            store_failed_until: None,
            is_fenced: false,
            started_at: Instant::now(),
            settings,
        };
        runner.load_redo().await;
        Ok(runner)
    }

    /// Works until it is stopped; then what is under way has this long to end.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Asked>,
        mut stop: watch::Receiver<Option<Duration>>,
    ) {
        while !self.is_fenced && stop.borrow().is_none() {
            self.fill().await;
            self.give_up_what_is_too_old();
            self.send();
            self.start_commit();
            self.publish(None);
            let sleep = tokio::time::sleep(self.pause());
            tokio::select! {
                _ = stop.changed() => {}
                Some(finished) = self.under_way.next() => self.finish(finished),
                committed = maybe(&mut self.commit) => self.committed(committed),
                Some((command, reply)) = commands.recv() => {
                    let result = self.obey(command).await;
                    // Whoever asked sees the new state at once.
                    self.publish(None);
                    let _ = reply.send(result);
                }
                changed = self.tail.changed(), if self.may_read() => if changed.is_err() { break },
                () = sleep => {}
            }
        }
        let patience = stop.borrow().unwrap_or_default();
        self.wind_down(patience).await;
    }

    /// Reads on, where there is more and room for it.
    async fn fill(&mut self) {
        let after = self.window.read_to();
        if self.is_store_resting() || !self.may_read() || *self.tail.borrow_and_update() <= after {
            return;
        }
        let store = Arc::clone(&self.store);
        let most = self.window.room().min(READ_SIZE);
        let read = tokio::task::spawn_blocking(move || store.read_on(after, most)).await;
        let changes = match read {
            Ok(Ok(changes)) => changes,
            Ok(Err(error)) => return self.store_failed(&error),
            Err(error) => return self.store_failed(&StoreError::Failed(error.to_string())),
        };
        let Some(first) = changes.first().map(|change| change.changeid) else { return };
        if first > after + 1 {
            // Only those that nothing waits before, so that the cursor can pass over the hole.
            if !self.window.is_empty() {
                return;
            }
            tracing::error!(
                sink = self.settings.name,
                from = after + 1,
                to = first - 1,
                "changes expired before they were delivered"
            );
            self.window.pass(first - 1);
        }
        for change in changes {
            self.take_up(change);
        }
    }

    /// Whether there is room for as many changes as are read at a time.
    fn may_read(&self) -> bool {
        self.window.is_empty() || self.window.room() >= READ_SIZE
    }

    fn take_up(&mut self, change: LoggedChange) {
        match self.settings.filter.dropped_by(&change) {
            None => drop(self.window.push(change)),
            Some(option) => {
                self.window.pass(change.changeid);
                self.observer.filtered(&self.settings.name);
                self.status.send_modify(|status| status.attempts.filtered += 1);
                self.settle(change.changeid, SettlementKind::Filtered, 0, option.to_owned());
            }
        }
    }

    /// Gives up changes at the head that are older than the operator lets the sink lag.
    fn give_up_what_is_too_old(&mut self) {
        let Some(max_lag) = self.settings.max_lag else { return };
        let oldest = Timestamp::now().saturating_sub(max_lag);
        while let Some((change, retry)) = self.window.head().filter(|(change, _)| change.received_at < oldest) {
            let (changeid, failed) = (change.changeid, retry.map_or(0, |retry| retry.attempts));
            self.give_up(changeid, failed, "it became older than `max_lag`".to_owned());
        }
    }

    /// Starts attempts, as many as may be under way.
    fn send(&mut self) {
        if self.is_paused || self.is_store_resting() {
            return;
        }
        let now = Timestamp::now();
        let is_probing = match self.probe_at {
            // A clock that was set back makes no probe wait longer.
            Some(at) if at > now && at.since(now) <= self.settings.backoff.max() => return,
            Some(_) => true,
            None => false,
        };
        let most = if is_probing { 1 } else { self.settings.concurrency };
        let max_pause = 2 * self.settings.backoff.max();
        while self.under_way.len() < most && self.uncommitted() < MAX_UNCOMMITTED {
            let Some(ready) = self.window.take_ready(now, max_pause) else { break };
            self.attempt(ready, false);
        }
        let may_redo = self.redo_hold.is_none_or(|(_, at)| at <= now);
        if self.redo_under_way.is_none() && may_redo && self.under_way.len() < most {
            self.start_redo();
        }
    }

    /// How many changes have ended here without the store having noted it.
    fn uncommitted(&self) -> usize {
        self.settlements.len() + self.committing.len()
    }

    fn attempt(&mut self, Ready { change, retry, doubt }: Ready, is_redo: bool) {
        let changeid = change.changeid;
        let settings = Arc::clone(&self.settings);
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.insert(changeid, handle);
        let started = Instant::now();
        // Until then the other side may still be at what it was sent before.
        let settled_at = match doubt {
            Doubt::None => None,
            Doubt::LastAttempt => Some(started + settings.ask_again_after),
            Doubt::EarlierRun => Some(self.started_at + settings.ask_again_after),
        };
        let attempt = async move {
            let failed = retry.as_ref().map_or(0, |retry| retry.attempts);
            let (attempt, was_missing) = deliver(&settings, &change, settled_at).await;
            let is_blamed = matches!(attempt.verdict, Verdict::Later { blames_change: true, .. });
            let is_healthy = is_blamed && failed + 1 >= settings.head_attempts && settings.sink.is_healthy().await;
            Finished {
                change,
                failed_before: retry,
                attempt,
                was_missing,
                is_healthy,
                took: started.elapsed(),
                is_redo,
            }
        };
        let attempt = Abortable::new(attempt, registration);
        self.under_way.push(Box::pin(async move { attempt.await.ok() }));
    }

    fn finish(&mut self, finished: Option<Finished>) {
        // `None`: the attempt was abandoned.
        let Some(finished) = finished else { return };
        let changeid = finished.change.changeid;
        self.handles.remove(&changeid);
        let verdict = match finished.attempt.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Later { .. } => "later",
            Verdict::ThisChange => "this_change",
            Verdict::ThisSink => "this_sink",
        };
        self.observer.attempt(&self.settings.name, verdict, finished.took);
        if finished.was_missing {
            self.window.clear_suspicion(changeid);
        }
        if finished.is_redo { self.finish_redo(finished) } else { self.finish_next(finished) }
    }

    fn finish_next(&mut self, finished: Finished) {
        let Finished { change, failed_before, attempt, is_healthy, .. } = finished;
        let changeid = change.changeid;
        let attempts = failed_before.as_ref().map_or(0, |retry| retry.attempts).saturating_add(1);
        let now = Timestamp::now();
        let failing_since = failed_before.as_ref().map_or(now, |retry| retry.failing_since.min(now));
        match attempt.verdict {
            Verdict::Delivered => {
                self.observer.arrived(&self.settings.name, now.since(change.received_at));
                self.window.finish(changeid);
                self.delivered(changeid, attempts, attempt.answer);
            }
            Verdict::Later { after, blames_change } => {
                self.status.send_modify(|status| status.attempts.later += 1);
                let is_over = self.settings.give_up_after.is_some_and(|limit| now.since(failing_since) >= limit);
                if is_over || (blames_change && is_healthy) {
                    let why = if is_over { "given up after `give_up_after`" } else { "the sink takes other requests" };
                    self.give_up(changeid, attempts, format!("{}; {why}", attempt.answer));
                    return;
                }
                self.probe_at = None;
                self.failed("does not take changes, will retry", &attempt.answer);
                let pause = self.settings.backoff.pause(attempts, after, fastrand::f64());
                self.fail(changeid, attempts, failing_since, now.saturating_add(pause), attempt);
            }
            Verdict::ThisChange => {
                self.recovered();
                self.give_up(changeid, attempts, attempt.answer);
            }
            Verdict::ThisSink => {
                self.status.send_modify(|status| status.attempts.misconfigured += 1);
                if self.probe_at.is_none() {
                    tracing::error!(
                        sink = self.settings.name,
                        "misconfigured, nothing more is sent: {}",
                        attempt.answer
                    );
                }
                self.error = Some(attempt.answer.clone());
                self.probe_at = Some(now.saturating_add(self.settings.backoff.max()));
                // It was no attempt to deliver this change, so it counts for none.
                let failed = failed_before.map_or(0, |retry| retry.attempts);
                self.fail(changeid, failed, failing_since, now, attempt);
            }
        }
    }

    fn fail(&mut self, changeid: i64, attempts: u32, failing_since: Timestamp, next_at: Timestamp, attempt: Attempt) {
        let Attempt { answer, may_have_arrived, .. } = attempt;
        self.window.fail(changeid, Retry { attempts, failing_since, next_at, answer, may_have_arrived });
        self.dirty_since.get_or_insert_with(Instant::now);
    }

    fn delivered(&mut self, changeid: i64, attempts: u32, answer: String) {
        self.recovered();
        self.status.send_modify(|status| {
            status.attempts.delivered += 1;
            status.delivered_at = Some(Timestamp::now());
        });
        self.settle(changeid, SettlementKind::Delivered, attempts, answer);
    }

    /// Makes a change a dead letter.
    fn give_up(&mut self, changeid: i64, attempts: u32, answer: String) {
        if let Some(handle) = self.handles.remove(&changeid) {
            handle.abort();
        }
        self.status.send_modify(|status| status.attempts.dead += 1);
        tracing::warn!(sink = self.settings.name, change = changeid, "dead letter: {answer}");
        self.window.finish(changeid);
        self.settle(changeid, SettlementKind::Dead, attempts, answer);
    }

    fn settle(&mut self, changeid: i64, kind: SettlementKind, attempts: u32, answer: String) {
        self.settlements.push(Settlement { changeid, settled_at: Timestamp::now(), kind, attempts, answer });
        self.dirty_since.get_or_insert_with(Instant::now);
    }

    /// Logs once that the sink fails.
    fn failed(&mut self, what: &str, answer: &str) {
        if self.error.is_none() {
            tracing::warn!(sink = self.settings.name, "{what}: {answer}");
        }
        self.error = Some(answer.to_owned());
    }

    /// Logs once that the sink works again.
    fn recovered(&mut self) {
        self.probe_at = None;
        if self.error.take().is_some() {
            tracing::info!(sink = self.settings.name, "takes changes again");
        }
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        let now = Timestamp::now();
        let until = |at: Timestamp| at.since(now);
        let mut pause = MAX_SLEEP;
        if let Some(since) = self.dirty_since.filter(|_| self.commit.is_none()) {
            pause = pause.min(COMMIT_INTERVAL.saturating_sub(since.elapsed()));
        }
        if let Some(resting) = self.store_failed_until {
            let rest = resting.saturating_duration_since(Instant::now());
            return if rest.is_zero() { pause } else { rest };
        }
        if self.is_paused || self.uncommitted() >= MAX_UNCOMMITTED {
            return pause;
        }
        let is_busy = self.under_way.len() >= self.settings.concurrency;
        let next = match self.probe_at {
            Some(_) if !self.under_way.is_empty() => None,
            Some(at) => Some(until(at)),
            None if is_busy => None,
            None => {
                let redo = self.redo_hold.filter(|_| !self.redo.is_empty() && self.redo_under_way.is_none());
                self.window.next_due().into_iter().chain(redo.map(|(_, at)| at)).map(until).min()
            }
        };
        next.map_or(pause, |next| pause.min(next.max(Duration::from_millis(1))))
    }

    /// Waits for what is under way, up to a limit, and commits.
    async fn wind_down(&mut self, patience: Duration) {
        let end = tokio::time::Instant::now() + patience;
        while !self.under_way.is_empty() && !self.is_fenced {
            match tokio::time::timeout_at(end, self.under_way.next()).await {
                Ok(Some(finished)) => self.finish(finished),
                Ok(None) => break,
                Err(_) => {
                    tracing::warn!(
                        sink = self.settings.name,
                        attempts = self.under_way.len(),
                        "attempts were abandoned"
                    );
                    break;
                }
            }
        }
        let is_settled = self.under_way.is_empty();
        self.under_way.clear();
        if let Some(commit) = self.commit.take() {
            let committed = commit.await;
            self.committed(committed);
        }
        if !self.is_fenced {
            let committed = self.commit_of(is_settled).await;
            if let Err(error) = &committed {
                tracing::warn!(
                    sink = self.settings.name,
                    "progress was not saved, and is asked for at the next start: {error}"
                );
            }
            self.committed(committed);
        }
        self.publish(Some(if self.is_fenced { SinkState::Failed } else { SinkState::Stopped }));
    }

    /// Shows what the sink is doing.
    fn publish(&self, state: Option<SinkState>) {
        let tail = *self.tail.borrow();
        let position = self.window.position();
        let read = usize::try_from(self.window.read_to() - position).unwrap_or(0);
        let done_beyond = read.saturating_sub(self.window.len());
        let head = self.window.head().map(|(change, retry)| Head {
            changeid: change.changeid,
            received_at: change.received_at,
            attempts: retry.map_or(0, |retry| retry.attempts),
            answer: retry.map(|retry| retry.answer.clone()),
            next_at: retry.map(|retry| self.probe_at.unwrap_or(retry.next_at)),
        });
        let state = state.unwrap_or(if self.is_paused {
            SinkState::Paused
        } else if self.probe_at.is_some() {
            SinkState::Misconfigured
        } else if self.error.is_some() {
            SinkState::Retrying
        } else if tail > position {
            SinkState::Delivering
        } else {
            SinkState::Idle
        });
        self.status.send_if_modified(|status| {
            let is_new = (status.state, status.position, status.done_beyond) != (state, position, done_beyond)
                || status.head != head
                || status.error != self.error;
            if is_new {
                (status.state, status.position, status.done_beyond) = (state, position, done_beyond);
                status.head = head;
                status.error.clone_from(&self.error);
            }
            is_new
        });
    }
}

/// Delivers a change. Where it may have arrived already, the sink is asked first, and its "no" counts from the moment on
/// at which it has settled what it was sent before. Says too whether the sink was asked and did not have the change.
async fn deliver(settings: &SinkSettings, change: &LoggedChange, settled_at: Option<Instant>) -> (Attempt, bool) {
    let mut was_missing = false;
    while let Some(settled_at) = settled_at.filter(|_| !was_missing) {
        let asked_at = Instant::now();
        match settings.sink.has(change).await {
            Known::Yes(answer) => return (Attempt::delivered(answer), false),
            Known::CannotTell => break,
            Known::NoAnswer(reason) => return (Attempt::unanswered(reason), false),
            Known::No if asked_at >= settled_at => was_missing = true,
            Known::No => tokio::time::sleep_until(settled_at.into()).await,
        }
    }
    (settings.sink.deliver(change).await, was_missing)
}

/// The end of a future, if there is one; never where there is none.
async fn maybe<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
