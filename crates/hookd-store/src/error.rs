//! What can go wrong with a store that is open.

/// Why something could not be stored or read. Nothing of a failed write is in the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something that the store depends on does not work at present, such as a full disk or a lost connection. A later
    /// attempt may succeed.
    #[error("the store is unavailable: {cause}")]
    Unavailable {
        /// The cause, in the words of whatever failed.
        cause: String,
        /// What an operator can do about it.
        remedy: String,
    },
    /// Something else failed, for this reason; another attempt will fail as well.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The write violates the contract, for this reason. The caller is at fault; the store is sound.
    #[error("invalid write: {0}")]
    Invalid(String),
    /// The positions of this poller were moved by somebody else, so that what was polled is not stored.
    #[error("the positions of poller `{poller}` were moved meanwhile: does another process poll as well?")]
    Moved {
        /// The poller.
        poller: String,
    },
    /// The queue of writes is full.
    #[error("the store's queue of writes is full")]
    Overloaded,
    /// A search took longer than its [limit](crate::ReadLimits).
    #[error("the search took too long: narrow it down, or name a range of numbers")]
    TimedOut,
    /// Nobody waits for the answer of a search any more; see [`ReadLimits`](crate::ReadLimits).
    #[error("the search was given up")]
    Cancelled,
    /// As many searches are running as may at a time.
    #[error("too many searches are running, try again in some seconds")]
    Busy,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether a later attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Overloaded | Self::TimedOut | Self::Busy)
    }
}
