//! The reason: one line that can be shown anywhere, whatever was sent.

use std::fmt;
use std::ops::Deref;

/// Why a request makes no change, as one line for its sender, the log and the pages.
///
/// Payloads may be quoted in it: control characters become spaces and the line is cut at [`Reason::MAX_CHARS`]
/// characters, so that nothing that is sent can split or flood an answer or a log line. There is no other way to make
/// one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason(String);

impl Reason {
    /// The most characters that a reason has.
    pub const MAX_CHARS: usize = 300;

    /// The reason in this text.
    pub fn new(text: impl AsRef<str>) -> Self {
        let line = text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c });
        Self(line.take(Self::MAX_CHARS).collect())
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The line, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn is_one_line_of_bounded_length() {
        assert_eq!(Reason::new("branch `a\r\nb\u{7}` was deleted").as_str(), "branch `a  b ` was deleted");
        assert_eq!(Reason::new("é".repeat(1000)).into_string(), "é".repeat(Reason::MAX_CHARS));
    }
}
