//! What became of a change at each sink.

use hookd_sinks::{Head, SinkState, SinkView};
use hookd_store::{Settlement, SettlementKind, Store, StoreError, Timestamp};

/// What became of a change at one sink.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AtSink {
    /// The name of the sink.
    pub(crate) sink: String,
    /// Whether the present configuration has it.
    pub(crate) is_configured: bool,
    /// What became of the change.
    pub(crate) outcome: Outcome,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It has ended there, or is to be sent once more.
    Settled(Settlement),
    /// It is the first that waits; some attempts may have failed.
    Head {
        /// What is known of it.
        head: Head,
        /// What the sink is doing.
        state: SinkState,
    },
    /// It waits.
    Waiting {
        /// The first change that waits, where the sink has read it.
        behind: Option<i64>,
        /// How many numbers lie between the cursor of the sink and this change.
        before: i64,
        /// What the sink is doing.
        state: SinkState,
    },
    /// The cursor of the sink has passed it, and the store has nothing about it.
    Unknown,
}

/// What became of a change at all sinks, those of the configuration first.
pub(crate) fn of_change(store: &dyn Store, sinks: &[SinkView], changeid: i64) -> Result<Vec<AtSink>, StoreError> {
    let mut settled = store.reader().settlements_of(changeid)?;
    let mut all = Vec::new();
    for view in sinks {
        let name = &view.settings.name;
        let outcome = match settled.iter().position(|(sink, _)| sink == name) {
            Some(index) => Outcome::Settled(settled.swap_remove(index).1),
            None => unsettled(view, changeid),
        };
        all.push(AtSink { sink: name.clone(), is_configured: true, outcome });
    }
    settled.sort_by(|one, other| one.0.cmp(&other.0));
    let gone = settled.into_iter();
    all.extend(gone.map(|(sink, settlement)| AtSink {
        sink,
        is_configured: false,
        outcome: Outcome::Settled(settlement),
    }));
    Ok(all)
}

fn unsettled(view: &SinkView, changeid: i64) -> Outcome {
    let status = &view.status;
    let state = status.state;
    match &status.head {
        Some(head) if head.changeid == changeid => Outcome::Head { head: head.clone(), state },
        // Its cursor was not read yet.
        _ if state == SinkState::Starting || (state == SinkState::Failed && status.position == 0) => {
            Outcome::Waiting { behind: None, before: 0, state }
        }
        _ if changeid <= status.position => Outcome::Unknown,
        head => Outcome::Waiting {
            behind: head.as_ref().map(|head| head.changeid).filter(|head| *head < changeid),
            before: changeid - status.position - 1,
            state,
        },
    }
}

impl Outcome {
    /// The name in the REST API.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Settled(settlement) => settlement.kind.name(),
            Self::Head { head, .. } if head.attempts > 0 => "retrying",
            Self::Head { .. } | Self::Waiting { .. } => "waiting",
            Self::Unknown => "unknown",
        }
    }

    /// When it ended so.
    pub(crate) fn settled_at(&self) -> Option<Timestamp> {
        match self {
            Self::Settled(settlement) => Some(settlement.settled_at),
            _ => None,
        }
    }

    /// When the next attempt is due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        match self {
            Self::Head { head, state } if *state != SinkState::Paused => head.next_at,
            _ => None,
        }
    }

    /// How many attempts were made.
    pub(crate) fn attempts(&self) -> u32 {
        match self {
            Self::Settled(settlement) => settlement.attempts,
            Self::Head { head, .. } => head.attempts,
            _ => 0,
        }
    }

    /// What the other side said, which option of the filter dropped it, or why it was given up.
    pub(crate) fn answer(&self) -> Option<&str> {
        match self {
            Self::Settled(settlement) => Some(settlement.answer.as_str()),
            Self::Head { head, .. } => head.answer.as_deref(),
            _ => None,
        }
        .filter(|answer| !answer.is_empty())
    }

    /// The change that it waits behind.
    pub(crate) fn behind(&self) -> Option<i64> {
        match self {
            Self::Waiting { behind, .. } => *behind,
            _ => None,
        }
    }

    /// One sentence for people, without times.
    pub(crate) fn sentence(&self) -> String {
        let with_answer = |mut text: String| {
            if let Some(answer) = self.answer() {
                text.push_str(": ");
                text.push_str(answer);
            }
            text
        };
        match self {
            Self::Settled(Settlement { kind, attempts, answer, .. }) => match (kind, attempts) {
                (SettlementKind::Delivered, 0 | 1) => with_answer("delivered".to_owned()),
                (SettlementKind::Delivered, attempts) => with_answer(format!("delivered at attempt {attempts}")),
                (SettlementKind::Filtered, _) => format!("dropped by the filter, option `{answer}`"),
                (SettlementKind::Dead, 0) => with_answer("dead letter".to_owned()),
                (SettlementKind::Dead, attempts) => with_answer(format!("dead letter after {}", tries(*attempts))),
                (SettlementKind::Requeued, _) => "is sent once more".to_owned(),
            },
            Self::Head { head, state } => {
                let text = match (state, head.attempts) {
                    (SinkState::Paused, 0) => "waits, since the sink is paused".to_owned(),
                    (SinkState::Paused, failed) => {
                        format!("waits after {} that failed, since the sink is paused", tries(failed))
                    }
                    (SinkState::Misconfigured, _) => "waits, since the sink is misconfigured".to_owned(),
                    (_, 0) => "is next".to_owned(),
                    (_, failed) => format!("{} failed", tries(failed)),
                };
                with_answer(text)
            }
            Self::Waiting { behind, before, state } => {
                let place = match behind {
                    Some(head) => format!("waits behind change {head}"),
                    None if *before > 0 => format!("waits, {} before it", numbers(*before)),
                    None => "waits".to_owned(),
                };
                match state {
                    SinkState::Idle | SinkState::Delivering => place,
                    SinkState::Standby => format!("{place}; another hookd serves the sink"),
                    state => format!("{place}; the sink is {}", state.name()),
                }
            }
            Self::Unknown => "nothing is known: it is older than the sink, or no longer kept there".to_owned(),
        }
    }
}

fn tries(count: u32) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

fn numbers(count: i64) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}
