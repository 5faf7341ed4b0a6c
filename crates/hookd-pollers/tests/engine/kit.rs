//! A repository whose polls the test answers one by one, and the engine over a store in memory.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookd_core::Change;
use hookd_pollers::{Engine, EveryPoller, Poll, PollError, Polled, Poller, PollerSettings, PollerState, PollerStatus};
use hookd_store::{DeliveryRecord, MemoryStore, Positions, Query, SharedStore, Store as _};
use tokio::sync::{mpsc, oneshot};

/// A poll that waits for its answer.
pub(crate) struct Call {
    /// The poller.
    pub(crate) name: String,
    /// What it was given.
    pub(crate) positions: Option<Positions>,
    answer: oneshot::Sender<Answer>,
}

/// How a poll ends.
enum Answer {
    Done(Result<Polled, PollError>),
    Panic,
}

impl Call {
    /// The poll ends with this.
    pub(crate) fn answer(self, polled: Polled) {
        assert!(self.answer.send(Answer::Done(Ok(polled))).is_ok(), "the poll was abandoned");
    }

    /// The repository cannot be read.
    pub(crate) fn fail(self, error: &str) {
        assert!(self.answer.send(Answer::Done(Err(PollError(error.to_owned())))).is_ok(), "the poll was abandoned");
    }

    /// The poller panics.
    pub(crate) fn panic(self) {
        assert!(self.answer.send(Answer::Panic).is_ok(), "the poll was abandoned");
    }

    /// Waits until the poll is abandoned.
    pub(crate) async fn wait_until_abandoned(mut self) {
        soon(self.answer.closed()).await;
    }

    /// Whether nobody waits for its answer any longer.
    pub(crate) fn was_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

struct Fake {
    name: String,
    calls: mpsc::UnboundedSender<Call>,
}

impl Poller for Fake {
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        let (sender, answer) = oneshot::channel();
        let call = Call { name: self.name.clone(), positions: poll.positions.cloned(), answer: sender };
        self.calls.send(call).unwrap();
        Box::pin(async {
            match answer.await {
                Ok(Answer::Done(polled)) => polled,
                Ok(Answer::Panic) => panic!("a panic that the test wants"),
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn repository(&self) -> String {
        format!("https://example.org/{}", self.name)
    }
}

/// An engine, and the polls that it begins.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Engine,
    sender: mpsc::UnboundedSender<Call>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// Another process on the same store.
    pub(crate) fn on(store: Arc<MemoryStore>) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let engine = Engine::start(Arc::clone(&store) as SharedStore, Arc::new(())).unwrap();
        Self { store, engine, sender, calls }
    }

    /// A poller that polls each hour.
    pub(crate) fn settings(&self, name: &str, options: EveryPoller) -> Arc<PollerSettings> {
        Arc::new(self.make(name, options))
    }

    pub(crate) fn make(&self, name: &str, options: EveryPoller) -> PollerSettings {
        let fake = Fake { name: name.to_owned(), calls: self.sender.clone() };
        PollerSettings::new("fake", name.to_owned(), Box::new(fake), options).unwrap()
    }

    /// Serves these pollers, each with the same options.
    pub(crate) async fn serve(&self, names: &[&str], options: &EveryPoller) -> Vec<Arc<PollerSettings>> {
        let settings: Vec<_> = names.iter().map(|name| self.settings(name, options.clone())).collect();
        self.engine.apply(&settings).await;
        settings
    }

    /// The next poll that begins.
    pub(crate) async fn call(&mut self) -> Call {
        soon(self.calls.recv()).await.unwrap()
    }

    /// No poll has begun that was not taken.
    pub(crate) fn assert_quiet(&mut self) {
        if let Ok(call) = self.calls.try_recv() {
            panic!("`{}` polls", call.name);
        }
    }

    /// Waits until a poller waits for its next poll, and returns its status.
    pub(crate) async fn at_rest(&self, name: &str) -> PollerStatus {
        self.until(name, |status| status.state == PollerState::Waiting).await
    }

    pub(crate) async fn until(&self, name: &str, is_so: impl FnMut(&PollerStatus) -> bool) -> PollerStatus {
        let mut status = self.engine.watch(name).unwrap();
        soon(status.wait_for(is_so)).await.unwrap().clone()
    }

    /// Has a poller poll, answers the poll, and waits for its end.
    pub(crate) async fn poll(&mut self, name: &str, polled: Polled) -> PollerStatus {
        assert!(self.engine.poke(name));
        self.call().await.answer(polled);
        self.at_rest(name).await
    }

    pub(crate) fn deliveries(&self) -> Vec<DeliveryRecord> {
        let mut rows = self.store.reader().deliveries(&Query::default()).unwrap().rows;
        rows.sort_by_key(|delivery| delivery.deliveryid);
        rows
    }
}

/// Options of a poller that polls each hour.
pub(crate) fn hourly() -> EveryPoller {
    EveryPoller { poll_interval: Duration::from_secs(3600), ..EveryPoller::default() }
}

/// A poll that read up to `position` of the ref `main`, with changes of these revisions.
pub(crate) fn up_to(position: &str, revisions: &[&str]) -> Polled {
    let change = |revision: &&str| Change { revision: Some((*revision).to_owned()), ..Change::default() };
    Polled {
        changes: revisions.iter().map(change).collect(),
        set: vec![("main".to_owned(), Some(position.to_owned()))],
        ..Polled::default()
    }
}

/// What comes within a time in which it must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it takes too long")
}
