//! What a stream has of this hookd: the ids of the messages at its end, by their headers.
//!
//! JetStream has no index of ids, so the end of the stream is read, backwards in sections, until a change that is asked about
//! cannot be before that: as many messages of this hookd were seen as cannot all be behind it, or they are older than the
//! change. What was read is kept, and read onward when the next change is asked about.

use std::collections::HashMap;
use std::time::Duration;

use hookd_store::{LoggedChange, Timestamp};

use crate::jetstream::{JetStream, Problem, StreamState};

/// So many messages of this hookd can never follow one of a change that is in doubt: the engine sends at most 1024 changes
/// beyond one that has not ended, and a crash leaves as many in doubt.
const ENOUGH: usize = 4096;

/// How many messages the first section has; each other is twice as long.
const FIRST_SECTION: u64 = 4096;

/// If more messages have come since, the end is read anew rather than on.
const MAX_ONWARD: u64 = 65_536;

/// How much the clock of the server, and that of hookd, may be wrong.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 60 * 60);

/// The end of one stream, as it was read.
pub(crate) struct Recent {
    stream: String,
    /// The messages of this hookd with their numbers in the stream.
    sequences: HashMap<String, u64>,
    /// Up to which message it was read.
    read_to: u64,
    /// Changes received before that may be missing; none where `ENOUGH` was read, or everything.
    missing_before: Option<Timestamp>,
}

impl Recent {
    /// The number of the message of a change; none where the stream, which has this state, does not have it. `pattern`
    /// has the subjects of all changes. What was read before is used and renewed.
    pub(crate) async fn find(
        known: &mut Option<Self>,
        jetstream: &JetStream<'_>,
        stream: &str,
        state: &StreamState,
        pattern: &str,
        change: &LoggedChange,
    ) -> Result<Option<u64>, Problem> {
        let received_at = change.received_at.saturating_sub(CLOCKS_DIFFER);
        let is_usable = |recent: &Self| {
            recent.stream == stream
                && recent.missing_before.is_none_or(|before| before <= received_at)
                // A stream that was made anew begins from 1.
                && recent.read_to <= state.last_seq
                && state.last_seq - recent.read_to <= MAX_ONWARD
        };
        let mut recent = match known.take().filter(is_usable) {
            Some(mut recent) => {
                if recent.read_to < state.last_seq {
                    let from = recent.read_to + 1;
                    recent.take_section(jetstream, pattern, change, from, state.last_seq).await?;
                    recent.read_to = state.last_seq;
                }
                recent
            }
            None => {
                let mut recent = Self {
                    stream: stream.to_owned(),
                    sequences: HashMap::new(),
                    read_to: state.last_seq,
                    missing_before: None,
                };
                recent.read_back(jetstream, pattern, change, state.first_seq, received_at).await?;
                recent
            }
        };
        if recent.sequences.len() > 16 * ENOUGH {
            // It is read again when it is needed.
            let newest = recent.read_to.saturating_sub(FIRST_SECTION);
            recent.sequences.retain(|_, sequence| *sequence > newest);
            recent.missing_before = Some(Timestamp::now());
        }
        let found = recent.sequences.get(&change.hookd_id).copied();
        *known = Some(recent);
        Ok(found)
    }

    async fn read_back(
        &mut self,
        jetstream: &JetStream<'_>,
        pattern: &str,
        change: &LoggedChange,
        first: u64,
        received_at: Timestamp,
    ) -> Result<(), Problem> {
        let (mut end, mut length) = (self.read_to, FIRST_SECTION);
        while end >= first.max(1) && self.sequences.len() < ENOUGH {
            let from = end.saturating_sub(length - 1).max(first).max(1);
            let oldest = self.take_section(jetstream, pattern, change, from, end).await?;
            if oldest.is_some_and(|oldest| oldest < received_at) {
                self.missing_before = Some(received_at);
                return Ok(());
            }
            end = from - 1;
            length = length.saturating_mul(2);
        }
        Ok(())
    }

    /// Reads the messages from `from` to `end`. Returns when the first of them was stored.
    async fn take_section(
        &mut self,
        jetstream: &JetStream<'_>,
        pattern: &str,
        change: &LoggedChange,
        from: u64,
        end: u64,
    ) -> Result<Option<Timestamp>, Problem> {
        let read = jetstream.read_on(&self.stream, pattern, from, end).await?;
        let oldest = read.first().map(|message| Timestamp::from_micros(message.at_micros));
        let store = store_of(&change.hookd_id);
        for message in read {
            if let Some(id) = message.id.filter(|id| store_of(id) == store) {
                self.sequences.insert(id, message.sequence);
            }
        }
        Ok(oldest)
    }
}

/// The name of the store that an id begins with, before the number of the change and its time.
fn store_of(id: &str) -> &str {
    id.rsplitn(3, '-').nth(2).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_store() {
        let id = hookd_store::hookd_id("k3y", 17, Timestamp::from_micros(1_700_000_000_000_000));
        assert_eq!(store_of(&id), "k3y");
        assert_eq!(store_of("of-somebody-else"), "of");
        assert_eq!(store_of("x"), "x");
    }
}
