//! Sending once more what has ended: dead letters, and what a filter dropped, at the request of an operator. One at a time,
//! beside the changes of the log and out of their order.

use std::sync::Arc;

use hookd_store::{LoggedChange, SettlementKind, Timestamp};

use super::Runner;
use crate::verdict::{Attempt, Verdict};
use crate::window::{Doubt, Ready};

impl Runner {
    /// Sends one more change that an operator wants to be sent once more.
    pub(super) fn start_redo(&mut self) {
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
        self.attempt(vec![Ready { change, retry: None, doubt: Doubt::LastAttempt }], true);
    }

    pub(super) fn finish_redo(&mut self, change: &LoggedChange, attempt: Attempt) {
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

    /// What an earlier run was asked to send once more.
    pub(super) async fn load_redo(&mut self) {
        let (store, name) = (Arc::clone(&self.store), self.settings.name.clone());
        let read = move || store.reader().settlements(&name, SettlementKind::Requeued, 0, usize::MAX);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(settlements)) => self.redo = settlements.into_iter().map(|settlement| settlement.changeid).collect(),
            Ok(Err(error)) => self.store_failed(&error),
            Err(error) => {
                tracing::error!(sink = self.settings.name, "cannot read what is to be sent once more: {error}")
            }
        }
    }
}
