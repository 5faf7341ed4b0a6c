//! The engine: all sinks of a configuration, each at work by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hookd_store::{CursorMove, LoggedChange, Moved, Part, SharedStore, StoreError, leader};
use tokio::sync::{mpsc, oneshot, watch};

use crate::runner::{Asked, Command};
use crate::settings::SinkSettings;
use crate::status::{SinkObserver, SinkState, SinkStatus};
use crate::turn::Turns;

/// How many commands may wait for a sink.
const MAX_COMMANDS: usize = 16;

/// All sinks at work, on a thread of their own: receiving never waits for them.
pub struct Engine {
    store: SharedStore,
    observer: Arc<dyn SinkObserver>,
    running: Mutex<BTreeMap<String, Running>>,
    runtime: tokio::runtime::Handle,
    end: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// A sink that runs.
struct Running {
    settings: Arc<SinkSettings>,
    status: Status,
    commands: mpsc::Sender<Asked>,
    stop: watch::Sender<Option<Duration>>,
    task: tokio::task::JoinHandle<()>,
    end: End,
}

/// What a sink is doing, as it is shown.
type Status = Arc<watch::Sender<SinkStatus>>;

/// When a sink has ended: once the sender, which its task holds, is gone.
type End = watch::Receiver<()>;

/// A sink as it is shown.
#[derive(Clone, Debug)]
pub struct SinkView {
    /// Its settings.
    pub settings: Arc<SinkSettings>,
    /// What it is doing.
    pub status: SinkStatus,
    /// How many changes are in the log and have not ended at it.
    pub lag: u64,
}

impl Engine {
    /// An engine without sinks.
    ///
    /// # Errors
    /// Where its thread cannot be started.
    pub fn start(store: SharedStore, observer: Arc<dyn SinkObserver>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (sender, end) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sinks".to_owned()).spawn(move || {
            let _ = runtime.block_on(end);
            // Dropping it would wait for threads that block, on a pipe that nobody reads for example.
            runtime.shutdown_background();
        })?;
        let end = Mutex::new(Some((sender, thread)));
        Ok(Self { store, observer, running: Mutex::default(), runtime: handle, end })
    }

    /// Serves these sinks from now on: starts those that are new, and stops those that are gone or were changed, which have
    /// `patience` to end what is under way. A sink that was changed continues where it was, as soon as its predecessor has
    /// ended, for which no other one waits. One that is new and begins at the end of the log gets whatever is stored after
    /// this call has begun. Returns when those that are gone have ended; until then they are sinks like the others.
    pub async fn apply(&self, sinks: &[Arc<SinkSettings>], patience: Duration) {
        let tail = *self.store.tail().borrow();
        let gone: Vec<(String, End)> = {
            let mut running = self.running();
            for settings in sinks {
                let before = running.get(&settings.name);
                if before.is_some_and(|before| Arc::ptr_eq(settings, &before.settings)) {
                    continue;
                }
                let before = before.map(|before| (before.ask_to_stop(patience), Arc::clone(&before.status)));
                running.insert(settings.name.clone(), self.spawn(Arc::clone(settings), tail, before));
            }
            let is_gone = |name: &String| sinks.iter().all(|sink| sink.name != *name);
            let gone = running.iter().filter(|(name, _)| is_gone(name));
            gone.map(|(name, running)| (name.clone(), running.ask_to_stop(patience))).collect()
        };
        for (name, end) in gone {
            ended(end).await;
            self.running().remove(&name);
        }
    }

    /// Serves a sink, once the one before it has ended, which shows its status until then.
    fn spawn(&self, settings: Arc<SinkSettings>, tail: i64, before: Option<(End, Status)>) -> Running {
        let (commands, asked) = mpsc::channel(MAX_COMMANDS);
        let (stop, stopped) = watch::channel(None);
        let (before, status) = before.map_or_else(
            || (None, Arc::new(watch::Sender::new(SinkStatus::default()))),
            |(end, status)| (Some(end), status),
        );
        let turns = Turns {
            settings: Arc::clone(&settings),
            store: Arc::clone(&self.store),
            status: Arc::clone(&status),
            observer: Arc::clone(&self.observer),
            tail,
            commands: asked,
            stop: stopped,
        };
        self.runtime.spawn(look(Arc::clone(&settings)));
        let (at_work, end) = watch::channel(());
        let task = self.runtime.spawn(async move {
            if let Some(before) = before {
                ended(before).await;
            }
            turns.take().await;
            drop(at_work);
        });
        Running { settings, status, commands, stop, task, end }
    }

    /// All sinks, by name.
    pub fn sinks(&self) -> Vec<SinkView> {
        let tail = *self.store.tail().borrow();
        let view = |running: &Running| {
            let status = running.status.borrow().clone();
            let behind = u64::try_from(tail - status.position).unwrap_or(0);
            let lag =
                if status.state == SinkState::Starting { 0 } else { behind - (status.done_beyond as u64).min(behind) };
            SinkView { settings: Arc::clone(&running.settings), status, lag }
        };
        self.running().values().map(view).collect()
    }

    /// Follows what a sink is doing; `None` where there is no such sink.
    pub fn watch(&self, name: &str) -> Option<watch::Receiver<SinkStatus>> {
        self.running().get(name).map(|running| running.status.subscribe())
    }

    /// Has a sink obey a command. Returns what it did, as one line.
    ///
    /// # Errors
    /// Where there is no such sink, it does not run, or it refuses.
    pub async fn command(&self, name: &str, command: Command) -> Result<String, String> {
        let commands = self.running().get(name).map(|running| running.commands.clone());
        let commands = commands.ok_or_else(|| format!("there is no sink `{name}`"))?;
        let (reply, result) = oneshot::channel();
        let stopped = || format!("sink `{name}` does not run");
        commands.send((command, reply)).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }

    /// The cursors of sinks that are no longer configured: they keep changes from expiring.
    ///
    /// # Errors
    /// When the store cannot be read. Blocks on the store.
    pub fn orphans(&self) -> Result<Vec<String>, StoreError> {
        let cursors = self.store.cursors()?;
        let running = self.running();
        Ok(cursors.into_iter().map(|cursor| cursor.name).filter(|name| !running.contains_key(name)).collect())
    }

    /// Removes the cursor of a sink that is no longer configured, with its dead letters.
    ///
    /// # Errors
    /// Where the sink is configured, here or at another hookd that serves it, or has no cursor, or the store fails.
    pub async fn forget(&self, name: &str) -> Result<String, String> {
        if self.running().contains_key(name) {
            return Err(format!("sink `{name}` is configured: remove it from the configuration first"));
        }
        let (store, part) = (Arc::clone(&self.store), Part::Sink(name.to_owned()));
        let read =
            tokio::task::spawn_blocking(move || Ok::<_, StoreError>((leader(&*store, &part)?, store.cursors()?)));
        let read = read.await.map_err(|error| error.to_string())?;
        let (leader, cursors) = read.map_err(|error| error.to_string())?;
        if let Some(leader) = leader {
            return Err(format!("sink `{name}` is configured at `{leader}`, which serves it: remove it there first"));
        }
        let Some(cursor) = cursors.into_iter().find(|cursor| cursor.name == name) else {
            return Err(format!("there is no sink `{name}`"));
        };
        let moved = CursorMove {
            name: cursor.name,
            expected: Some(cursor.version),
            to: None,
            epoch: None,
            settlements: Vec::new(),
        };
        match self.store.move_cursors(vec![moved]).await.map_err(|error| error.to_string())?.first() {
            Some(Moved::Removed) => Ok(format!("sink `{name}` is forgotten")),
            _ => Err(format!("another process serves sink `{name}`")),
        }
    }

    /// Asks a sink what became of a change on the other side (see [`Sink::follow`](crate::Sink::follow)).
    ///
    /// # Errors
    /// Where there is no such sink, or it cannot say.
    pub async fn follow(&self, name: &str, change: Arc<LoggedChange>) -> Result<Vec<String>, String> {
        let settings = self.running().get(name).map(|running| Arc::clone(&running.settings));
        let settings = settings.ok_or_else(|| format!("there is no sink `{name}`"))?;
        // The connections of a sink belong to the runtime that uses them first.
        let asked = self.runtime.spawn(async move { settings.sink.follow(&change).await });
        asked.await.map_err(|_| "the sinks have stopped".to_owned())?
    }

    /// Opens files again, after `SIGHUP`.
    pub fn reopen(&self) {
        self.running().values().for_each(|running| running.settings.sink.reopen());
    }

    /// Stops all sinks; what is under way has `patience` to end.
    pub async fn stop(&self, patience: Duration) {
        let running = std::mem::take(&mut *self.running());
        let ends: Vec<End> = running.values().map(|running| running.ask_to_stop(patience)).collect();
        for end in ends {
            ended(end).await;
        }
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = end {
            let _ = sender.send(());
            // It has nothing more to do.
            let _ = thread.join();
        }
    }

    /// Ends the work of all sinks at once, as the end of the process does: what is under way is abandoned, and progress that
    /// was not committed is lost. For tests of what a crash leaves.
    pub fn kill(&self) {
        for running in self.running().values() {
            running.task.abort();
        }
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = end {
            drop(sender);
            let _ = thread.join();
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Has it stop; what is under way has `patience` to end.
    fn ask_to_stop(&self, patience: Duration) -> End {
        let _ = self.stop.send(Some(patience));
        self.end.clone()
    }
}

/// Waits until a sink has ended. One that panicked has logged it.
async fn ended(mut end: End) {
    while end.changed().await.is_ok() {}
}

/// Logs what the other side of a sink has to say. What it delivers does not wait for that.
async fn look(settings: Arc<SinkSettings>) {
    for warning in settings.sink.look().await {
        tracing::warn!(sink = settings.name, "{warning}");
    }
}
