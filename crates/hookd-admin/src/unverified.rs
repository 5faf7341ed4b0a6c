//! The last unverified requests: a bounded list in memory, so that unverified senders cannot fill the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hookd_store::Timestamp;
use serde_json::{Value, json};

/// How many are kept.
const MAX_KEPT: usize = 256;

/// How many characters of each text are kept: unverified senders choose how long they are.
const MAX_TEXT_CHARS: usize = 200;

/// The last 256 unverified requests, oldest first.
#[derive(Default)]
pub struct Unverified(Mutex<VecDeque<UnverifiedRequest>>);

/// A request whose sender was not verified, or that was for a dialect that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedRequest {
    /// When it was received.
    pub received_at: Timestamp,
    /// The dialect of its path.
    pub dialect: String,
    /// The address of the sender, as text; through trusted proxies, every address that they name.
    pub peer: Option<String>,
    /// The event that it claimed to be, unverified.
    pub event: Option<String>,
    /// Why it was refused: one line.
    pub reason: String,
}

impl UnverifiedRequest {
    /// The same with each text cut to 200 characters.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        for text in [Some(&mut self.dialect), self.event.as_mut(), Some(&mut self.reason)].into_iter().flatten() {
            shorten(text);
        }
        self
    }
}

impl Unverified {
    /// Adds one, cut to size, and drops the oldest beyond 256.
    pub fn push(&self, entry: UnverifiedRequest) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == MAX_KEPT {
            entries.pop_front();
        }
        entries.push_back(entry.shortened());
    }

    /// All that are kept, newest first.
    #[must_use]
    pub fn newest(&self) -> Vec<UnverifiedRequest> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().cloned().collect()
    }

    /// All that are kept, newest first, as the REST API shows them.
    #[must_use]
    pub fn to_json(&self) -> Vec<Value> {
        let shown = |entry: &UnverifiedRequest| {
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

/// Cuts a text to [`MAX_TEXT_CHARS`], and marks the cut.
fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest() {
        let unverified = Unverified::default();
        for number in 0..300 {
            let reason = number.to_string();
            unverified.push(UnverifiedRequest {
                received_at: Timestamp::default(),
                dialect: "github".into(),
                peer: None,
                event: None,
                reason,
            });
        }
        let kept = unverified.to_json();
        assert_eq!(kept.len(), MAX_KEPT);
        assert_eq!(kept[0]["reason"], "299");
    }

    #[test]
    fn cuts_long_texts() {
        let unverified = Unverified::default();
        let (dialect, reason) = ("a".repeat(100_000), "ü".repeat(100_000));
        unverified.push(UnverifiedRequest {
            received_at: Timestamp::default(),
            dialect,
            peer: None,
            event: Some("short".into()),
            reason,
        });
        let [kept] = unverified.newest().try_into().unwrap();
        assert_eq!(
            (kept.dialect.chars().count(), kept.reason.chars().count()),
            (MAX_TEXT_CHARS + 1, MAX_TEXT_CHARS + 1)
        );
        assert_eq!(kept.event.as_deref(), Some("short"));
    }
}
