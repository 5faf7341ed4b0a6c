//! One sink at work: reads the log onward, sends what may be sent, and commits how far it has come.
//!
//! At most [`MAX_UNCOMMITTED`] changes are sent before the store has noted that they are done, also where the store
//! fails. So a crash leaves no more than these in doubt, and they are asked for before they are sent again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hookd_store::{
    CursorMove, CursorPlace, LoggedChange, Moved, Settlement, SettlementKind, SharedStore, StoreError, Timestamp,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::notes::Notes;
use crate::settings::SinkSettings;
use crate::start;
use crate::status::{Head, SinkObserver, SinkState, SinkStatus};
use crate::verdict::{Attempt, Known, Verdict};
use crate::window::{Doubt, Order, Ready, Retry, Window};

/// How many changes may be sent before the store has noted that those before them are done.
pub(crate) const MAX_UNCOMMITTED: usize = 128;

/// How long progress may wait for its commit.
const COMMIT_INTERVAL: Duration = Duration::from_millis(50);

/// How many changes are read at a time.
const READ_SIZE: usize = 256;

/// The pause before the store is used again after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How often a sink that waits looks whether something is to be done after all.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// What an operator asks of a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send nothing more until `Resume`, also after a restart.
    Pause,
    /// Send again.
    Resume,
    /// Make the next attempt now.
    Retry,
    /// Give the first change that waits up: it becomes a dead letter.
    Skip,
    /// Send changes once more that have ended here: dead letters, and those that a filter dropped.
    Requeue(Vec<i64>),
}

