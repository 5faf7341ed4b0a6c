//! The order of the deliveries of one line: each waits until the one before it has ended.

use std::collections::HashMap;

use hookd_store::Due;
use tokio::sync::watch;

use super::route::Route;

/// The last delivery of each line that has one.
#[derive(Default)]
pub(super) struct Lines(HashMap<String, Last>);

struct Last {
    deliveryid: i64,
    /// Closed when it has ended.
    end: watch::Receiver<()>,
}

/// The place of a delivery in its line, which ends when this is dropped.
pub(super) struct Turn {
    before: Option<watch::Receiver<()>>,
    _end: watch::Sender<()>,
}

impl Lines {
    /// Takes the place at the end of a delivery's line. Call it in the order of receipt.
    pub(super) fn enter(&mut self, due: &Due, route: &Route) -> Turn {
        let (sender, end) = watch::channel(());
        let last = Last { deliveryid: due.deliveryid, end };
        let before = route.line.as_ref().and_then(|line| self.0.insert(line.clone(), last)).map(|last| last.end);
        Turn { before, _end: sender }
    }

    /// Forgets a line if this delivery was its last.
    pub(super) fn leave(&mut self, deliveryid: i64, route: &Route) {
        if let Some(line) = &route.line
            && self.0.get(line).is_some_and(|last| last.deliveryid == deliveryid)
        {
            self.0.remove(line);
        }
    }
}

impl Turn {
    /// Waits until the delivery before this one has ended.
    pub(super) async fn wait(&self) {
        if let Some(mut before) = self.before.clone() {
            // Nothing is ever sent: the only result is that it was closed.
            let _ = before.changed().await;
        }
    }
}
