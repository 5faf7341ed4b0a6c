//! Whose turn it is: a sink is served by one hookd at a time of those that share the store, and the others stand by.

use std::sync::Arc;
use std::time::Duration;

use hookd_store::{Cursor, Lead, Leadership, Part, SharedStore};
use tokio::sync::{mpsc, watch};

use crate::runner::{Asked, Ended, Runner};
use crate::settings::SinkSettings;
use crate::status::{SinkObserver, SinkState, SinkStatus};

/// The pause before a sink that could not start, or whose cursor somebody else has moved, is started again.
const START_PAUSE: Duration = Duration::from_secs(5);

/// How often a sink that stands by looks how far the one at work has come.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// A sink of this hookd, at work or standing by.
pub(crate) struct Turns {
    pub(crate) settings: Arc<SinkSettings>,
    pub(crate) store: SharedStore,
    pub(crate) status: Arc<watch::Sender<SinkStatus>>,
    pub(crate) observer: Arc<dyn SinkObserver>,
    /// Where the log ended when the sink was asked for.
    pub(crate) tail: i64,
    pub(crate) commands: mpsc::Receiver<Asked>,
    pub(crate) stop: watch::Receiver<Option<Duration>>,
}

impl Turns {
    /// Serves the sink whenever it is this hookd's turn, until it is stopped.
    pub(crate) async fn take(mut self) {
        let mut leadership = self.store.lead(Part::Sink(self.settings.name.clone()));
        while self.stop.borrow().is_none() {
            let Some(lead) = self.stand_by(&mut leadership).await else { break };
            let Some(runner) = self.start(&mut leadership, lead).await else { continue };
            match runner.run(&mut self.commands, &mut self.stop, &mut leadership).await {
                Ended::Stopped => return,
                // There is only one: whoever moves the cursor must not be there.
                Ended::Fenced if lead == Lead::UNLIMITED => return,
                Ended::Fenced => self.pause().await,
                Ended::Lost => {}
            }
        }
        self.status.send_modify(|status| status.state = SinkState::Stopped);
    }

    /// Waits for the lead; `None` when the sink is stopped.
    async fn stand_by(&mut self, leadership: &mut Leadership) -> Option<Lead> {
        if let Some(lead) = leadership.current() {
            return Some(lead);
        }
        loop {
            let cursor = self.cursor().await;
            let (position, done_beyond) = cursor.map_or((self.tail, 0), |cursor| (cursor.position, cursor.done.len()));
            self.status.send_if_modified(|status| {
                let before = (status.state, status.position, status.done_beyond);
                (status.state, status.position, status.done_beyond) = (SinkState::Standby, position, done_beyond);
                (status.head, status.error) = (None, None);
                before != (status.state, position, done_beyond)
            });
            tokio::select! {
                _ = self.stop.changed() => return None,
                lead = leadership.gained() => {
                    tracing::info!(sink = self.settings.name, epoch = lead.epoch, "this hookd serves the sink from now on");
                    return Some(lead);
                }
                Some((_, reply)) = self.commands.recv() => {
                    // Whoever asked may have gone.
                    let _ = reply.send(Err(self.referral().await));
                }
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    /// Makes a runner; `None` when the sink is stopped, or the lead is lost.
    async fn start(&mut self, leadership: &mut Leadership, lead: Lead) -> Option<Runner> {
        loop {
            let (settings, store, observer) =
                (Arc::clone(&self.settings), Arc::clone(&self.store), Arc::clone(&self.observer));
            match Runner::start(settings, store, Arc::clone(&self.status), observer, self.tail, lead).await {
                Ok(runner) => return Some(runner),
                Err(error) => {
                    let is_new = self.status.borrow().error.as_ref() != Some(&error);
                    if is_new {
                        tracing::error!(sink = self.settings.name, "cannot start, will retry: {error}");
                    }
                    self.status.send_modify(|status| {
                        status.state = SinkState::Failed;
                        status.error = Some(error);
                    });
                }
            }
            tokio::select! {
                _ = self.stop.changed() => return None,
                () = leadership.lost(lead.epoch) => return None,
                () = tokio::time::sleep(START_PAUSE) => {}
            }
        }
    }

    async fn pause(&mut self) {
        tokio::select! {
            _ = self.stop.changed() => {}
            () = tokio::time::sleep(START_PAUSE) => {}
        }
    }

    async fn cursor(&self) -> Option<Cursor> {
        let (store, name) = (Arc::clone(&self.store), self.settings.name.clone());
        let find = move || store.cursors().ok()?.into_iter().find(|cursor| cursor.name == name);
        tokio::task::spawn_blocking(find).await.ok().flatten()
    }

    /// Who can be asked instead.
    async fn referral(&self) -> String {
        let (store, name) = (Arc::clone(&self.store), &self.settings.name);
        let part = Part::Sink(name.clone()).to_string();
        let find =
            move || store.reader().replicas().ok()?.into_iter().find(|one| one.is_alive && one.leads.contains(&part));
        match tokio::task::spawn_blocking(find).await.ok().flatten() {
            Some(leader) => format!("sink `{name}` is served by the hookd {}: ask that one", leader.name),
            None => format!("sink `{name}` is served by no hookd at this moment: try again"),
        }
    }
}
