//! A sink under test that the engine serves, over a store in memory.

use std::sync::Arc;
use std::time::Duration;

use hookd_core::Change;
use hookd_store::{Log as _, LoggedChange, MemoryStore, NewDelivery, NewState, SharedStore, Timestamp};

use super::Peer;
use crate::{Engine, EverySink, From, Order, SinkSettings, SinkState, SinkStatus};

/// How long something may take that has to come, before the law counts as broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// The other side of a test is at nothing that it was sent before for longer than that.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

thread_local! {
    /// One for all that a test waits for: the connections of a sink belong to the runtime that uses them first.
    static RUNTIME: tokio::runtime::Runtime = runtime();
}

/// Waits for what a sink does.
pub(super) fn wait_for<F: Future>(future: F) -> F::Output {
    let waiting = async { tokio::time::timeout(PATIENCE, future).await.expect("an attempt ends by itself") };
    RUNTIME.with(|runtime| runtime.block_on(waiting))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Changes of a log: of three branches, in turn.
pub(super) fn changes(count: usize) -> Vec<Arc<LoggedChange>> {
    let world = World::new();
    world.append(count);
    world.log()
}

/// A log, and how its sink is served.
pub(super) struct World {
    store: Arc<MemoryStore>,
}

impl World {
    pub(super) fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()) }
    }

    /// Stores so many changes more.
    pub(super) fn append(&self, count: usize) {
        let first = usize::try_from(*self.store.tail().borrow()).unwrap() + 1;
        let change = |number: usize| Change {
            author: "Ann <ann@example.org>".to_owned(),
            branch: Some(format!("branch-{}", number % 3)),
            comments: format!("Change {number}"),
            files: vec!["kettle.c".to_owned()],
            repository: "https://git.example.org/tea".to_owned(),
            revision: Some(format!("{number:040x}")),
            ..Change::default()
        };
        let delivery = NewDelivery {
            received_at: Timestamp::now(),
            dialect: "base".to_owned(),
            event: None,
            forge_id: None,
            deduplicate: false,
            origin: hookd_store::Origin::NONE,
            replay: None,
            positions: None,
            request: None,
            note: None,
            state: NewState::Accepted((first..first + count).map(change).collect()),
        };
        self.store.append(delivery).wait().unwrap();
    }

    /// All changes.
    pub(super) fn log(&self) -> Vec<Arc<LoggedChange>> {
        self.store.read_on(0, usize::MAX).unwrap()
    }

    /// Serves the sink of a peer, from where it was.
    pub(super) fn serve(&self, peer: &dyn Peer, order: Order) -> Run {
        let options = EverySink {
            name: "under-test".to_owned(),
            from: From::Beginning,
            order,
            retry_min: Duration::from_millis(2),
            retry_max: Duration::from_millis(20),
            ..EverySink::default()
        };
        let settings = SinkSettings::new("under-test", peer.sink(), options).unwrap();
        let settings = SinkSettings { ask_again_after: ASK_AGAIN_AFTER, ..Arc::into_inner(settings).unwrap() };
        let store: SharedStore = Arc::<MemoryStore>::clone(&self.store);
        let (runtime, engine) = (runtime(), Engine::start(store, Arc::new(())).unwrap());
        runtime.block_on(engine.apply(&[Arc::new(settings)], Duration::ZERO));
        Run { engine, runtime, store: Arc::clone(&self.store) }
    }
}

/// An engine that serves the sink.
pub(super) struct Run {
    engine: Engine,
    runtime: tokio::runtime::Runtime,
    store: Arc<MemoryStore>,
}

impl Run {
    /// Waits until the sink does as it should.
    pub(super) fn wait_until(&self, what: &str, is_so: impl FnMut(&SinkStatus) -> bool) {
        let mut status = self.engine.watch("under-test").unwrap();
        let waiting = async { tokio::time::timeout(PATIENCE, status.wait_for(is_so)).await.is_ok() };
        assert!(self.runtime.block_on(waiting), "{what}: {:#?}", self.engine.sinks());
    }

    /// Waits until all changes have ended.
    pub(super) fn wait_until_done(&self) {
        let tail = *self.store.tail().borrow();
        self.wait_until("all changes end", |status| status.position == tail && status.state == SinkState::Idle);
    }

    /// Stops it in order.
    pub(super) fn stop(self) {
        self.runtime.block_on(self.engine.stop(PATIENCE));
    }

    /// Ends it as a crash does.
    pub(super) fn kill(self) {
        self.engine.kill();
    }
}
