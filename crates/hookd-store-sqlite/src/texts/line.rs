//! The changes of a segment that may be of one line: of the same branch, repository, project and codebase.

use std::ops::Range;

use super::bitmap::Bitmap;
use super::segment::Bounds;
use crate::format::{ChangeText, Columns, MAX_TEXT_BYTES, Passed};

const TEXTS: [ChangeText; 4] = [ChangeText::Branch, ChangeText::Codebase, ChangeText::Project, ChangeText::Repository];

/// The numbers of the texts of a line in a segment, in the order of [`TEXTS`]; `None` where one of them is not in it.
///
/// `number` gives that of a text.
pub(super) fn numbers(line: &Passed<'_>, mut number: impl FnMut(&str) -> Option<u32>) -> Option<[u32; TEXTS.len()]> {
    let mut numbers = [0; TEXTS.len()];
    let texts = [line.branch, Some(line.codebase), Some(line.project), Some(line.repository)];
    for (place, text) in numbers.iter_mut().zip(texts) {
        if let Some(text) = text {
            *place = number(&text[..text.floor_char_boundary(MAX_TEXT_BYTES)])?;
        }
    }
    Some(numbers)
}

/// Those of these changes that have these texts, the greatest first. Long texts are cut: some may be of another line.
pub(super) fn changes(bounds: &Bounds, columns: &Columns, numbers: [u32; TEXTS.len()], ids: &Range<i64>) -> Vec<i64> {
    let next = bounds.first_changeid.saturating_add(bounds.change_count);
    let within = ids.start.max(bounds.first_changeid)..=ids.end.min(next).saturating_sub(1);
    let found = TEXTS.into_iter().zip(numbers).map(|(text, number)| {
        let mut found = Bitmap::new(within.clone());
        let mut first = bounds.first_changeid;
        for (value, count) in columns.changes[text as usize].runs() {
            let next = first.saturating_add(i64::from(count));
            if value == number {
                found.set_all(first.max(*within.start())..next.min(within.end().saturating_add(1)));
            }
            first = next;
        }
        found
    });
    let all = found.reduce(|mut kept, found| {
        kept.keep(&found);
        kept
    });
    all.map(|all| all.descending().collect()).unwrap_or_default()
}
