//! One sink at work: reads the log onward, sends what may be sent, and commits how far it has come.
//!
//! What is sent before the store has noted that it is done is bounded, also where the store fails: by [`MAX_UNCOMMITTED`]
//! where the sink can report what it has, by [`MAX_REPEATED`] where it cannot. So a crash leaves no more than these in
//! doubt.

mod attempt;
mod command;
mod commit;
mod redo;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, BoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hookd_store::{
    Lead, Leadership, LoggedChange, MAX_DONE_BEYOND, Moved, Settlement, SettlementKind, SharedStore, StoreError,
    Timestamp,
};
use tokio::sync::{mpsc, watch};

use crate::settings::SinkSettings;
use crate::start;
use crate::status::{AttemptCounts, Head, SinkObserver, SinkState, SinkStatus};
use crate::window::{Order, Window};

use attempt::Finished;
pub(crate) use command::Asked;
pub use command::Command;

/// How many changes may be sent before the store has noted that those before them are done. A cursor cannot note more.
const MAX_UNCOMMITTED: usize = MAX_DONE_BEYOND;

/// The same where the sink cannot report what it has: after a crash so many are sent once more.
const MAX_REPEATED: usize = 128;

/// How long progress may wait for its commit, and how often a sink that is busy commits.
const COMMIT_INTERVAL: Duration = Duration::from_millis(50);

/// How many changes are read at a time.
const READ_SIZE: usize = 512;

/// The pause after a read that found all there was, so that changes which come one by one are read together.
const READ_PAUSE: Duration = Duration::from_millis(5);

/// The same after a read of so many that they come by the thousand a second: each read wakes two threads, which receiving
/// has to share its cores with.
const BUSY_READ_PAUSE: Duration = Duration::from_millis(20);
const BUSY_READ_SIZE: usize = 64;

/// How often a sink that waits looks whether something is to be done after all.
const MAX_SLEEP: Duration = Duration::from_secs(30);

type Commit = BoxFuture<'static, Result<Vec<Moved>, StoreError>>;

/// Why a sink is no longer at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was stopped.
    Stopped,
    /// Somebody else has moved its cursor.
    Fenced,
    /// This hookd does not lead any more.
    Lost,
}

