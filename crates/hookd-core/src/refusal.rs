//! The refusal: why a request is wrong.

use std::fmt;

use crate::Reason;

/// Why a request is wrong, as one line for its sender: the text of an answer 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Reason);

impl Refusal {
    /// A refusal with this message, which becomes a [`Reason`].
    pub fn new(message: impl AsRef<str>) -> Self {
        Self(Reason::new(message))
    }

    /// The message.
    pub fn message(&self) -> &str {
        self.0.as_str()
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refusal {}
