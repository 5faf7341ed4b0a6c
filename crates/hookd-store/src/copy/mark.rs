//! The mark of an unfinished copy: of what store, and how far it has come.

use serde_json::{Value, json};

use crate::StoreError;

/// What an unfinished copy says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The name of the store that is copied.
    pub instance: String,
    /// The state that this store was in when the copy was begun: another one after each write that matters.
    pub state: String,
    /// How far the copy has come.
    pub place: Place,
}

/// How far a copy has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What comes next.
    pub step: Step,
    /// Deliveries up to this one are copied.
    pub deliveryid: i64,
    /// Changes up to this one are copied.
    pub changeid: i64,
    /// The cursor whose settlements are being copied, or the poller that was copied last.
    pub name: String,
    /// The settlements of that cursor are copied up to this change.
    pub settled: i64,
}

/// The steps of a copy, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Deliveries and changes.
    Log,
    /// Settlements, cursor by cursor.
    Settlements,
    /// Positions, poller by poller.
    Positions,
    /// The cursors.
    Cursors,
    /// Everything was copied, and is to be compared.
    Comparison,
}

impl Step {
    const ALL: [Self; 5] = [Self::Log, Self::Settlements, Self::Positions, Self::Cursors, Self::Comparison];

    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Settlements => "settlements",
            Self::Positions => "positions",
            Self::Cursors => "cursors",
            Self::Comparison => "comparison",
        }
    }
}

impl Mark {
    /// The mark as a text, for a store to keep.
    pub fn to_text(&self) -> String {
        let Self { instance, state, place: Place { step, deliveryid, changeid, name, settled } } = self;
        json!({
            "instance": instance,
            "state": state,
            "step": step.name(),
            "deliveryid": deliveryid,
            "changeid": changeid,
            "name": name,
            "settled": settled,
        })
        .to_string()
    }

    /// The mark of a text.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_text(text: &str) -> Result<Self, StoreError> {
        let broken = || StoreError::Failed("the mark of the unfinished copy cannot be read".to_owned());
        let value: Value = serde_json::from_str(text).map_err(|_| broken())?;
        let text = |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(broken);
        let number = |name: &str| value[name].as_i64().ok_or_else(broken);
        let step = text("step")?;
        let step = Step::ALL.into_iter().find(|known| known.name() == step).ok_or_else(broken)?;
        Ok(Self {
            instance: text("instance")?,
            state: text("state")?,
            place: Place {
                step,
                deliveryid: number("deliveryid")?,
                changeid: number("changeid")?,
                name: text("name")?,
                settled: number("settled")?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for step in Step::ALL {
            let place =
                Place { step, deliveryid: 7, changeid: -1, name: "a \"sink\" ü".to_owned(), settled: i64::MAX };
            let mark = Mark { instance: "0123".to_owned(), state: "ab".to_owned(), place };
            assert_eq!(Mark::from_text(&mark.to_text()), Ok(mark));
        }
        for text in ["", "{}", "[1]", r#"{"instance":"a","state":"b","step":"nothing"}"#] {
            assert!(Mark::from_text(text).is_err(), "{text}");
        }
    }
}
