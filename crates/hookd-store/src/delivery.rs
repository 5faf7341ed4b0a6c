//! What is written: deliveries, and the completion of those that are pending.

use hookd_core::{Change, Subject};

use crate::{ApiCalls, Origin, PositionMove, Replay, StoreError, StoredRequest, Timestamp};

/// A delivery to be stored.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// When it was received.
    pub received_at: Timestamp,
    /// The dialect that took it.
    pub dialect: String,
    /// The forge's name for the kind of event.
    pub event: Option<String>,
    /// The forge's own id of the delivery.
    pub forge_id: Option<String>,
    /// Whether an earlier delivery of the same identity may be this one; see [`Log::append`](crate::Log::append).
    pub deduplicate: bool,
    /// Where it came from, and what verified it.
    pub origin: Origin,
    /// The delivery that it replays, if it does. It comes without a request then: that of the other is read.
    pub replay: Option<Replay>,
    /// The positions of the poller that made it, which move together with it.
    pub positions: Option<PositionMove>,
    /// The request, as it is kept; `None` if there was none, as for a poller or a replay.
    pub request: Option<StoredRequest>,
    /// Its state, with its changes or its reason.
    pub state: NewState,
    /// What was left out of its changes, as a sentence: it becomes the reason of an accepted delivery. Other states have a
    /// reason of their own.
    pub note: Option<String>,
}

/// The state of a delivery when it is stored or completed, with its changes or its reason.
#[derive(Clone, Debug, PartialEq)]
pub enum NewState {
    /// It produced these changes, at least one.
    Accepted(Vec<Change>),
    /// It was understood and produced no change, for this reason.
    Ignored(String),
    /// The request was wrong, for this reason.
    Refused(String),
    /// Calls to the forge's API are due.
    Pending {
        /// How many changes are reported to the sender: as many as are expected before the API has answered.
        reported_changes: usize,
        /// What the delivery is about, for people who look at it meanwhile.
        about: Subject,
    },
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Calls to the forge's API are due.
    Pending,
    /// It produced changes.
    Accepted,
    /// It was understood and produced no change.
    Ignored,
    /// The request was wrong.
    Refused,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Ignored, Self::Refused];

    /// The name in the REST API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }

    /// Whether a delivery of this state has changes, or may still get some.
    pub fn may_have_changes(self) -> bool {
        matches!(self, Self::Pending | Self::Accepted)
    }

    /// The state of a name in the REST API.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl NewState {
    /// The state alone.
    pub fn state(&self) -> State {
        match self {
            Self::Accepted(_) => State::Accepted,
            Self::Ignored(_) => State::Ignored,
            Self::Refused(_) => State::Refused,
            Self::Pending { .. } => State::Pending,
        }
    }

    /// The changes that there are already.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Accepted(changes) => changes,
            Self::Ignored(_) | Self::Refused(_) | Self::Pending { .. } => &[],
        }
    }

    /// Why there is no change.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ignored(reason) | Self::Refused(reason) => Some(reason),
            Self::Accepted(_) | Self::Pending { .. } => None,
        }
    }

    /// The reason of a delivery in this state: of an accepted one, this note.
    fn reason_with<'s>(&'s self, note: Option<&'s str>) -> Option<&'s str> {
        match self {
            Self::Accepted(_) => note,
            other => other.reason(),
        }
    }

    /// How many changes are reported to the sender.
    pub fn reported_changes(&self) -> usize {
        match self {
            Self::Pending { reported_changes, .. } => *reported_changes,
            Self::Accepted(_) | Self::Ignored(_) | Self::Refused(_) => self.changes().len(),
        }
    }

    fn validate(&self) -> Result<(), StoreError> {
        match self {
            Self::Accepted(changes) if changes.is_empty() => {
                Err(StoreError::Invalid("an accepted delivery has at least one change".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl NewDelivery {
    /// Checks that the write is valid. Every store calls this before it queues the write.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the state is accepted without a change, or a replay has a request of its own,
    /// or as [`PositionMove::validate`].
    pub fn validate(&self) -> Result<(), StoreError> {
        if self.replay.is_some() && self.request.is_some() {
            return Err(StoreError::Invalid("a replay has no request of its own".to_owned()));
        }
        self.positions.as_ref().map_or(Ok(()), PositionMove::validate)?;
        self.state.validate()
    }

    /// The reason that the delivery has.
    pub fn reason(&self) -> Option<&str> {
        self.state.reason_with(self.note.as_deref())
    }
}

/// The reply to a delivery that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The delivery's number.
    pub deliveryid: i64,
    /// Its state when it was received. That of a duplicate is the first one's, even if it has been completed since.
    pub state: State,
    /// How many changes are reported to the sender.
    pub reported_changes: usize,
    /// Why there are no changes, if there are none; else what was left out of them, if anything.
    pub reason: Option<String>,
    /// Whether it is a duplicate: it had been stored before, so nothing was stored now.
    pub is_duplicate: bool,
}

/// How much of the last error of a pending delivery, and of each text of what it is about, is stored, in bytes.
pub const MAX_WAITING_TEXT_BYTES: usize = 1024;

/// The beginning of a text, for [`MAX_WAITING_TEXT_BYTES`].
pub fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_WAITING_TEXT_BYTES)]
}

/// The end of a pending delivery.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The delivery.
    pub deliveryid: i64,
    /// Its state from now on; not `Pending`.
    pub state: NewState,
    /// What could not be fetched or was left out, as a sentence: it becomes the reason of an accepted delivery. Other states have a
    /// reason of their own.
    pub note: Option<String>,
    /// The calls to the forge's API that it took.
    pub api_calls: ApiCalls,
}

impl Completion {
    /// Checks that the write is valid. Every store calls this before it queues the write.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the state is pending, or accepted without a change.
    pub fn validate(&self) -> Result<(), StoreError> {
        if self.state.state() == State::Pending {
            return Err(StoreError::Invalid("a delivery cannot be completed as pending".to_owned()));
        }
        self.state.validate()
    }

    /// The reason that the delivery has from now on.
    pub fn reason(&self) -> Option<&str> {
        self.state.reason_with(self.note.as_deref())
    }
}

/// A pending delivery and its next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The delivery.
    pub deliveryid: i64,
    /// The dialect that took it.
    pub dialect: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// How many attempts have failed.
    pub attempts: u32,
    /// When to try next; at first the moment of receipt.
    pub next_at: Timestamp,
    /// Why the last attempt failed.
    pub error: Option<String>,
}
