//! Laws of positions: they move together with what they stand for, by compare-and-set.

use super::samples::{HOUR, NOON, accepted, append, delivery};
use super::{Open, reopened};
use crate::{NewDelivery, NewState, PositionMove, Positions, SharedStore, StoreError, Timestamp};

/// A move of the poller `p`.
fn moved(expected: u64, polled_at: Timestamp, set: &[(&str, Option<&str>)]) -> PositionMove {
    let set = set.iter().map(|(key, position)| ((*key).to_owned(), position.map(str::to_owned))).collect();
    PositionMove { poller: "p".to_owned(), expected, polled_at, set, forgets: false }
}

/// A delivery without a request, with these positions.
fn polled(state: NewState, positions: PositionMove) -> NewDelivery {
    NewDelivery { request: None, positions: Some(positions), ..delivery("", state) }
}

fn positions(store: &SharedStore) -> Option<Positions> {
    store.positions("p").unwrap()
}

fn at(set: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    set.iter().map(|(key, position)| ((*key).to_owned(), (*position).to_owned())).collect()
}

/// A poller that has moved none has no positions; one that has moved to nothing has a version.
pub fn a_first_poll_that_finds_nothing_is_remembered(open: Open<'_>) {
    let store = open();
    assert_eq!(positions(&store), None);
    store.move_positions(moved(0, NOON, &[])).wait().unwrap();
    let none = Positions { version: 1, polled_at: NOON, changed_at: None, at: at(&[]) };
    assert_eq!(positions(&store), Some(none.clone()));
    let store = reopened(store, &mut *open);
    assert_eq!(positions(&store), Some(none));
    assert_eq!(store.positions("q").unwrap(), None, "of another poller");
}

/// A position is set, moved and removed by its key, and the others stay.
pub fn positions_move_by_key(open: Open<'_>) {
    let store = open();
    let later = NOON.saturating_add(HOUR);
    store.move_positions(moved(0, NOON, &[("a", Some("1")), ("b", Some("2")), ("ü/c", Some("3"))])).wait().unwrap();
    store.move_positions(moved(1, later, &[("a", Some("4")), ("b", None), ("x", None)])).wait().unwrap();
    let now = Positions { version: 2, polled_at: later, changed_at: None, at: at(&[("a", "4"), ("ü/c", "3")]) };
    assert_eq!(positions(&store), Some(now.clone()));
    let store = reopened(store, &mut *open);
    assert_eq!(positions(&store), Some(now));
}

/// Of two moves from one version the second is refused, and nothing of it is stored, neither positions nor changes.
pub fn a_second_poller_is_refused_with_its_changes(open: Open<'_>) {
    let store = open();
    append(&store, polled(accepted("one"), moved(0, NOON, &[("a", Some("1"))])));
    let refused = StoreError::Moved { poller: "p".to_owned() };
    let again = polled(accepted("two"), moved(0, NOON, &[("a", Some("2"))]));
    assert_eq!(store.append(again).wait(), Err(refused.clone()));
    assert_eq!(store.move_positions(moved(2, NOON, &[("a", Some("2"))])).wait(), Err(refused));
    let there = Positions { version: 1, polled_at: NOON, changed_at: Some(NOON), at: at(&[("a", "1")]) };
    assert_eq!(positions(&store), Some(there));
    assert_eq!((*store.tail().borrow(), store.reader().delivery(2).unwrap()), (1, None));
    assert_eq!(append(&store, delivery("", accepted("three"))).deliveryid, 2, "no number is lost");
}

/// The same where both wait for one transaction.
pub fn a_second_poller_is_refused_where_both_are_queued(open: Open<'_>) {
    let store = open();
    let poll = |revision: &str| polled(accepted(revision), moved(0, NOON, &[("a", Some(revision))]));
    let replies: Vec<_> = (0..8).map(|number| store.append(poll(&number.to_string()))).collect();
    let stored: Vec<bool> = replies.into_iter().map(|reply| reply.wait().is_ok()).collect();
    assert_eq!(stored.iter().filter(|stored| **stored).count(), 1, "{stored:?}");
    assert_eq!(*store.tail().borrow(), 1);
    let reported = store.read_on(0, 1).unwrap()[0].change.revision.clone();
    assert_eq!(positions(&store).unwrap().at.get("a").cloned(), reported);
}

/// When changes were found last stays known through polls that find none.
pub fn the_last_change_is_remembered(open: Open<'_>) {
    let store = open();
    append(&store, polled(accepted("one"), moved(0, NOON, &[])));
    store.move_positions(moved(1, NOON.saturating_add(HOUR), &[])).wait().unwrap();
    let now = positions(&store).unwrap();
    assert_eq!((now.polled_at, now.changed_at), (NOON.saturating_add(HOUR), Some(NOON)));
}

/// One that is forgotten has never polled, unless another move came first; the others stay.
pub fn a_forgotten_poller_begins_anew(open: Open<'_>) {
    let store = open();
    let forget = |expected| PositionMove::forgetting("p".to_owned(), expected);
    let refused = StoreError::Moved { poller: "p".to_owned() };
    assert_eq!(store.pollers().unwrap(), [""; 0]);
    store.move_positions(moved(0, NOON, &[("a", Some("1")), ("b", Some("2"))])).wait().unwrap();
    let other = PositionMove { poller: "o".to_owned(), ..moved(0, NOON, &[("a", Some("1"))]) };
    store.move_positions(other).wait().unwrap();
    assert_eq!(store.pollers().unwrap(), ["o", "p"]);
    for wrong in [0, 2] {
        assert_eq!(store.move_positions(forget(wrong)).wait(), Err(refused.clone()));
    }
    let both = PositionMove { set: vec![("a".to_owned(), None)], ..forget(1) };
    assert!(matches!(store.move_positions(both).wait(), Err(StoreError::Invalid(_))));
    // Also within one transaction.
    let replies = [forget(1), moved(0, NOON, &[("c", Some("3"))]), forget(1)].map(|one| store.move_positions(one));
    assert!(replies.into_iter().all(|reply| reply.wait().is_ok()));
    assert_eq!((positions(&store), store.pollers().unwrap()), (None, vec!["o".to_owned()]));
    let store = reopened(store, &mut *open);
    assert_eq!((positions(&store), store.pollers().unwrap()), (None, vec!["o".to_owned()]));
    assert_eq!(store.move_positions(moved(1, NOON, &[])).wait(), Err(refused));
    store.move_positions(moved(0, NOON, &[("d", Some("4"))])).wait().unwrap();
    assert_eq!(positions(&store).unwrap().at, at(&[("d", "4")]), "nothing of before");
}

/// A move that is invalid is refused.
pub fn an_invalid_move_of_positions_is_refused(open: Open<'_>) {
    let store = open();
    for (key, position) in [("", "1"), ("a", ""), (&*"k".repeat(4097), "1"), ("a", &*"p".repeat((64 << 10) + 1))] {
        let reply = store.move_positions(moved(0, NOON, &[(key, Some(position))])).wait();
        assert!(matches!(reply, Err(StoreError::Invalid(_))), "{reply:?}");
    }
    assert_eq!(positions(&store), None);
}
