//! The engine: all pollers of a configuration, each at work by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use hookd_store::{Part, PositionMove, Positions, SharedStore, StoreError, leader};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::runner::Runner;
use crate::settings::PollerSettings;
use crate::status::{PollerObserver, PollerStatus};

/// How many pollers poll at a time, whatever how many there are: each runs commands, which take memory and processor time.
const MAX_AT_ONCE: usize = 8;

/// All pollers at work, on a thread of their own: receiving never waits for them.
pub struct Engine {
    store: SharedStore,
    observer: Arc<dyn PollerObserver>,
    permits: Arc<Semaphore>,
    running: Mutex<BTreeMap<String, Running>>,
    runtime: tokio::runtime::Handle,
    end: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// A poller that runs.
struct Running {
    settings: Arc<PollerSettings>,
    status: watch::Receiver<PollerStatus>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Whether it is this poller that runs.
    fn serves(&self, poller: &Arc<PollerSettings>) -> bool {
        Arc::ptr_eq(poller, &self.settings) || poller.is_same(&self.settings)
    }
}

/// A poller as it is shown.
#[derive(Clone, Debug)]
pub struct PollerView {
    /// Its settings.
    pub settings: Arc<PollerSettings>,
    /// What it is doing.
    pub status: PollerStatus,
}

impl Engine {
    /// An engine without pollers.
    ///
    /// # Errors
    /// Where its thread cannot be started.
    pub fn start(store: SharedStore, observer: Arc<dyn PollerObserver>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (sender, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name("pollers".to_owned()).spawn(move || {
            let _ = runtime.block_on(end);
            // Dropping it would wait for threads that block, on a store that does not answer for example.
            runtime.shutdown_background();
        })?;
        let end = Mutex::new(Some((sender, thread)));
        let permits = Arc::new(Semaphore::new(MAX_AT_ONCE));
        Ok(Self { store, observer, permits, running: Mutex::default(), runtime: handle, end })
    }

    /// Serves these pollers from now on: starts those that are new, and stops those that are gone or were changed, whose polls
    /// are abandoned. A poller that was changed continues where it was, and one that was not changed is not disturbed.
    pub async fn apply(&self, pollers: &[Arc<PollerSettings>]) {
        let gone: BTreeMap<String, Running> = {
            let mut running = self.running();
            let is_kept = |running: &Running| pollers.iter().any(|poller| running.serves(poller));
            running.extract_if(.., |_, running| !is_kept(running)).collect()
        };
        for running in gone.values() {
            running.task.abort();
        }
        let mut before = BTreeMap::new();
        for (name, Running { settings, task, .. }) in gone {
            // So that polls of one poller never overlap. The task ends where it waits next.
            let _ = task.await;
            before.insert(name, settings);
        }
        let mut running = self.running();
        for settings in pollers {
            if let Some(kept) = running.get(&settings.name) {
                // Requests ask the poller of their configuration.
                if !Arc::ptr_eq(&kept.settings, settings) {
                    settings.poke.hand_over(&kept.settings.poke);
                }
                continue;
            }
            let before = before.get(&settings.name);
            if let Some(before) = before {
                before.poke.hand_over(&settings.poke);
            }
            running.insert(settings.name.clone(), self.spawn(Arc::clone(settings), before.is_none()));
        }
    }

    fn spawn(&self, settings: Arc<PollerSettings>, is_launch: bool) -> Running {
        let (sender, status) = watch::channel(PollerStatus::default());
        let (store, observer) = (Arc::clone(&self.store), Arc::clone(&self.observer));
        let runner = Runner::new(Arc::clone(&settings), store, sender, observer, Arc::clone(&self.permits));
        let task = self.runtime.spawn(runner.take_turns(is_launch));
        Running { settings, status, task }
    }

    /// All pollers, by name.
    pub fn pollers(&self) -> Vec<PollerView> {
        let view = |running: &Running| PollerView {
            settings: Arc::clone(&running.settings),
            status: running.status.borrow().clone(),
        };
        self.running().values().map(view).collect()
    }

    /// Follows what a poller is doing; `None` where there is no such poller.
    pub fn watch(&self, name: &str) -> Option<watch::Receiver<PollerStatus>> {
        self.running().get(name).map(|running| running.status.clone())
    }

    /// Has a poller poll now. `false` where there is no such poller.
    pub fn poke(&self, name: &str) -> bool {
        let running = self.running();
        let poller = running.get(name);
        poller.inspect(|running| running.settings.poke.poke()).is_some()
    }

    /// The pollers that have positions and are no longer configured.
    ///
    /// # Errors
    /// When the store cannot be read. Blocks on the store.
    pub fn orphans(&self) -> Result<Vec<String>, StoreError> {
        let names = self.store.pollers()?;
        let running = self.running();
        Ok(names.into_iter().filter(|name| !running.contains_key(name)).collect())
    }

    /// Deletes the positions of a poller that is no longer configured: should it come back, its first poll reports nothing.
    ///
    /// # Errors
    /// Where the poller is configured, here or at another hookd that polls, or has no positions, or the store fails.
    pub async fn forget(&self, name: &str) -> Result<String, String> {
        if self.running().contains_key(name) {
            return Err(format!("poller `{name}` is configured: remove it from the configuration first"));
        }
        let (store, poller) = (Arc::clone(&self.store), name.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let leader = leader(&*store, &Part::Poller(poller.clone()))?;
            Ok::<_, StoreError>((leader, store.positions(&poller)?))
        });
        let read = read.await.map_err(|error| error.to_string())?;
        let (leader, positions) = read.map_err(|error| error.to_string())?;
        if let Some(leader) = leader {
            return Err(format!("poller `{name}` is configured at `{leader}`, which polls: remove it there first"));
        }
        let Some(Positions { version, .. }) = positions else { return Err(format!("there is no poller `{name}`")) };
        match self.store.move_positions(PositionMove::forgetting(name.to_owned(), version)).await {
            Ok(()) => Ok(format!("poller `{name}` is forgotten")),
            Err(StoreError::Moved { .. }) => Err(format!("another process polls as `{name}`")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Stops all pollers. Polls that are under way are abandoned: their positions are those from before.
    pub async fn stop(&self) {
        let running = std::mem::take(&mut *self.running());
        for running in running.values() {
            running.task.abort();
        }
        for (_, running) in running {
            let _ = running.task.await;
        }
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = end {
            let _ = sender.send(());
            // It has nothing more to do.
            let _ = thread.join();
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
