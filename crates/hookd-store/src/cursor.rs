//! Cursors: how far each reader of the log has got.
//!
//! A cursor has a name, a place in the log, and a version that changes with every move. Readers move it by
//! compare-and-set: a move names the version that its reader saw last. If the cursor has another version by now, it
//! does not move, and the reader gets the cursor as it is. Two processes that serve the same sink cannot undo each
//! other's work.

use crate::{MAX_ANSWER_BYTES, Settlement, StoreError};

/// How many numbers beyond its position a cursor may have marked as done.
pub const MAX_DONE_BEYOND: usize = 1024;

/// The largest state of a cursor.
pub const MAX_STATE_BYTES: usize = 64 << 10;

/// The longest name of a cursor.
pub const MAX_NAME_BYTES: usize = 255;

/// A cursor as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its unique name, such as that of a sink.
    pub name: String,
    /// The version of this place. It is never used again for a cursor of this name, not even after a removal.
    pub version: u64,
    /// Every change up to and including this one is done; zero if none is.
    pub position: i64,
    /// Changes beyond the position that are done as well, ascending; at most [`MAX_DONE_BEYOND`].
    pub done: Vec<i64>,
    /// The reader's own notes (attempts, time of the next one, …), opaque to the store. At most [`MAX_STATE_BYTES`].
    pub state: Vec<u8>,
}

impl Cursor {
    /// The least number that is not done. Expiry keeps this change and all after it.
    pub fn first_not_done(&self) -> i64 {
        first_not_done(self.position, &self.done)
    }

    /// Its place.
    pub fn place(&self) -> CursorPlace {
        CursorPlace { position: self.position, done: self.done.clone(), state: self.state.clone() }
    }
}

/// A place for a cursor; see [`Cursor`] for the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Cursor`")]
pub struct CursorPlace {
    pub position: i64,
    pub done: Vec<i64>,
    pub state: Vec<u8>,
}

impl CursorPlace {
    /// Marks a change as done, and advances the position over all that is done. `false` if the change cannot be marked
    /// since [`MAX_DONE_BEYOND`] are marked already: the reader has to finish earlier ones first.
    pub fn mark_done(&mut self, changeid: i64) -> bool {
        if changeid > self.position
            && let Err(index) = self.done.binary_search(&changeid)
        {
            if self.done.len() >= MAX_DONE_BEYOND && changeid != self.position.saturating_add(1) {
                return false;
            }
            self.done.insert(index, changeid);
        }
        self.position = first_not_done(self.position, &self.done) - 1;
        self.done.retain(|number| *number > self.position);
        true
    }
}

/// A move of one cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// The cursor.
    pub name: String,
    /// The version that the cursor must have for the move to take place; `None`: it must not exist.
    pub expected: Option<u64>,
    /// The new place; `None` removes the cursor, with all of its settlements.
    pub to: Option<CursorPlace>,
    /// The epoch of the [lead](crate::Lead) under which it is made; where that no longer counts, the move is a conflict. `None`:
    /// whoever moves it needs no lead.
    pub epoch: Option<u64>,
    /// How changes ended at the cursor's reader since the last move; written in the same transaction, and not at all
    /// where the move is a conflict.
    pub settlements: Vec<Settlement>,
}

/// The result of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The cursor was moved and now has this version.
    To(u64),
    /// The cursor was removed.
    Removed,
    /// The cursor does not have the expected version, or the mover no longer leads; it was not moved. This is the cursor as it is, if it exists.
    Conflict(Option<Cursor>),
}

/// The range of changes in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptChanges {
    /// The least number that is still kept; that of the next change if none is.
    pub first: i64,
    /// The newest number that was ever committed, even if it has expired; zero if there was none.
    pub newest: i64,
}

