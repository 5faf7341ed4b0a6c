//! A store in memory, a scripted sink, and an engine that serves it.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hookd_core::Change;
use hookd_sinks::{
    Attempt, Command, Engine, EverySink, From, Known, Sink, SinkSettings, SinkState, SinkStatus, Verdict,
};
use hookd_store::{
    Cursor, CursorMove, CursorPlace, Log as _, LoggedChange, MemoryStore, NewDelivery, NewState, Origin,
    SettlementKind, SharedStore, Store as _, Timestamp,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a sink answers to one change, before it delivers it.
#[derive(Clone, Default)]
pub(crate) struct Script {
    attempts: usize,
    attempt: Option<Attempt>,
    arrives: bool,
}

impl Script {
    /// The attempt ends so as many times; then the change is delivered.
    pub(crate) fn times(attempts: usize, attempt: Attempt) -> Self {
        Self { attempts, attempt: Some(attempt), arrives: false }
    }

    /// The attempt always ends so.
    pub(crate) fn always(attempt: Attempt) -> Self {
        Self::times(usize::MAX, attempt)
    }

    /// The change arrives all the same.
    pub(crate) fn arriving(self) -> Self {
        Self { arrives: true, ..self }
    }
}

/// The other side.
#[derive(Default)]
struct Peer {
    scripts: HashMap<i64, Script>,
    script_of_all: Script,
    arrived: Vec<i64>,
    attempts: Vec<i64>,
    asked: Vec<i64>,
    answers: Option<Known>,
    is_healthy: bool,
    hangs: bool,
    /// How many changes it takes at a time; none is one.
    batch_size: Option<usize>,
    /// So often the answer to a whole batch is lost.
    lost_batches: usize,
}

#[derive(Clone, Default)]
struct Shared(Arc<(Mutex<Peer>, Condvar)>);

impl Shared {
    fn with<T>(&self, look: impl FnOnce(&mut Peer) -> T) -> T {
        let result = look(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }
}

struct ScriptedSink(Shared);

impl Sink for ScriptedSink {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let changeid = change.changeid;
            let hangs = self.0.with(|peer| {
                peer.attempts.push(changeid);
                peer.hangs
            });
            if hangs {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            self.0.with(|peer| {
                let script = peer.scripts.get_mut(&changeid).unwrap_or(&mut peer.script_of_all);
                let attempt = script.attempt.clone().filter(|_| script.attempts > 0);
                script.attempts = script.attempts.saturating_sub(1);
                let arrives = script.arrives;
                match attempt {
                    Some(attempt) => {
                        if arrives {
                            peer.arrived.push(changeid);
                        }
                        attempt
                    }
                    None => {
                        peer.arrived.push(changeid);
                        Attempt::delivered("ok")
                    }
                }
            })
        })
    }

    fn batch_size(&self) -> usize {
        self.0.with(|peer| peer.batch_size.unwrap_or(1))
    }

    fn deliver_many<'a>(&'a self, changes: &'a [Arc<LoggedChange>]) -> BoxFuture<'a, Vec<Attempt>> {
        Box::pin(async move {
            let is_lost = self.0.with(|peer| std::mem::replace(&mut peer.lost_batches, 0).checked_sub(1));
            let mut attempts = Vec::new();
            for change in changes {
                let attempt = self.deliver(change).await;
                let has_arrived = attempt.verdict == Verdict::Delivered;
                attempts.push(if is_lost.is_some() { Attempt::unanswered("lost") } else { attempt });
                if !has_arrived {
                    break;
                }
            }
            if let Some(left) = is_lost {
                self.0.with(|peer| peer.lost_batches = left);
            }
            attempts
        })
    }

    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        Box::pin(async move {
            self.0.with(|peer| {
                peer.asked.push(change.changeid);
                let is_there = peer.arrived.contains(&change.changeid);
                peer.answers.clone().unwrap_or(if is_there { Known::Yes("it is there".to_owned()) } else { Known::No })
            })
        })
    }

    fn is_healthy(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.0.with(|peer| peer.is_healthy) })
    }

    fn destination(&self) -> String {
        "nowhere".to_owned()
    }
}

/// A store, and the other side.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    peer: Shared,
}

/// Options with short pauses.
pub(crate) fn options() -> EverySink {
    EverySink {
        name: "sink".to_owned(),
        from: From::Beginning,
        retry_min: Duration::from_millis(2),
        retry_max: Duration::from_millis(10),
        ..EverySink::default()
    }
}

/// When the delivery of a change was received: long ago.
pub(crate) fn time(changeid: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000_000_000 + changeid * 1_000_000)
}

