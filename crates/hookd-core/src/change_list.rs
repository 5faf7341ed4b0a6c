//! The changes of one delivery, within a limit that its input gives.
//!
//! Each commit of a push takes a copy of what all of them have in common: its repository, branch, project and so on. So a
//! short request with a long text and many commits could become any amount of memory, unless it is counted as it grows.

use std::sync::Arc;

use serde_json::Value;

use crate::{Change, Refusal};

/// What the changes of any delivery may take, in bytes, however short its request is.
pub const FREE_CHANGE_BYTES: usize = 1 << 20;

/// How often the bytes of a delivery's input (its request, and the answers of an API) its changes may take besides.
///
/// Of a real push they take less than twice: what forges write about each commit is longer than what its change repeats.
pub const CHANGE_BYTES_PER_INPUT_BYTE: usize = 8;

/// What the changes of one delivery may take in all, in bytes, or twice its input where that is more.
pub const MAX_CHANGE_BYTES: usize = 64 << 20;

/// What a change takes besides its texts.
const CHANGE_BYTES: usize = size_of::<Change>();

/// The changes of one delivery, as they are made.
#[derive(Debug)]
pub struct ChangeList {
    changes: Vec<Change>,
    limit: usize,
    left: usize,
}

impl ChangeList {
    /// No changes yet, of a delivery with so many bytes of input.
    pub fn within(input_bytes: usize) -> Self {
        let limit = input_bytes.saturating_mul(CHANGE_BYTES_PER_INPUT_BYTE).saturating_add(FREE_CHANGE_BYTES);
        let limit = limit.min(MAX_CHANGE_BYTES.max(input_bytes.saturating_mul(2)));
        Self { changes: Vec::new(), limit, left: limit }
    }

    /// Adds a change.
    ///
    /// # Errors
    /// A refusal when all of them would take more than the limit. What is [shared](crate::Properties::shared) with the
    /// change before counts once.
    pub fn push(&mut self, change: Change) -> Result<(), Refusal> {
        let bytes = bytes_of(&change, self.changes.last());
        self.left = self.left.checked_sub(bytes).ok_or_else(|| too_large(self.limit))?;
        self.changes.push(change);
        Ok(())
    }

    /// Adds changes as they are made.
    ///
    /// # Errors
    /// As [`push`](Self::push), and those of making them.
    pub fn extend(&mut self, changes: impl IntoIterator<Item = Result<Change, Refusal>>) -> Result<(), Refusal> {
        changes.into_iter().try_for_each(|change| self.push(change?))
    }

    /// The changes so far.
    pub fn as_slice(&self) -> &[Change] {
        &self.changes
    }

    /// The changes.
    pub fn into_vec(self) -> Vec<Change> {
        self.changes
    }

    /// Checks changes that were made without a list.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn check(changes: &[Change], input_bytes: usize) -> Result<(), Refusal> {
        let limit = Self::within(input_bytes).limit;
        if Self::bytes(changes) <= limit { Ok(()) } else { Err(too_large(limit)) }
    }

    /// What the changes of one delivery take, in bytes. What is [shared](crate::Properties::shared) with the change before
    /// counts once.
    pub fn bytes(changes: &[Change]) -> usize {
        let before = std::iter::once(None).chain(changes.iter().map(Some));
        changes.iter().zip(before).map(|(change, before)| bytes_of(change, before)).fold(0, usize::saturating_add)
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(format!("the changes of this request would take more than {limit} bytes, the limit for its size"))
}

fn bytes_of(change: &Change, before: Option<&Change>) -> usize {
    let Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties,
        repository,
        revision,
        revlink,
        src,
        when_timestamp: _,
    } = change;
    let texts: usize = [author, codebase, comments, project, repository].into_iter().map(String::len).sum();
    let optional: usize =
        [branch, category, committer, revision, revlink, src].into_iter().flatten().map(String::len).sum();
    let shared = properties.shared().filter(|shared| {
        let shared_before = before.and_then(|before| before.properties.shared());
        !shared_before.is_some_and(|before| Arc::ptr_eq(before, shared))
    });
    let properties = bytes_of_map(properties.own()) + shared.map_or(0, |shared| bytes_of_map(shared.iter()));
    CHANGE_BYTES + texts + optional + properties + files.iter().map(String::len).sum::<usize>()
}

fn bytes_of_map<'m>(entries: impl Iterator<Item = (&'m String, &'m Value)>) -> usize {
    entries.map(|(name, value)| name.len() + bytes_of_value(value)).sum()
}

/// About what it takes as JSON.
fn bytes_of_value(value: &Value) -> usize {
    2 + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(bytes_of_value).sum(),
        Value::Object(map) => map.iter().map(|(name, value)| name.len() + bytes_of_value(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;

    fn push(change: &Change, count: usize, input_bytes: usize) -> Result<Vec<Change>, Refusal> {
        let mut list = ChangeList::within(input_bytes);
        list.extend((0..count).map(|_| Ok(change.clone())))?;
        ChangeList::check(list.as_slice(), input_bytes).unwrap();
        Ok(list.into_vec())
    }

    #[test]
    fn a_text_that_many_changes_repeat_is_counted_each_time() {
        let change = Change { repository: "r".repeat(500_000), ..Change::default() };
        assert_eq!(push(&change, 11, 600_000).unwrap().len(), 11);
        let refusal = push(&change, 12, 600_000).unwrap_err();
        assert!(refusal.message().contains("more than 5848576 bytes"), "{refusal}");
        assert!(ChangeList::check(&vec![change; 12], 600_000).is_err());
    }

    #[test]
    fn a_large_input_allows_twice_its_size() {
        let change = Change { comments: "c".repeat(1 << 20), ..Change::default() };
        assert_eq!(push(&change, 63, 25 << 20).unwrap().len(), 63);
        assert!(push(&change, 64, 25 << 20).is_err());
        assert_eq!(push(&change, 79, 40 << 20).unwrap().len(), 79);
    }

    #[test]
    fn properties_that_are_shared_count_once() {
        let long: Properties = [("long".to_owned(), Value::from("x".repeat(500_000)))].into_iter().collect();
        let with = |properties| Change { properties, ..Change::default() };
        assert!(push(&with(long.clone()), 2048, 700_000).is_err());
        assert_eq!(push(&with(long.into_shared()), 2048, 700_000).unwrap().len(), 2048);
    }
}
