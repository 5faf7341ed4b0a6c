//! Why a copy failed.

use super::Part;
use crate::StoreError;

/// Why a store was not copied. Messages name neither store; whoever reports them does.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source could not be read.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The destination could not be written, or not be read.
    #[error("the destination cannot be written; the same command continues")]
    Destination(#[source] StoreError),
    /// The destination is a store.
    #[error("the destination is a store already: name an empty one")]
    NotEmpty,
    /// The destination is the source, or a complete copy of it.
    #[error("the destination is the same store, or a complete copy of it")]
    Same,
    /// The destination is an unfinished copy of another store.
    #[error("the destination is an unfinished copy of another store: name an empty one")]
    OtherSource,
    /// The source was written to since the copy was begun.
    #[error(
        "the source was used since this copy was begun, which would mix two states: remove the unfinished copy, and begin \
         anew"
    )]
    SourceChanged,
    /// What arrived is not what is in the source.
    #[error("the copy differs from the source in its {part}: report this, with the output of `hookd store check`")]
    Differs {
        /// Where.
        part: Part,
    },
    /// What is wrong in the source.
    #[error("the source is damaged, see `hookd store check`: {0}")]
    Damaged(String),
    /// Whoever watches it has stopped it.
    #[error("interrupted: the same command continues")]
    Interrupted,
}
