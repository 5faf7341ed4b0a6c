//! The head of a push: what its branch points to now.

use crate::Change;

/// Puts the change of the revision `head` last, and returns whether there is one.
///
/// A scheduler builds the last change of a batch, so that has to be the head. Forges list the commits of a push oldest
/// first, or newest first, or now and then the other way round: what begins with the head is turned around.
pub fn put_head_last(changes: &mut [Change], head: &str) -> bool {
    let is_head = |change: &Change| change.revision.as_deref() == Some(head);
    if changes.last().is_some_and(is_head) {
        return true;
    }
    match changes.iter().rposition(is_head) {
        None => false,
        Some(0) => {
            changes.reverse();
            true
        }
        Some(at) => {
            changes[at..].rotate_left(1);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_comes_last_and_the_others_keep_their_order() {
        for (revisions, expected) in [
            ("", None),
            ("a", None),
            ("h", Some("h")),
            ("abh", Some("abh")),
            ("hba", Some("abh")),
            ("ahbc", Some("abch")),
            ("hah", Some("hah")),
        ] {
            let change = |revision: char| Change { revision: Some(revision.to_string()), ..Change::default() };
            let mut changes: Vec<Change> = revisions.chars().map(change).collect();
            let is_there = put_head_last(&mut changes, "h");
            let found: String = changes.iter().flat_map(|change| change.revision.clone()).collect();
            assert_eq!(is_there.then_some(&*found), expected, "{revisions}");
        }
    }
}