impl CursorMove {
    /// Checks everything that does not depend on what is stored.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the name is empty or longer than [`MAX_NAME_BYTES`], the position is negative, the
    /// done numbers are too many, not ascending or not beyond the position, or the state or the answer of a settlement
    /// is too large.
    pub fn validate(&self) -> Result<(), StoreError> {
        let invalid = |what: String| Err(StoreError::Invalid(format!("cursor `{}`: {what}", self.name)));
        if self.name.is_empty() || self.name.len() > MAX_NAME_BYTES {
            return invalid(format!("a name has 1 to {MAX_NAME_BYTES} bytes"));
        }
        if let Some(settlement) = self.settlements.iter().find(|settlement| settlement.answer.len() > MAX_ANSWER_BYTES)
        {
            let (changeid, bytes) = (settlement.changeid, settlement.answer.len());
            return invalid(format!(
                "an answer of {bytes} bytes for change {changeid}, at most {MAX_ANSWER_BYTES} are kept"
            ));
        }
        let Some(CursorPlace { position, done, state }) = &self.to else { return Ok(()) };
        if *position < 0 {
            return invalid(format!("position {position} is negative"));
        }
        if done.len() > MAX_DONE_BEYOND {
            return invalid(format!("{} numbers beyond its position, at most {MAX_DONE_BEYOND} are kept", done.len()));
        }
        if !done.is_sorted_by(|one, next| one < next) {
            return invalid("numbers beyond its position are not ascending".to_owned());
        }
        if done.first().is_some_and(|first| first <= position) {
            return invalid(format!("number {} is not beyond position {position}", done[0]));
        }
        if state.len() > MAX_STATE_BYTES {
            return invalid(format!("a state of {} bytes, at most {MAX_STATE_BYTES} are kept", state.len()));
        }
        Ok(())
    }

    /// Decides what the move does to the cursor as it is (after the earlier moves of the same call), in a store that
    /// keeps these changes. A cursor that moves gets `version`. Every store uses this, and then stores the result.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] as for [`validate`](Self::validate), and if the move names a change that was never
    /// committed or goes back beyond the first one that is kept.
    pub fn decide(&self, current: Option<&Cursor>, kept: KeptChanges, version: u64) -> Result<Moved, StoreError> {
        self.validate()?;
        if current.map(|cursor| cursor.version) != self.expected {
            return Ok(Moved::Conflict(current.cloned()));
        }
        let Some(CursorPlace { position, done, .. }) = &self.to else { return Ok(Moved::Removed) };
        let invalid = |what: String| Err(StoreError::Invalid(format!("cursor `{}`: {what}", self.name)));
        let last = done.last().unwrap_or(position);
        if *last > kept.newest {
            return invalid(format!("change {last} does not exist, the newest is {}", kept.newest));
        }
        // What is done beyond its position may have expired; it may stay where it is, so that its reader can still store its
        // state.
        let is_back = current.is_none_or(|cursor| *position < cursor.position);
        if is_back && *position < kept.first - 1 {
            return invalid(format!("position {position} lies before change {}, the first one kept", kept.first));
        }
        Ok(Moved::To(version))
    }

    /// The cursor after the move, of this version; `None` where the move removes it.
    pub fn cursor(&self, version: u64) -> Option<Cursor> {
        let CursorPlace { position, done, state } = self.to.clone()?;
        Some(Cursor { name: self.name.clone(), version, position, done, state })
    }
}

fn first_not_done(position: i64, done: &[i64]) -> i64 {
    done.iter()
        .fold(position.saturating_add(1), |next, number| if *number == next { next.saturating_add(1) } else { next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_not_done_comes_after_all_that_are() {
        assert_eq!(first_not_done(0, &[]), 1);
        assert_eq!(first_not_done(4, &[5, 6, 8]), 7);
        assert_eq!(first_not_done(4, &[6, 7]), 5);
    }

    #[test]
    fn marking_moves_the_position_over_what_is_done() {
        let mut place = CursorPlace::default();
        for changeid in [3, 2, 5, 3] {
            assert!(place.mark_done(changeid));
        }
        assert_eq!((place.position, place.done.as_slice()), (0, &[2, 3, 5][..]));
        assert!(place.mark_done(1));
        assert_eq!((place.position, place.done.as_slice()), (3, &[5][..]));
        assert!(place.mark_done(2));
        assert_eq!((place.position, place.done.as_slice()), (3, &[5][..]));
    }

    #[test]
    fn marking_stops_when_too_many_wait_for_one() {
        let mut place = CursorPlace::default();
        let most = i64::try_from(MAX_DONE_BEYOND).unwrap();
        assert!((2..2 + most).all(|changeid| place.mark_done(changeid)));
        assert!(!place.mark_done(2 + most));
        assert!(place.mark_done(1));
        assert_eq!((place.position, place.done.len()), (1 + most, 0));
    }
}