/// A command, and where its result goes.
pub(crate) type Asked = (Command, oneshot::Sender<Result<String, String>>);

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
    /// Whether it was sent once more on the word of an operator.
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
            Doubt::EarlierLife => Some(self.started_at + settings.ask_again_after),
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

    /// Sends one more change that an operator wants to be sent once more.
    fn start_redo(&mut self) {
        let Some(changeid) = self.redo.pop_front() else { return };
        let change = match self.store.read_on(changeid - 1, 1) {
            Ok(changes) => changes.into_iter().find(|change| change.changeid == changeid),
            Err(error) => {
                self.redo.push_front(changeid);
                return self.store_failed(&error);
            }
        };
        let Some(change) = change else { return };
        self.redo_under_way = Some(changeid);
        self.attempt(Ready { change: Arc::new(change), retry: None, doubt: Doubt::LastAttempt }, true);
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

    fn finish_redo(&mut self, finished: Finished) {
        let Finished { change, attempt, .. } = finished;
        let changeid = change.changeid;
        self.redo_under_way = None;
        let now = Timestamp::now();
        match attempt.verdict {
            Verdict::Delivered => {
                self.redo_hold = None;
                self.delivered(changeid, 1, attempt.answer);
            }
            Verdict::ThisChange => {
                self.redo_hold = None;
                self.settle(changeid, SettlementKind::Dead, 1, attempt.answer);
            }
            Verdict::Later { after, .. } => {
                let failed = self.redo_hold.map_or(0, |(failed, _)| failed).saturating_add(1);
                if failed >= self.settings.head_attempts {
                    self.redo_hold = None;
                    self.settle(changeid, SettlementKind::Dead, failed, attempt.answer);
                    return;
                }
                let pause = self.settings.backoff.pause(failed, after, fastrand::f64());
                self.redo_hold = Some((failed, now.saturating_add(pause)));
                self.redo.push_front(changeid);
            }
            Verdict::ThisSink => {
                self.redo_hold = Some((0, now.saturating_add(self.settings.backoff.max())));
                self.redo.push_front(changeid);
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

    /// Commits progress, where there is enough of it or it has waited long enough, one commit at a time.
    fn start_commit(&mut self) {
        let Some(since) = self.dirty_since.filter(|_| self.commit.is_none() && !self.is_store_resting()) else {
            return;
        };
        let is_due = self.settlements.len() >= MAX_UNCOMMITTED / 2
            || since.elapsed() >= COMMIT_INTERVAL
            || self.under_way.is_empty();
        if is_due {
            self.commit = Some(self.commit_of(false));
        }
    }

    /// A commit of all progress so far.
    fn commit_of(&mut self, is_settled: bool) -> Commit {
        self.dirty_since = None;
        let retries = self.window.retries().map(|(changeid, retry)| (changeid, retry.clone())).collect();
        let is_by_branch = self.settings.order == Order::Branch || self.window.asks_about_each();
        let notes = Notes { is_paused: self.is_paused, is_settled, is_by_branch, retries };
        let place = CursorPlace { position: self.window.position(), done: self.window.done(), state: notes.write() };
        self.committing = std::mem::take(&mut self.settlements);
        let moved = CursorMove {
            name: self.settings.name.clone(),
            expected: Some(self.version),
            to: Some(place),
            settlements: self.committing.clone(),
        };
        let (store, settings) = (Arc::clone(&self.store), Arc::clone(&self.settings));
        Box::pin(async move {
            settings.sink.flush().await.map_err(StoreError::Failed)?;
            store.move_cursors(vec![moved]).await
        })
    }

    fn committed(&mut self, committed: Result<Vec<Moved>, StoreError>) {
        self.commit = None;
        match committed.map(|moved| moved.into_iter().next()) {
            Ok(Some(Moved::To(version))) => {
                self.version = version;
                self.committing.clear();
            }
            Ok(_) => {
                // Whoever moved it knows what it has sent; this process does not, and must send no more.
                let message = "another process moves this sink's cursor";
                tracing::error!(sink = self.settings.name, "stopped: {message}");
                self.error = Some(message.to_owned());
                self.is_fenced = true;
            }
            Err(error) => {
                let newer = std::mem::take(&mut self.settlements);
                self.settlements = std::mem::take(&mut self.committing);
                self.settlements.extend(newer);
                self.dirty_since.get_or_insert_with(Instant::now);
                self.store_failed(&error);
            }
        }
    }

    /// The store logs its failures itself, once; this only waits.
    fn store_failed(&mut self, error: &StoreError) {
        tracing::debug!(sink = self.settings.name, "the store failed: {error}");
        self.store_failed_until = Some(Instant::now() + STORE_PAUSE);
    }

    fn is_store_resting(&self) -> bool {
        self.store_failed_until.is_some_and(|until| until > Instant::now())
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

    async fn obey(&mut self, command: Command) -> Result<String, String> {
        match command {
            Command::Pause => {
                self.is_paused = true;
                self.commit_and_wait().await?;
                Ok("paused".to_owned())
            }
            Command::Resume => {
                self.is_paused = false;
                self.commit_and_wait().await?;
                Ok("resumed".to_owned())
            }
            Command::Retry => {
                self.probe_at = self.probe_at.map(|_| Timestamp::from_micros(0));
                self.redo_hold = self.redo_hold.map(|(failed, _)| (failed, Timestamp::from_micros(0)));
                self.window.make_due(Timestamp::now());
                Ok("the next attempt is made now".to_owned())
            }
            Command::Skip => {
                let Some((change, retry)) = self.window.head() else {
                    return Err("no change waits".to_owned());
                };
                let (changeid, failed) = (change.changeid, retry.map_or(0, |retry| retry.attempts));
                let last = retry.map(|retry| format!("; last answer: {}", retry.answer)).unwrap_or_default();
                self.give_up(changeid, failed, format!("skipped by an operator{last}"));
                self.commit_and_wait().await?;
                Ok(format!("change {changeid} was skipped, and is a dead letter now"))
            }
            Command::Requeue(changeids) => {
                let position = self.window.position();
                let count = changeids.len();
                if let Some(waiting) = changeids.iter().find(|changeid| **changeid > position) {
                    return Err(format!("change {waiting} has not ended here yet"));
                }
                for changeid in changeids {
                    self.settle(changeid, SettlementKind::Requeued, 0, String::new());
                    if self.redo_under_way != Some(changeid) && !self.redo.contains(&changeid) {
                        self.redo.push_back(changeid);
                    }
                }
                self.commit_and_wait().await?;
                Ok(format!("{count} changes are sent once more"))
            }
        }
    }

    async fn commit_and_wait(&mut self) -> Result<(), String> {
        if let Some(commit) = self.commit.take() {
            let committed = commit.await;
            self.committed(committed);
        }
        let committed = self.commit_of(false).await;
        let result = committed.as_ref().map(drop).map_err(ToString::to_string);
        self.committed(committed);
        result
    }

    /// What an earlier life was asked to send once more.
    async fn load_redo(&mut self) {
        let (store, name) = (Arc::clone(&self.store), self.settings.name.clone());
        let read = move || store.settlements(&name, SettlementKind::Requeued, 0, usize::MAX);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(settlements)) => self.redo = settlements.into_iter().map(|settlement| settlement.changeid).collect(),
            Ok(Err(error)) => self.store_failed(&error),
            Err(error) => {
                tracing::error!(sink = self.settings.name, "cannot read what is to be sent once more: {error}")
            }
        }
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