/// A sink at work.
pub(crate) struct Runner {
    settings: Arc<SinkSettings>,
    store: SharedStore,
    status: Arc<watch::Sender<SinkStatus>>,
    observer: Arc<dyn SinkObserver>,
    tail: watch::Receiver<i64>,
    window: Window,
    /// The lead under which it works.
    lead: Lead,
    /// The version of the cursor.
    version: u64,
    is_paused: bool,
    /// Attempts that are under way.
    under_way: FuturesUnordered<BoxFuture<'static, Option<Finished>>>,
    /// How many changes are in them, but for those that are sent once more.
    sent: usize,
    /// Those that can be abandoned, by the number of their change.
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
    committed_at: Option<Instant>,
    /// The log is not read before that.
    read_at: Instant,
    /// The sink is configured wrongly, and probed next at this time.
    probe_at: Option<Timestamp>,
    /// The error that was logged and is not over yet.
    error: Option<String>,
    /// Attempts by how they ended.
    attempts: AttemptCounts,
    delivered_at: Option<Timestamp>,
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
        lead: Lead,
    ) -> Result<Self, String> {
        let (cursor, notes) = start::cursor(&settings, &store, tail, lead).await?;
        let mut window = Window::new(settings.order, cursor.position, &cursor.done, notes.retries, !notes.is_settled);
        if notes.is_by_branch && settings.order == Order::All {
            window.ask_about_each();
        }
        // The figures continue those of the runner before this one: they count since hookd was started.
        let (attempts, delivered_at) = {
            let status = status.borrow();
            (status.attempts, status.delivered_at)
        };
        let mut runner = Self {
            tail: store.tail(),
            store,
            status,
            observer,
            window,
            lead,
            version: cursor.version,
            is_paused: notes.is_paused,
            under_way: FuturesUnordered::new(),
            sent: 0,
            handles: HashMap::new(),
            redo: VecDeque::new(),
            redo_under_way: None,
            redo_hold: None,
            settlements: Vec::new(),
            commit: None,
            committing: Vec::new(),
            dirty_since: None,
            committed_at: None,
            read_at: Instant::now(),
            probe_at: None,
            error: None,
            attempts,
            delivered_at,
            store_failed_until: None,
            is_fenced: false,
            started_at: Instant::now(),
            settings,
        };
        runner.load_redo().await;
        Ok(runner)
    }

    /// Works until it is stopped; then what is under way has this long to end. Ends at once where it no longer leads: nothing
    /// begins that another hookd may do already, and what is under way is abandoned.
    pub(crate) async fn run(
        mut self,
        commands: &mut mpsc::Receiver<Asked>,
        stop: &mut watch::Receiver<Option<Duration>>,
        leadership: &mut Leadership,
    ) -> Ended {
        while !self.is_fenced && stop.borrow().is_none() {
            self.fill().await;
            if !self.leads(leadership) {
                return self.lost();
            }
            self.give_up_what_is_too_old();
            self.send();
            self.start_commit();
            self.publish(None);
            let sleep = tokio::time::sleep(self.pause());
            tokio::select! {
                _ = stop.changed() => {}
                () = leadership.lost(self.lead.epoch), if self.lead != Lead::UNLIMITED => return self.lost(),
                Some(finished) = self.under_way.next() => self.finish(finished),
                committed = maybe(&mut self.commit) => self.committed(committed),
                Some((command, reply)) = commands.recv() => {
                    let result = self.obey(command).await;
                    // Whoever asked sees the new state at once.
                    self.publish(None);
                    let _ = reply.send(result);
                }
                changed = self.tail.changed(), if self.may_read() && self.read_at <= Instant::now() => if changed.is_err() { break },
                () = sleep => {}
            }
        }
        let patience = stop.borrow().unwrap_or_default();
        let epoch = self.lead.epoch;
        let is_fenced = tokio::select! {
            is_fenced = self.wind_down(patience) => is_fenced,
            () = leadership.lost(epoch) => return Ended::Lost,
        };
        if is_fenced { Ended::Fenced } else { Ended::Stopped }
    }

    fn leads(&self, leadership: &Leadership) -> bool {
        self.lead == Lead::UNLIMITED || leadership.current().is_some_and(|lead| lead.epoch == self.lead.epoch)
    }

    fn lost(self) -> Ended {
        let (sink, abandoned) = (&self.settings.name, self.under_way.len());
        tracing::warn!(
            sink,
            abandoned,
            "this hookd no longer serves the sink: the store has not confirmed in time that it does, or another one has \
             taken over"
        );
        Ended::Lost
    }

    /// Reads on, where there is more and room for it.
    async fn fill(&mut self) {
        let after = self.window.read_to();
        let is_early = self.read_at > Instant::now();
        if self.is_store_resting() || !self.may_read() || is_early || *self.tail.borrow_and_update() <= after {
            return;
        }
        let most = self.window.room().min(READ_SIZE);
        let changes = match read_on(&self.store, after, most).await {
            Ok(changes) => changes,
            Err(error) => return self.store_failed(&error),
        };
        if changes.len() < most {
            let is_busy = changes.len() >= BUSY_READ_SIZE;
            self.read_at = Instant::now() + if is_busy { BUSY_READ_PAUSE } else { READ_PAUSE };
        }
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

    fn take_up(&mut self, change: Arc<LoggedChange>) {
        match self.settings.filter.dropped_by(&change) {
            None => drop(self.window.push(change)),
            Some(option) => {
                self.window.pass(change.changeid);
                self.observer.filtered(&self.settings.name);
                self.attempts.filtered += 1;
                self.settle(change.changeid, SettlementKind::Filtered, 0, option.to_owned());
            }
        }
    }

    /// Gives up changes at the head that are older than the operator lets the sink lag.
    fn give_up_what_is_too_old(&mut self) {
        let Some(max_lag) = self.settings.max_lag else { return };
        let oldest = Timestamp::now().saturating_sub(max_lag);
        while let Some((change, retry)) = self.window.head().filter(|(change, _)| change.received_at < oldest)
            && self.may_give_up_head()
        {
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
        let batch_size = if is_probing { 1 } else { self.settings.sink.batch_size() };
        while self.under_way.len() < most {
            let room = self.max_uncommitted().saturating_sub(self.uncommitted() + self.sent);
            let batch = self.window.take_ready(now, max_pause, batch_size.min(room));
            if batch.is_empty() {
                break;
            }
            self.attempt(batch, false);
        }
        let may_redo = self.redo_hold.is_none_or(|(_, at)| at <= now);
        if self.redo_under_way.is_none() && may_redo && self.under_way.len() < most {
            self.start_redo();
        }
    }

    /// How many changes may have been sent without the store having noted it.
    fn max_uncommitted(&self) -> usize {
        if self.settings.sink.can_tell() { MAX_UNCOMMITTED } else { MAX_REPEATED }
    }

    /// How many changes have ended here without the store having noted it.
    fn uncommitted(&self) -> usize {
        self.settlements.len() + self.committing.len()
    }

    fn settle(&mut self, changeid: i64, kind: SettlementKind, attempts: u32, answer: String) {
        self.settlements.push(Settlement { changeid, settled_at: Timestamp::now(), kind, attempts, answer });
        self.dirty_since.get_or_insert_with(Instant::now);
    }

    /// How long there is nothing to do.
    fn pause(&self) -> Duration {
        let now = Timestamp::now();
        let until = |at: Timestamp| at.since(now);
        let mut pause = MAX_SLEEP;
        if let Some(due) = self.commit_due().filter(|_| self.commit.is_none()) {
            pause = pause.min(due.saturating_duration_since(Instant::now()));
        }
        let early = self.read_at.saturating_duration_since(Instant::now());
        if self.may_read() && !early.is_zero() {
            // The tail wakes nobody before that.
            pause = pause.min(early);
        }
        if let Some(resting) = self.store_failed_until {
            let rest = resting.saturating_duration_since(Instant::now());
            return if rest.is_zero() { pause } else { rest };
        }
        if self.is_paused || self.uncommitted() + self.sent >= self.max_uncommitted() {
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

    /// Waits for what is under way, up to a limit, and commits. Returns whether somebody else has moved the cursor.
    async fn wind_down(&mut self, patience: Duration) -> bool {
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
        let is_settled = self.under_way.is_empty() && !self.window.is_in_doubt();
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
        self.is_fenced
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
                || status.attempts != self.attempts
                || status.head != head
                || status.error != self.error;
            if is_new {
                (status.state, status.position, status.done_beyond) = (state, position, done_beyond);
                (status.attempts, status.delivered_at) = (self.attempts, self.delivered_at);
                status.head = head;
                status.error.clone_from(&self.error);
            }
            is_new
        });
    }
}

/// Reads the log onward, on a thread that may wait where the store has to.
async fn read_on(store: &SharedStore, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError> {
    if let Some(changes) = store.read_on_from_memory(after, most) {
        return Ok(changes);
    }
    let store = Arc::clone(store);
    let read = tokio::task::spawn_blocking(move || store.read_on(after, most)).await;
    read.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

/// The end of a future, if there is one; never where there is none.
async fn maybe<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
