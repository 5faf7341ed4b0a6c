//! Copying a store into another one, whatever the engines: everything that is in it, under its numbers.
//!
//! A store that can be read out is an [`Export`], one that can be filled is an [`Import`], and [`copy`] carries all of the
//! first into the second, piece by piece. Invariants:
//!
//! - The log arrives in the order of its commits ([`Commits`]), so that what expires together stays together.
//! - A piece and the [`Mark`] that says how far the copy has come are one transaction. Whoever continues finds the mark.
//! - A destination with a mark is no store yet, and is opened by nobody else. The mark goes when what is in both was read and
//!   compared ([`examine`]).
//! - Memory is bounded by a piece, and by what one transaction of the log has.

mod carry;
mod commits;
mod digest;
mod error;
mod examine;
mod mark;

use hookd_core::Change;

pub use carry::{Copied, copy};
pub use commits::{Commits, Entry};
pub use digest::{Digest, Part, PartDigest};
pub use error::CopyError;
pub use examine::{Examined, examine};
pub use mark::{Mark, Place, Step};

use crate::{
    Cursor, DeliveryRecord, Due, Identity, IdentityKey, LoggedChange, NewDelivery, NewState, Positions, Replay,
    Settlement, State, StoreError, StoredRequest, Waiting,
};

/// How far a long command has come with a step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done, such as `copying the log`.
    pub step: &'static str,
    /// How much of it.
    pub done: u64,
    /// How much there is, in the same unit; `None` if that cannot be known.
    pub total: Option<u64>,
}

/// What learns how far a command has come, and says whether it is to go on.
pub type Watch<'w> = &'w mut dyn FnMut(Progress) -> bool;

/// What a store has besides its records.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The store's own name, part of the ids of its changes.
    pub instance: String,
    /// What its identities are made with.
    pub identity_key: IdentityKey,
    /// The first delivery that is kept; the next one where none is.
    pub first_deliveryid: i64,
    /// The number that the next delivery gets.
    pub next_deliveryid: i64,
    /// The first change that is kept; the next one where none is.
    pub first_changeid: i64,
    /// The number that the next change gets.
    pub next_changeid: i64,
    /// The last version that a cursor got.
    pub cursor_version: u64,
    /// Requests of deliveries up to this one have expired, but for those that were pending then. A store may know it for a
    /// somewhat smaller number only.
    pub requests_expired_to: i64,
}

/// A delivery with all that a store has of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CopiedDelivery {
    /// As it is now.
    pub record: DeliveryRecord,
    /// Whether it was pending when it was received.
    pub was_pending: bool,
    /// How many changes the answer to its sender reported.
    pub reported_changes: usize,
    /// That by which it is found; `None` where another one is, or none.
    pub identity: Option<Identity>,
    /// Its request, if it had one and that is still kept.
    pub request: Option<StoredRequest>,
    /// Its next attempt, while it is pending.
    pub waiting: Option<Waiting>,
}

impl CopiedDelivery {
    /// As it was when it was received, with the changes that it had then.
    pub fn as_received(&self, changes: Vec<Change>) -> NewDelivery {
        let DeliveryRecord { received_at, dialect, forge_id, event, origin, replay_of, state, reason, .. } =
            &self.record;
        let text = || reason.clone().unwrap_or_default();
        let state = match state {
            _ if self.was_pending => NewState::Pending {
                reported_changes: self.reported_changes,
                about: self.waiting.as_ref().map(|waiting| waiting.about.clone()).unwrap_or_default(),
            },
            State::Ignored => NewState::Ignored(text()),
            State::Refused => NewState::Refused(text()),
            State::Accepted | State::Pending => NewState::Accepted(changes),
        };
        NewDelivery {
            received_at: *received_at,
            dialect: dialect.clone(),
            event: event.clone(),
            forge_id: forge_id.clone(),
            deduplicate: true,
            origin: origin.clone(),
            // Who asked for it is part of its identity, and nothing else.
            replay: replay_of.map(|of| Replay { of, request: String::new() }),
            positions: None,
            request: self.request.clone(),
            state,
            note: reason.clone(),
        }
    }

    /// Whether it was pending, and no longer is.
    pub fn is_completed(&self) -> bool {
        self.was_pending && self.record.state != State::Pending
    }
}

/// A store that is read out. Nothing writes to it meanwhile, or it is read as of one moment.
///
/// Each `…_after` gives some of what comes after a number, ascending and without leaving anything out, as much as fits well
/// into memory; nothing when there is no more.
#[expect(clippy::missing_errors_doc, reason = "all of them fail when the store cannot be read")]
pub trait Export {
    /// What it has besides its records.
    fn facts(&mut self) -> Result<Facts, StoreError>;

    /// The deliveries after this one.
    fn deliveries_after(&mut self, after: i64) -> Result<Vec<CopiedDelivery>, StoreError>;

    /// The changes after this one.
    fn changes_after(&mut self, after: i64) -> Result<Vec<LoggedChange>, StoreError>;

    /// The pending deliveries after this one.
    fn pending_after(&mut self, after: i64) -> Result<Vec<Due>, StoreError>;

    /// All cursors, by name.
    fn cursors(&mut self) -> Result<Vec<Cursor>, StoreError>;

    /// The settlements of a reader, of changes after this one.
    fn settlements_after(&mut self, cursor: &str, after: i64) -> Result<Vec<Settlement>, StoreError>;

    /// The names of all pollers that have positions, in order.
    fn pollers(&mut self) -> Result<Vec<String>, StoreError>;

    /// The positions of a poller.
    fn positions(&mut self, poller: &str) -> Result<Option<Positions>, StoreError>;
}

/// What is at the place of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A store without anything in it.
    Empty,
    /// A copy that was begun.
    Unfinished(Mark),
    /// A store of this name.
    Store {
        /// Its own name.
        instance: String,
    },
}

/// A piece of a store.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'p> {
    /// What comes next in the log.
    Log {
        /// In the order of commits.
        entries: &'p [Entry],
        /// See [`Facts::requests_expired_to`].
        requests_expired_to: i64,
    },
    /// Settlements of a reader, which come after all that it has, ascending.
    Settlements(&'p str, &'p [Settlement]),
    /// The positions of a poller.
    Positions(&'p str, &'p Positions),
    /// All cursors. It comes last.
    Cursors(&'p [Cursor]),
}

/// A store that is filled. Nobody else has it open.
pub trait Import {
    /// What is there.
    ///
    /// # Errors
    /// When it cannot be read.
    fn found(&mut self) -> Result<Found, StoreError>;

    /// Begins a copy of a store with these facts in what is [empty](Found::Empty): the mark says so from now on.
    ///
    /// # Errors
    /// When it cannot be written, or is not empty.
    fn begin(&mut self, facts: &Facts, mark: &Mark) -> Result<(), StoreError>;

    /// Stores a piece, and the mark that is to be there afterwards, in one transaction.
    ///
    /// # Errors
    /// When it cannot be written, or has another mark than `before`, because somebody else fills it as well. Nothing is
    /// stored then.
    fn write(&mut self, piece: &Piece<'_>, before: &Mark, after: &Mark) -> Result<(), StoreError>;

    /// What was filled, to be read.
    ///
    /// # Errors
    /// When it cannot be read.
    fn export(&mut self) -> Result<Box<dyn Export + '_>, StoreError>;

    /// Removes the mark: from now on it is a store.
    ///
    /// # Errors
    /// When it cannot be written.
    fn complete(&mut self) -> Result<(), StoreError>;
}
