//! Positions of pollers: how far each has read the repository that it polls.
//!
//! A poller has one position for each thing that it follows, such as a ref of git, by a key of its own. They move in the
//! same transaction as the changes that they stand for, by compare-and-set: of two processes that poll the same
//! repository the second is refused, and nothing is reported twice.

use std::collections::BTreeMap;

use crate::{StoreError, Timestamp};

/// The longest name of a poller, in bytes.
pub const MAX_POLLER_BYTES: usize = 255;

/// The longest key of a position, in bytes: the name of a git ref is a path of the file system.
pub const MAX_POSITION_KEY_BYTES: usize = 4096;

/// The longest position, in bytes.
pub const MAX_POSITION_BYTES: usize = 64 << 10;

/// How far a poller has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    /// The version of these positions: 1 after the first move, one more after each other.
    pub version: u64,
    /// When the poll was made that moved them last, whether it found anything or not.
    pub polled_at: Timestamp,
    /// When the last of these polls was made that found changes.
    pub changed_at: Option<Timestamp>,
    /// Each position, by its key.
    pub at: BTreeMap<String, String>,
}

/// A move of the positions of one poller: the result of one poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionMove {
    /// The poller.
    pub poller: String,
    /// The version that its positions must have; zero if it has none yet.
    pub expected: u64,
    /// When the poll was made.
    pub polled_at: Timestamp,
    /// The new position of each key that moves; `None` removes it. The others stay.
    pub set: Vec<(String, Option<String>)>,
    /// Whether the poller is forgotten instead, with all of its positions: it is then one that has never polled.
    pub forgets: bool,
}

impl PositionMove {
    /// Forgets a poller whose positions have this version.
    pub fn forgetting(poller: String, expected: u64) -> Self {
        Self { poller, expected, polled_at: Timestamp::default(), set: Vec::new(), forgets: true }
    }

    /// Checks everything that does not depend on what is stored.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the name of the poller, a key or a position is empty or too long, or a poller that is
    /// forgotten gets positions.
    pub fn validate(&self) -> Result<(), StoreError> {
        let check = |what: &str, text: &str, most: usize| match text.len() {
            1.. if text.len() <= most => Ok(()),
            bytes => Err(StoreError::Invalid(format!("{what} of {bytes} bytes, expected 1 to {most}"))),
        };
        check("a poller's name", &self.poller, MAX_POLLER_BYTES)?;
        if self.forgets && !self.set.is_empty() {
            return Err(StoreError::Invalid("a poller that is forgotten gets no positions".to_owned()));
        }
        for (key, position) in &self.set {
            check("the key of a position", key, MAX_POSITION_KEY_BYTES)?;
            position.as_deref().map_or(Ok(()), |position| check("a position", position, MAX_POSITION_BYTES))?;
        }
        Ok(())
    }

    /// The version after the move, of positions that have this one (zero: there are none, before or after).
    ///
    /// # Errors
    /// [`StoreError::Moved`] if another one is expected.
    pub fn decide(&self, current: u64) -> Result<u64, StoreError> {
        if current != self.expected {
            return Err(StoreError::Moved { poller: self.poller.clone() });
        }
        Ok(if self.forgets { 0 } else { current + 1 })
    }
}
