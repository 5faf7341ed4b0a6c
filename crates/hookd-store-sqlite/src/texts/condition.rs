//! One condition of a search, and what a segment has that meets it.

use hookd_store::{State, is_repository};

use super::bitmap::Bitmap;
use super::segment::Bounds;
use crate::error::Failure;
use crate::format::{ChangeText, Column, Columns, DeliveryText, MAX_TEXT_BYTES, Part, TextList, state_code};

/// Which texts a condition asks for. Those that are [folded](hookd_store::fold) are compared in lower case.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Folded, with this part.
    Has(String),
    /// Folded, the same.
    Is(String),
    /// Folded, a repository that is meant by this.
    IsRepository(String),
    /// Any of these, by case.
    IsExactly(Vec<String>),
    /// With any of these parts, by case.
    HasExactly(Vec<String>),
    /// Beginning with any of these, by case.
    BeginsExactly(Vec<String>),
}

/// A condition, and the deliveries or changes that meet it.
pub(crate) struct Condition {
    /// Which texts are looked for, if any.
    test: Option<Test>,
    in_deliveries: &'static [DeliveryText],
    in_changes: &'static [ChangeText],
    /// Which states are looked for.
    states: Vec<State>,
    /// Which of the two is collected: deliveries, or changes.
    part: Part,
    found: Bitmap,
}

impl Condition {
    /// Deliveries with such a text, or whose changes have one.
    pub(crate) fn of_deliveries(
        test: Test,
        in_deliveries: &'static [DeliveryText],
        in_changes: &'static [ChangeText],
        found: Bitmap,
    ) -> Self {
        Self { test: Some(test), in_deliveries, in_changes, states: Vec::new(), part: Part::Deliveries, found }
    }

    /// Deliveries in one of these states.
    pub(crate) fn of_states(states: Vec<State>, found: Bitmap) -> Self {
        Self { test: None, in_deliveries: &[], in_changes: &[], states, part: Part::Deliveries, found }
    }

    /// Changes with such a text.
    pub(crate) fn of_changes(test: Test, in_changes: &'static [ChangeText], found: Bitmap) -> Self {
        Self { test: Some(test), in_deliveries: &[], in_changes, states: Vec::new(), part: Part::Changes, found }
    }

    /// What was found so far, and what was known before.
    pub(crate) fn found(&mut self) -> &mut Bitmap {
        &mut self.found
    }

    pub(crate) fn into_found(self) -> Bitmap {
        self.found
    }

    /// Which of a segment's texts meet it, by their numbers; `None` where none does.
    fn texts(&self, texts: &TextList, folded: &TextList) -> Option<Vec<bool>> {
        let test = self.test.as_ref()?;
        let mut any = false;
        let mut meets = Vec::with_capacity(texts.iter().len() + 1);
        meets.push(false);
        for (text, folded) in texts.iter().zip(folded.iter()) {
            let met = test.is_met(text, folded);
            any |= met;
            meets.push(met);
        }
        any.then_some(meets)
    }

    /// Takes note of what a segment has.
    fn collect(&mut self, bounds: &Bounds, columns: &Columns, meets: Option<&[bool]>) {
        if !self.states.is_empty() {
            let codes: Vec<u32> = self.states.iter().map(|state| u32::from(state_code(*state))).collect();
            // One that was pending is what it has become.
            let pending = u32::from(state_code(State::Pending));
            let is_met = |value: u32| value != pending && codes.contains(&value);
            each(&columns.states, is_met, |index| self.found.set(bounds.first_deliveryid + index));
            let outcomes = columns.outcomes.iter().filter(|outcome| codes.contains(&u32::from(outcome.state)));
            self.found.set_all(outcomes.map(|outcome| outcome.deliveryid));
        }
        let Some(meets) = meets else { return };
        let is_met = |value: u32| meets.get(value as usize).copied().unwrap_or(false);
        for text in self.in_deliveries {
            let column = &columns.deliveries[*text as usize];
            each(column, is_met, |index| self.found.set(bounds.first_deliveryid + index));
        }
        if self.in_deliveries.contains(&DeliveryText::Reason) {
            let outcomes = columns.outcomes.iter().filter(|outcome| is_met(outcome.reason));
            self.found.set_all(outcomes.map(|outcome| outcome.deliveryid));
        }
        match self.part {
            Part::Changes => {
                for text in self.in_changes {
                    let column = &columns.changes[*text as usize];
                    each(column, is_met, |index| self.found.set(bounds.first_changeid + index));
                }
            }
            Part::Deliveries => {
                let mut changes = Bitmap::new(0..=bounds.change_count - 1);
                for text in self.in_changes {
                    each(&columns.changes[*text as usize], is_met, |index| changes.set(index));
                }
                self.found.set_all(owners(columns, changes.ascending()));
            }
        }
    }
}

/// Takes note of what a segment has for each of these conditions. Its columns are only asked for where a text is met.
pub(crate) fn collect(
    conditions: &mut [Condition],
    bounds: &Bounds,
    texts: &TextList,
    columns: impl FnOnce() -> Result<Columns, Failure>,
) -> Result<(), Failure> {
    let folded = texts.folded();
    let meets: Vec<_> = conditions.iter().map(|condition| condition.texts(texts, &folded)).collect();
    let is_wanted =
        |(condition, meets): (&Condition, &Option<Vec<bool>>)| meets.is_some() || !condition.states.is_empty();
    if conditions.iter().zip(&meets).any(is_wanted) {
        let columns = columns()?;
        for (condition, meets) in conditions.iter_mut().zip(&meets) {
            condition.collect(bounds, &columns, meets.as_deref());
        }
    }
    Ok(())
}

/// The places in a column, from 0 on, of values that are met.
fn each(column: &Column, is_met: impl Fn(u32) -> bool, mut set: impl FnMut(i64)) {
    let mut place = 0;
    for (value, count) in column.runs() {
        let next = place + i64::from(count);
        if is_met(value) {
            (place..next).for_each(&mut set);
        }
        place = next;
    }
}

/// The deliveries of the changes at these places, which ascend.
pub(crate) fn owners(columns: &Columns, places: impl Iterator<Item = i64>) -> impl Iterator<Item = i64> {
    let mut runs = columns.owners.runs();
    let (mut owner, mut end) = (0, 0);
    places.map_while(move |place| {
        while end <= place {
            let (deliveryid, count) = runs.next()?;
            (owner, end) = (deliveryid, end + i64::from(count));
        }
        Some(owner)
    })
}

impl Test {
    fn is_met(&self, text: &str, folded: &str) -> bool {
        match self {
            Self::Has(part) => folded.contains(part.as_str()) || is_cut(text),
            Self::Is(whole) => folded == whole || is_cut(text),
            Self::IsRepository(wanted) => is_repository(folded, wanted) || is_cut(text),
            Self::IsExactly(any) => any.iter().any(|whole| text == whole || (is_cut(text) && whole.starts_with(text))),
            Self::BeginsExactly(any) => {
                any.iter().any(|part| text.starts_with(part.as_str()) || (is_cut(text) && part.starts_with(text)))
            }
            Self::HasExactly(any) => is_cut(text) || any.iter().any(|part| text.contains(part.as_str())),
        }
    }
}

/// Whether a text may have been longer; the last character may not have fitted.
fn is_cut(text: &str) -> bool {
    text.len() > MAX_TEXT_BYTES - char::MAX.len_utf8()
}
