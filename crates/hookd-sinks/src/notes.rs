//! What a sink's cursor carries besides its place: failed attempts, so that a restart neither retries early nor starts
//! counting anew, and whether the sink is paused.

use std::collections::HashMap;

use hookd_store::{MAX_STATE_BYTES, Timestamp};
use serde::{Deserialize, Serialize};

use crate::window::Retry;

/// How many failed attempts keep their answer: those of the first changes that wait. The others are only counted.
const MAX_ANSWERS: usize = 16;

/// The state of a cursor of a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// Whether an operator has paused the sink.
    pub(crate) is_paused: bool,
    /// Whether the sink was stopped in order, so that nothing was sent that the cursor does not know of.
    pub(crate) is_settled: bool,
    /// Whether changes may have been sent while others before them were not, as with `order = "branch"`.
    pub(crate) is_by_branch: bool,
    /// Failed attempts by the number of the change.
    pub(crate) retries: HashMap<i64, Retry>,
}

/// How the notes are written: JSON, with numbers in the place of names where there may be many.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    paused: bool,
    settled: bool,
    by_branch: bool,
    /// Number of the change, failed attempts, failing since and next attempt (both in microseconds since 1970), whether it
    /// may have arrived.
    retries: Vec<(i64, u32, i64, i64, bool)>,
    /// By the number of the change.
    answers: HashMap<i64, String>,
}

const VERSION: u32 = 1;

impl Notes {
    /// The notes in the state of a cursor; empty where the state is.
    ///
    /// # Errors
    /// Where a newer hookd wrote it, or it is broken.
    pub(crate) fn read(state: &[u8]) -> Result<Self, String> {
        if state.is_empty() {
            return Ok(Self::default());
        }
        let mut written: Written = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if written.version != VERSION {
            return Err(format!("its state has version {}, and this hookd knows version {VERSION}", written.version));
        }
        let retries = written.retries.into_iter().map(|(changeid, attempts, since, next, may_have_arrived)| {
            let retry = Retry {
                attempts,
                failing_since: Timestamp::from_micros(since),
                next_at: Timestamp::from_micros(next),
                answer: written.answers.remove(&changeid).unwrap_or_default(),
                may_have_arrived,
            };
            (changeid, retry)
        });
        Ok(Self {
            is_paused: written.paused,
            is_settled: written.settled,
            is_by_branch: written.by_branch,
            retries: retries.collect(),
        })
    }

    /// The state of a cursor with these notes.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut retries: Vec<_> = self.retries.iter().collect();
        retries.sort_by_key(|(changeid, _)| **changeid);
        let answers = retries.iter().take(MAX_ANSWERS).map(|(changeid, retry)| (**changeid, retry.answer.clone()));
        let mut written = Written {
            version: VERSION,
            paused: self.is_paused,
            settled: self.is_settled,
            by_branch: self.is_by_branch,
            answers: answers.collect(),
            retries: retries
                .iter()
                .map(|(changeid, retry)| {
                    let (since, next) = (retry.failing_since.as_micros(), retry.next_at.as_micros());
                    (**changeid, retry.attempts, since, next, retry.may_have_arrived)
                })
                .collect(),
        };
        loop {
            let state = serde_json::to_vec(&written).expect("plain data serializes");
            if state.len() <= MAX_STATE_BYTES {
                return state;
            }
            // Those that come last are counted anew after a restart.
            written.retries.truncate(written.retries.len() / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(answer: &str) -> Retry {
        Retry {
            attempts: 3,
            failing_since: Timestamp::from_micros(1_700_000_000_000_000),
            next_at: Timestamp::from_micros(1_700_000_060_000_000),
            answer: answer.to_owned(),
            may_have_arrived: true,
        }
    }

    #[test]
    fn reads_what_it_wrote() {
        let retries = HashMap::from([(7, retry("the master answered 503")), (9, retry("no route"))]);
        let notes = Notes { is_paused: true, is_settled: false, is_by_branch: true, retries };
        assert_eq!(Notes::read(&notes.write()).unwrap(), notes);
        assert_eq!(Notes::read(&[]).unwrap(), Notes::default());
    }

    #[test]
    fn fits_however_much_fails() {
        let retries = (0..1024).map(|changeid| (changeid, retry(&"x".repeat(500)))).collect();
        let notes = Notes { retries, ..Notes::default() };
        let state = notes.write();
        assert!(state.len() <= MAX_STATE_BYTES, "{}", state.len());
        let read = Notes::read(&state).unwrap();
        assert!(read.retries.len() >= 512, "{}", read.retries.len());
        assert_eq!(read.retries[&0].answer.len(), 500);
        assert_eq!(read.retries[&500].answer, "");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(
            Notes::read(br#"{"version":2,"paused":false,"settled":false,"by_branch":false,"retries":[],"answers":{}}"#)
                .is_err()
        );
        assert!(Notes::read(b"x").is_err());
    }
}
