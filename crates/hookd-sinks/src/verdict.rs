//! What an attempt to deliver a change ends with.
//!
//! A status code alone does not say what to do next: a Buildbot master answers 400 both to a change that it cannot take
//! and to every change, where its configuration lacks the dialect. So each attempt ends in one of four verdicts, and each
//! of them is about something else: the moment, the change, or the sink.

use std::time::Duration;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What to do next.
    pub verdict: Verdict,
    /// What the other side said, or what went wrong, as one line for people. Never a secret.
    pub answer: String,
    /// Whether the change may have arrived although the attempt did not end well: it was sent, and no answer came, or one
    /// that does not tell. Then the sink is asked ([`Sink::has`](crate::Sink::has)) before the change is sent again.
    pub may_have_arrived: bool,
}

/// What to do after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The change has arrived.
    Delivered,
    /// The moment is wrong (no connection, a time-out, overload): try again later, not before this pause where the other
    /// side asked for one.
    Later {
        /// The pause that the other side asked for (`Retry-After`).
        after: Option<Duration>,
        /// Whether the other side failed on this change (a 5xx), rather than not answering at all. Where it is otherwise
        /// healthy, the change is at fault after some attempts.
        blames_change: bool,
    },
    /// The sink will never take this change: it becomes a dead letter, and the next one is tried.
    ThisChange,
    /// The sink is configured wrongly, here or on the other side: no change would arrive, so none is given up.
    ThisSink,
}

impl Attempt {
    /// The change has arrived, and this was the answer.
    pub fn delivered(answer: impl Into<String>) -> Self {
        Self::new(Verdict::Delivered, answer)
    }

    /// Nothing was sent, or nothing of it was taken, for a reason that passes.
    pub fn later(answer: impl Into<String>) -> Self {
        Self::new(Verdict::Later { after: None, blames_change: false }, answer)
    }

    /// The change was sent, and whether it has arrived is not known.
    pub fn unanswered(answer: impl Into<String>) -> Self {
        Self { may_have_arrived: true, ..Self::later(answer) }
    }

    /// The sink will never take this change.
    pub fn refused(answer: impl Into<String>) -> Self {
        Self::new(Verdict::ThisChange, answer)
    }

    /// The sink is configured wrongly.
    pub fn misconfigured(answer: impl Into<String>) -> Self {
        Self::new(Verdict::ThisSink, answer)
    }

    fn new(verdict: Verdict, answer: impl Into<String>) -> Self {
        let answer: String =
            answer.into().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_ANSWER_CHARS).collect();
        Self { verdict, answer: answer.trim().to_owned(), may_have_arrived: false }
    }
}

/// The longest answer that is kept of an attempt, in characters.
pub const MAX_ANSWER_CHARS: usize = 500;

/// Whether a sink has a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has; this is what it calls it, such as `change 17`.
    Yes(String),
    /// It has not, at this moment.
    No,
    /// The kind of sink cannot be asked: deliveries to it happen at least once.
    CannotTell,
    /// It could be asked, but did not answer now, for this reason.
    NoAnswer(String),
}
