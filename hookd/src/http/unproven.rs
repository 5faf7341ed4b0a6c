//! The last requests that did not prove themselves: a small list in memory, so that nobody unproven fills the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// How many are kept.
const KEPT: usize = 256;

/// The last requests that did not prove themselves, oldest first.
#[derive(Default)]
pub(crate) struct Unproven(Mutex<VecDeque<Entry>>);

/// A request that did not prove itself.
pub(super) struct Entry {
    /// When it came, in microseconds since 1970.
    pub(super) received_at: i64,
    /// The dialect that it was for.
    pub(super) dialect: String,
    /// The address that it came from.
    pub(super) peer: Option<String>,
    /// What it said of its kind, unproved.
    pub(super) event: Option<String>,
    /// Why it was refused.
    pub(super) reason: String,
}

impl Unproven {
    /// Takes one in, and lets the oldest go where there are too many.
    pub(super) fn push(&self, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// All that are kept, newest first.
    pub(super) fn to_json(&self) -> Vec<Value> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this age fit in a double")]
        let shown = |entry: &Entry| {
            json!({
                "received_at": entry.received_at as f64 / 1e6,
                "dialect": entry.dialect,
                "peer": entry.peer,
                "event": entry.event,
                "reason": entry.reason,
            })
        };
        entries.iter().rev().map(shown).collect()
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
            unproven.push(Entry { received_at: 0, dialect: "github".into(), peer: None, event: None, reason });
        }
        let kept = unproven.to_json();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0]["reason"], "299");
    }
}
