//! Settlements: how changes ended at a reader of the log.

use crate::Timestamp;

/// How a change ended at one reader, such as a sink.
///
/// A reader hands them over with the move of its cursor, in the same transaction. A later one about the same change
/// replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The change.
    pub changeid: i64,
    /// When it ended so.
    pub settled_at: Timestamp,
    /// How.
    pub kind: SettlementKind,
    /// How many attempts were made.
    pub attempts: u32,
    /// What the other side said, which condition of a filter dropped it, or why it was given up. At most
    /// [`MAX_ANSWER_BYTES`].
    pub answer: String,
}

/// The longest answer of a settlement, in bytes.
pub const MAX_ANSWER_BYTES: usize = 4 << 10;

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SettlementKind {
    /// It arrived.
    Delivered,
    /// A filter dropped it.
    Filtered,
    /// It was given up: a dead letter, which waits for an operator. It is kept as long as its change.
    Dead,
    /// It is to be sent once more, at the request of an operator.
    Requeued,
}

impl SettlementKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Filtered, Self::Dead, Self::Requeued];

    /// The name in the REST API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Filtered => "filtered",
            Self::Dead => "dead",
            Self::Requeued => "requeued",
        }
    }
}