impl World {
    pub(crate) fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), peer: Shared::default() }
    }

    /// Stores a change on each of these branches, each from a delivery of its own.
    pub(crate) fn append(&self, branches: &[&str]) {
        for branch in branches {
            let change = Change { branch: Some((*branch).to_owned()), ..Change::default() };
            let delivery = NewDelivery {
                received_at: time(*self.store.tail().borrow() + 1),
                dialect: "base".to_owned(),
                event: None,
                forge_id: None,
                deduplicate: false,
                origin: Origin::NONE,
                replay: None,
                positions: None,
                note: None,
                request: None,
                state: NewState::Accepted(vec![change]),
            };
            self.store.append(delivery).wait().unwrap();
        }
    }

    pub(crate) fn script(&self, changeid: i64, script: Script) {
        self.peer.with(|peer| drop(peer.scripts.insert(changeid, script)));
    }

    pub(crate) fn script_all(&self, script: Script) {
        self.peer.with(|peer| peer.script_of_all = script);
    }

    pub(crate) fn answers(&self, answers: Option<Known>) {
        self.peer.with(|peer| peer.answers = answers);
    }

    pub(crate) fn is_healthy(&self, is_healthy: bool) {
        self.peer.with(|peer| peer.is_healthy = is_healthy);
    }

    /// The sink takes so many changes at a time, and so often the answer to all of them is lost.
    pub(crate) fn batches(&self, size: usize, lost: usize) {
        self.peer.with(|peer| (peer.batch_size, peer.lost_batches) = (Some(size), lost));
    }

    pub(crate) fn hangs(&self, hangs: bool) {
        self.peer.with(|peer| peer.hangs = hangs);
    }

    /// Waits until something was sent.
    pub(crate) fn wait_for_attempt(&self) {
        let (peer, changed) = &*self.peer.0;
        let waited =
            changed.wait_timeout_while(peer.lock().unwrap(), PATIENCE, |peer| peer.attempts.is_empty()).unwrap();
        assert!(!waited.1.timed_out(), "nothing was sent");
    }

    pub(crate) fn arrived(&self) -> Vec<i64> {
        self.peer.with(|peer| peer.arrived.clone())
    }

    pub(crate) fn sorted_arrivals(&self) -> Vec<i64> {
        let mut arrived = self.arrived();
        arrived.sort_unstable();
        arrived
    }

    pub(crate) fn attempts(&self) -> Vec<i64> {
        self.peer.with(|peer| peer.attempts.clone())
    }

    pub(crate) fn asked(&self) -> Vec<i64> {
        self.peer.with(|peer| peer.asked.clone())
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.store.cursors().unwrap().into_iter().find(|cursor| cursor.name == "sink").unwrap()
    }

    /// How a change ended at all sinks.
    pub(crate) fn settled(&self, changeid: i64) -> Vec<SettlementKind> {
        self.store
            .reader()
            .settlements_of(changeid)
            .unwrap()
            .into_iter()
            .map(|(_, settlement)| settlement.kind)
            .collect()
    }

    /// Sets the cursor back to the beginning, as if nothing had been committed since.
    pub(crate) fn forget_progress(&self) {
        let cursor = self.cursor();
        let to = Some(CursorPlace { position: 0, done: Vec::new(), state: cursor.state });
        let moved =
            CursorMove { name: cursor.name, expected: Some(cursor.version), to, epoch: None, settlements: Vec::new() };
        self.store.move_cursors(vec![moved]).wait().unwrap();
    }

    /// Serves the sink with these options, from the beginning.
    pub(crate) fn start(&self, options: EverySink) -> Run {
        self.start_with_from(EverySink { from: From::Beginning, ..options })
    }

    /// Serves the sink with these options.
    pub(crate) fn start_with_from(&self, options: EverySink) -> Run {
        let sink = Box::new(ScriptedSink(self.peer.clone()));
        let settings = SinkSettings::new("scripted", sink, options).unwrap();
        let settings =
            Arc::new(SinkSettings { ask_again_after: Duration::from_millis(20), ..Arc::into_inner(settings).unwrap() });
        let store: SharedStore = Arc::<MemoryStore>::clone(&self.store);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let engine = Engine::start(store, Arc::new(())).unwrap();
        runtime.block_on(engine.apply(&[settings], Duration::ZERO));
        Run { engine: Some(engine), runtime, store: Arc::clone(&self.store) }
    }
}

/// An engine at work.
pub(crate) struct Run {
    engine: Option<Engine>,
    runtime: tokio::runtime::Runtime,
    store: Arc<MemoryStore>,
}

impl Run {
    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn status(&self) -> SinkStatus {
        self.engine().sinks().remove(0).status
    }

    /// Waits until the sink does as it should.
    pub(crate) fn wait_until(&self, is_so: impl FnMut(&SinkStatus) -> bool) {
        let mut status = self.engine().watch("sink").unwrap();
        let waited =
            self.runtime.block_on(async { tokio::time::timeout(PATIENCE, status.wait_for(is_so)).await.is_ok() });
        assert!(waited, "{:#?}", self.status());
    }

    /// Waits until all changes have ended.
    pub(crate) fn wait_until_done(&self) {
        let tail = *self.store.tail().borrow();
        self.wait_until(|status| status.position == tail && status.state == SinkState::Idle);
    }

    /// Waits until a figure has not changed for a while, and gives it.
    pub(crate) fn wait_until_stable(&self, figure: impl Fn(&SinkStatus) -> u64) -> u64 {
        let mut status = self.engine().watch("sink").unwrap();
        self.runtime.block_on(async {
            loop {
                let before = figure(&status.borrow_and_update());
                let later =
                    tokio::time::timeout(Duration::from_millis(300), status.wait_for(|now| figure(now) != before));
                if later.await.is_err() {
                    return before;
                }
            }
        })
    }

    pub(crate) fn command(&self, command: Command) -> Result<String, String> {
        self.runtime.block_on(self.engine().command("sink", command))
    }

    pub(crate) fn orphans(&self) -> Vec<String> {
        self.engine().orphans().unwrap()
    }

    pub(crate) fn forget(&self, name: &str) -> Result<String, String> {
        self.runtime.block_on(self.engine().forget(name))
    }

    /// Serves no sinks any more.
    pub(crate) fn remove_all(&self) {
        self.runtime.block_on(self.engine().apply(&[], PATIENCE));
    }

    pub(crate) fn stop(self) {
        self.stop_within(Duration::from_secs(5));
    }

    pub(crate) fn stop_within(mut self, patience: Duration) {
        let started = Instant::now();
        let engine = self.engine.take().unwrap();
        self.runtime.block_on(engine.stop(patience));
        assert!(started.elapsed() < patience + PATIENCE);
    }

    /// Ends it as `kill -9` does: nothing more is sent or committed.
    pub(crate) fn kill(mut self) {
        self.engine.take().unwrap().kill();
    }
}
