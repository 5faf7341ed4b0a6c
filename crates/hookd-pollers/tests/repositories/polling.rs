//! A poller under test, with its positions: what the engine does with them, without a schedule.

use std::path::Path;
use std::sync::Arc;

use hookd_core::{Change, Problem, Secret, SecretSource, registry};
use hookd_pollers::{Poll, PollError, Polled, Poller, PollerContext, PollerType};
use hookd_store::{MemoryStore, PositionMove, Positions, SharedStore, Timestamp};
use serde_json::Value;

/// Only texts.
struct Texts;

impl SecretSource for Texts {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) => Ok(text.clone().into_bytes()),
            _ => Err("only texts".to_owned()),
        }
    }
}

pub(crate) fn build(kind: &str, options: &Value, folder: &Path) -> Result<Box<dyn Poller>, Vec<Problem>> {
    let poller_type = registry::find::<PollerType>(kind).unwrap();
    let context = PollerContext { name: "under-test", folder, config_folder: Path::new("/"), secrets: &Texts };
    (poller_type.build)(options.as_object().unwrap().clone(), &context)
}

pub(crate) fn problems(kind: &str, options: &Value) -> String {
    let problems = build(kind, options, Path::new("/nowhere")).err().expect("the options are valid");
    problems.iter().map(|problem| format!("{:?}: {}\n", problem.path, problem.message)).collect()
}

/// A poller and how far it has read.
#[derive(Clone)]
pub(crate) struct Polling {
    poller: Arc<dyn Poller>,
    store: SharedStore,
    pub(crate) positions: Option<Positions>,
    /// The notes of all polls.
    pub(crate) notes: Vec<String>,
    /// The error of the last poll that succeeded otherwise.
    pub(crate) error: Option<String>,
}

impl Polling {
    pub(crate) fn new(kind: &str, options: &Value, folder: &Path) -> Self {
        let poller = build(kind, options, folder).unwrap_or_else(|problems| panic!("{problems:?}"));
        let store = Arc::new(MemoryStore::new());
        Self { poller: poller.into(), store, positions: None, notes: Vec::new(), error: None }
    }

    /// The same positions, with other options.
    pub(crate) fn reconfigured(&self, kind: &str, options: &Value, folder: &Path) -> Self {
        Self { positions: self.positions.clone(), ..Self::new(kind, options, folder) }
    }

    /// Polls once and stores nothing.
    pub(crate) async fn look(&self) -> Result<Polled, PollError> {
        let poll = Poll { positions: self.positions.as_ref(), store: &self.store, now: Timestamp::now() };
        self.poller.poll(poll).await
    }

    /// Takes the result of a poll as the engine does.
    pub(crate) fn take(&mut self, polled: Polled) -> Vec<Change> {
        let before = self.positions.take();
        let version = before.as_ref().map_or(0, |positions| positions.version);
        let mut at = before.map(|positions| positions.at).unwrap_or_default();
        let moved = PositionMove {
            poller: "under-test".to_owned(),
            expected: version,
            polled_at: Timestamp::now(),
            set: polled.set,
            forgets: false,
        };
        moved.validate().unwrap();
        for (key, position) in moved.set {
            match position {
                Some(position) => at.insert(key, position),
                None => at.remove(&key),
            };
        }
        self.positions = Some(Positions { version: version + 1, polled_at: moved.polled_at, changed_at: None, at });
        self.notes.extend(polled.note);
        self.error = polled.error;
        polled.changes
    }

    /// Polls until there is no more.
    pub(crate) async fn poll(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            let polled = self.look().await.unwrap();
            let has_more = polled.has_more;
            changes.extend(self.take(polled));
            if !has_more {
                return changes;
            }
        }
    }

    /// Polls, and returns why it failed.
    pub(crate) async fn fail(&self) -> String {
        self.look().await.expect_err("the poll fails").to_string()
    }
}

/// `BRANCH COMMENTS: FILES` of each change.
pub(crate) fn shown(changes: &[Change]) -> Vec<String> {
    let show = |change: &Change| {
        format!("{} {}: {}", change.branch.as_deref().unwrap_or("-"), change.comments, change.files.join(","))
    };
    changes.iter().map(show).collect()
}
