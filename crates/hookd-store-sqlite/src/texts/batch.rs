//! What a batch of the writer brings to the index. It is gathered while the batch is packed, and joins the segment when it
//! is committed.

use std::ops::Range;

use hookd_core::Change;
use hookd_store::State;

use crate::format::{ChangeText, DeliveryEntry, DeliveryText, MAX_TEXT_BYTES, Passed, state_code};
use crate::index::beginning_key;

/// A text in [`BatchTexts::all`].
pub(super) type Place = Option<Range<u32>>;

/// The texts of a batch, in the order of its records.
#[derive(Default)]
pub(crate) struct BatchTexts {
    all: String,
    deliveries: Vec<(u8, [Place; DeliveryText::ALL.len()])>,
    changes: Vec<(i64, [Place; ChangeText::ALL.len()])>,
    outcomes: Vec<(i64, u8, Place)>,
}

impl BatchTexts {
    /// Adds a delivery, as it is when it is received.
    pub(crate) fn add_delivery(&mut self, entry: &DeliveryEntry<'_>) {
        let texts = DeliveryText::ALL.map(|text| match text {
            DeliveryText::Dialect => Some(entry.dialect),
            DeliveryText::Event => entry.event,
            DeliveryText::Reason => entry.reason,
            DeliveryText::ForgeId => entry.forge_id.filter(|id| beginning_key(id).is_none()),
        });
        let before = self.deliveries.last().map(|(_, places)| places.clone()).unwrap_or_default();
        let places = self.add_all(texts, before);
        self.deliveries.push((state_code(entry.state), places));
    }

    /// Adds a change of a delivery.
    pub(crate) fn add_change(&mut self, deliveryid: i64, change: &Change) {
        self.add_passed(deliveryid, &Passed::of(change));
    }

    /// The same, as it is read from a block.
    pub(crate) fn add_passed(&mut self, deliveryid: i64, change: &Passed<'_>) {
        let texts = ChangeText::ALL.map(|text| match text {
            ChangeText::Repository => Some(change.repository),
            ChangeText::Branch => change.branch,
            ChangeText::Author => Some(change.author),
            ChangeText::Project => Some(change.project),
            ChangeText::Category => change.category,
            ChangeText::Codebase => Some(change.codebase),
            ChangeText::Revision => change.revision.filter(|revision| beginning_key(revision).is_none()),
        });
        let before = self.changes.last().map(|(_, places)| places.clone()).unwrap_or_default();
        let places = self.add_all(texts, before);
        self.changes.push((deliveryid, places));
    }

    /// Adds what became of a delivery that was pending.
    pub(crate) fn add_outcome(&mut self, deliveryid: i64, state: State, reason: Option<&str>) {
        let [place] = self.add_all([reason], [None]);
        self.outcomes.push((deliveryid, state_code(state), place));
    }

    /// Adds texts; each is mostly that of the record before.
    fn add_all<const COUNT: usize>(
        &mut self,
        texts: [Option<&str>; COUNT],
        mut places: [Place; COUNT],
    ) -> [Place; COUNT] {
        for (text, place) in texts.into_iter().zip(&mut places) {
            let text = text.map(|text| &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]);
            if self.text(place) != text {
                *place = text.map(|text| {
                    let start = self.all.len();
                    self.all.push_str(text);
                    small(start)..small(self.all.len())
                });
            }
        }
        places
    }

    pub(super) fn text(&self, place: &Place) -> Option<&str> {
        place.as_ref().map(|place| &self.all[place.start as usize..place.end as usize])
    }

    pub(super) fn deliveries(&self) -> &[(u8, [Place; DeliveryText::ALL.len()])] {
        &self.deliveries
    }

    pub(super) fn changes(&self) -> &[(i64, [Place; ChangeText::ALL.len()])] {
        &self.changes
    }

    pub(super) fn outcomes(&self) -> &[(i64, u8, Place)] {
        &self.outcomes
    }
}

/// A batch is at most 512 deliveries, whose texts are cut: far below four gigabytes.
fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
