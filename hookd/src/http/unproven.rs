//! The last requests that did not prove themselves: a small list in memory, so that nobody unproven fills the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hookd_store::Timestamp;
use serde_json::{Value, json};

/// How many are kept.
const KEPT: usize = 256;

/// How many characters of each text are kept: who is not proved chooses how long they are.
const LONGEST: usize = 200;

/// The last requests that did not prove themselves, oldest first.
#[derive(Default)]
pub(crate) struct Unproven(Mutex<VecDeque<Entry>>);

/// A request that did not prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// When it came.
    pub(super) received_at: Timestamp,
    /// The dialect that it was for.
    pub(super) dialect: String,
    /// The address that it came from.
    pub(super) peer: Option<String>,
    /// What it said of its kind, unproved.
    pub(super) event: Option<String>,
    /// Why it was refused.
    pub(super) reason: String,
}

impl Entry {
    /// The same with no more of each text than people read.
    pub(super) fn shortened(mut self) -> Self {
        for text in [Some(&mut self.dialect), self.event.as_mut(), Some(&mut self.reason)].into_iter().flatten() {
            shorten(text);
        }
        self
    }
}

impl Unproven {
    /// Takes one in, and lets the oldest go where there are too many.
    pub(super) fn push(&self, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry.shortened());
    }

    /// All that are kept, newest first.
    pub(super) fn newest(&self) -> Vec<Entry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().cloned().collect()
    }

    /// All that are kept, newest first, as the REST API shows them.
    pub(super) fn to_json(&self) -> Vec<Value> {
        let shown = |entry: &Entry| {
            json!({
                "received_at": entry.received_at.as_seconds_f64(),
                "dialect": entry.dialect,
                "peer": entry.peer,
                "event": entry.event,
                "reason": entry.reason,
            })
        };
        self.newest().iter().map(shown).collect()
    }
}

/// Cuts a text that is too long.
fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest() {
        let unproven = Unproven::default();
        for number in 0..300 {
            let reason = number.to_string();
            unproven.push(Entry {
                received_at: Timestamp::default(),
                dialect: "github".into(),
                peer: None,
                event: None,
                reason,
            });
        }
        let kept = unproven.to_json();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0]["reason"], "299");
    }

    #[test]
    fn keeps_no_more_of_a_text_than_people_read() {
        let unproven = Unproven::default();
        let (dialect, reason) = ("a".repeat(100_000), "ü".repeat(100_000));
        unproven.push(Entry {
            received_at: Timestamp::default(),
            dialect,
            peer: None,
            event: Some("short".into()),
            reason,
        });
        let [kept] = unproven.newest().try_into().unwrap();
        assert_eq!((kept.dialect.chars().count(), kept.reason.chars().count()), (LONGEST + 1, LONGEST + 1));
        assert_eq!(kept.event.as_deref(), Some("short"));
    }
}
