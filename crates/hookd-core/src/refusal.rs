//! The refusal: one line for a sender whose request is wrong.

use std::fmt;

/// Why a request is wrong, as one short line for its sender: the text of an answer 400.
///
/// What a sender sent may be quoted in it: control characters are taken out and the line is cut at
/// [`Refusal::LONGEST`] characters, so that no answer or log line can be split by what came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    message: String,
}

impl Refusal {
    /// The most characters that a refusal has.
    pub const LONGEST: usize = 300;

    /// A refusal with this message.
    pub fn new(message: impl AsRef<str>) -> Self {
        let message = message.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c });
        Self { message: message.take(Self::LONGEST).collect() }
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
