//! What can go wrong with a store that is open.

/// Why something could not be stored or read. Nothing of a failed write is in the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What the store stands on does not work at present: a full disk, a lost connection, and the like. A later attempt
    /// may succeed.
    #[error("the store is unavailable: {cause}")]
    Unavailable {
        /// What is wrong, in the words of what failed.
        cause: String,
        /// What an operator can do about it.
        remedy: String,
    },
    /// Something else failed, for this reason; another attempt will fail as well.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The write asks for what the contract excludes, as this says. The caller is at fault, and the store is sound.
    #[error("invalid write: {0}")]
    Invalid(String),
    /// More writes wait than the queue takes.
    #[error("more waits to be stored than the queue holds")]
    Overloaded,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether a later attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Overloaded)
    }
}
