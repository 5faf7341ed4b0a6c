//! Committing progress: how far the sink has come, and how changes ended, in one transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookd_store::{CursorMove, CursorPlace, Moved, StoreError};

use super::{COMMIT_INTERVAL, Commit, Runner};
use crate::notes::Notes;
use crate::window::Order;

/// The pause before the store is used again after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Runner {
    /// Commits progress, where there is enough of it or it has waited long enough, one commit at a time.
    pub(super) fn start_commit(&mut self) {
        if self.commit.is_some() || self.is_store_resting() {
            return;
        }
        if self.commit_due().is_some_and(|due| due <= Instant::now()) {
            self.committed_at = Some(Instant::now());
            self.commit = Some(self.commit_of(false));
        }
    }

    /// When progress is to be committed; none where there is none. A sink that has caught up need not wait, but for the
    /// last commit: each costs as much as many changes.
    pub(super) fn commit_due(&self) -> Option<Instant> {
        let since = self.dirty_since?;
        if self.settlements.len() >= self.max_uncommitted() / 2 {
            return Some(since);
        }
        let waits_for_more = !self.under_way.is_empty();
        let earliest = self.committed_at.map_or(since, |committed_at| committed_at + COMMIT_INTERVAL);
        Some(if waits_for_more { since + COMMIT_INTERVAL } else { earliest })
    }

    /// A commit of all progress so far.
    pub(super) fn commit_of(&mut self, is_settled: bool) -> Commit {
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
            epoch: Some(self.lead.epoch),
            settlements: self.committing.clone(),
        };
        let (store, settings) = (Arc::clone(&self.store), Arc::clone(&self.settings));
        Box::pin(async move {
            settings.sink.flush().await.map_err(StoreError::Failed)?;
            store.move_cursors(vec![moved]).await
        })
    }

    pub(super) fn committed(&mut self, committed: Result<Vec<Moved>, StoreError>) {
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

    pub(super) async fn commit_and_wait(&mut self) -> Result<(), String> {
        if let Some(commit) = self.commit.take() {
            let committed = commit.await;
            self.committed(committed);
        }
        let committed = self.commit_of(false).await;
        let result = committed.as_ref().map(drop).map_err(ToString::to_string);
        self.committed(committed);
        result
    }

    /// The store logs its failures itself, once; this only waits.
    pub(super) fn store_failed(&mut self, error: &StoreError) {
        tracing::debug!(sink = self.settings.name, "the store failed: {error}");
        self.store_failed_until = Some(Instant::now() + STORE_PAUSE);
    }

    pub(super) fn is_store_resting(&self) -> bool {
        self.store_failed_until.is_some_and(|until| until > Instant::now())
    }
}
