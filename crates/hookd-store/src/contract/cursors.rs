//! Laws of cursors: compare-and-set, bounds, and invalid moves.

use super::samples::{
    HOUR, NOON, accepted, accepted_many, append, at, changes_before, cursor_move, delivery, expire, move_to,
    received_at,
};
use super::{Open, reopened};
use crate::{Cursor, CursorPlace, MAX_DONE_BEYOND, MAX_NAME_BYTES, MAX_STATE_BYTES, Moved, SharedStore, StoreError};

/// A store with so many changes.
fn with_changes(open: Open<'_>, count: usize) -> SharedStore {
    let store = open();
    append(&store, delivery("", accepted_many(count)));
    store
}

fn cursor(name: &str, version: u64, place: CursorPlace) -> Cursor {
    let CursorPlace { position, done, state } = place;
    Cursor { name: name.to_owned(), version, position, done, state }
}

/// It is created if there is none, and moved or removed if it has the expected version.
pub fn a_cursor_moves_by_compare_and_set(open: Open<'_>) {
    let store = with_changes(open, 5);
    assert_eq!(store.cursors().unwrap(), []);
    let first = move_to(&store, "sink", None, at(0));
    assert_eq!(store.cursors().unwrap(), [cursor("sink", first, at(0))]);
    let place = CursorPlace { position: 2, done: vec![4, 5], state: b"attempts: 1".to_vec() };
    let second = move_to(&store, "sink", Some(first), place.clone());
    assert_ne!(second, first);
    assert_eq!(store.cursors().unwrap(), [cursor("sink", second, place.clone())]);
    assert_eq!(store.cursors().unwrap()[0].first_not_done(), 3);
    let third = move_to(&store, "sink", Some(second), place);
    assert_ne!(third, second, "a move to the same place is a move");
    let removed = store.move_cursors(vec![cursor_move("sink", Some(third), None)]).wait().unwrap();
    assert_eq!(removed, [Moved::Removed]);
    assert_eq!(store.cursors().unwrap(), []);
    let removed = store.move_cursors(vec![cursor_move("sink", None, None)]).wait().unwrap();
    assert_eq!(removed, [Moved::Removed], "as expected, there is none");
}

/// The cursor does not move; the other moves of the call take place.
pub fn a_conflict_shows_what_is_there(open: Open<'_>) {
    let store = with_changes(open, 5);
    let old = move_to(&store, "a", None, at(1));
    let new = move_to(&store, "a", Some(old), at(2));
    let there = cursor("a", new, at(2));
    let moves = vec![
        cursor_move("a", Some(old), at(3)),
        cursor_move("a", None, at(3)),
        cursor_move("a", Some(old), None),
        cursor_move("b", Some(old), at(3)),
        cursor_move("c", Some(new), None),
        cursor_move("d", None, at(4)),
    ];
    let mut moved = store.move_cursors(moves).wait().unwrap();
    let Some(Moved::To(version)) = moved.pop() else { panic!("it has no conflict") };
    let conflict = || Moved::Conflict(Some(there.clone()));
    assert_eq!(moved, [conflict(), conflict(), conflict(), Moved::Conflict(None), Moved::Conflict(None)]);
    assert_eq!(store.cursors().unwrap(), [there, cursor("d", version, at(4))]);
}

/// A reader cannot move a cursor that was removed and created again.
pub fn a_version_is_not_given_twice(open: Open<'_>) {
    let mut store = with_changes(open, 5);
    let mut versions = Vec::new();
    for _ in 0..3 {
        versions.push(move_to(&store, "sink", None, at(1)));
        versions.push(move_to(&store, "sink", versions.last().copied(), at(2)));
        let removed = vec![cursor_move("sink", versions.last().copied(), None)];
        assert_eq!(store.move_cursors(removed).wait().unwrap(), [Moved::Removed]);
        store = reopened(store, &mut *open);
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 6);
}

/// A later move of the same cursor sees the result of the earlier one.
pub fn moves_of_one_call_take_place_in_order(open: Open<'_>) {
    let store = with_changes(open, 5);
    let version = move_to(&store, "b", None, at(0));
    let moves = vec![
        cursor_move("c", None, at(1)),
        cursor_move("b", Some(version), None),
        cursor_move("b", None, at(5)),
        cursor_move("a", None, at(2)),
        cursor_move("a", None, at(3)),
    ];
    let moved = store.move_cursors(moves).wait().unwrap();
    let [Moved::To(c), Moved::Removed, Moved::To(b), Moved::To(a), Moved::Conflict(Some(there))] = moved.as_slice()
    else {
        panic!("{moved:?}")
    };
    let expected = [cursor("a", *a, at(2)), cursor("b", *b, at(5)), cursor("c", *c, at(1))];
    assert_eq!(there, &expected[0]);
    assert_eq!(store.cursors().unwrap(), expected);
    assert_eq!(store.move_cursors(Vec::new()).wait().unwrap(), []);
}

/// Not even those before it in the same call.
pub fn an_invalid_move_moves_none(open: Open<'_>) {
    // More than may be marked as done, so that each move is invalid for one reason.
    let store = with_changes(open, MAX_DONE_BEYOND + 10);
    let newest = *store.tail().borrow();
    let version = move_to(&store, "sink", None, at(3));
    let before = store.cursors().unwrap();
    let done = |done: &[i64]| CursorPlace { position: 2, done: done.to_vec(), state: Vec::new() };
    let too_many = (3..).take(MAX_DONE_BEYOND + 1).collect::<Vec<_>>();
    let invalid = [
        ("negative", "x", at(-1)),
        ("beyond the tail", "x", at(newest + 1)),
        ("far beyond the tail", "x", at(i64::MAX)),
        ("negative, as far as can be", "x", at(i64::MIN)),
        ("done beyond the tail", "x", done(&[4, newest + 1])),
        ("not ascending", "x", done(&[5, 4])),
        ("twice", "x", done(&[4, 4])),
        ("at the position", "x", done(&[2, 4])),
        ("before the position", "x", done(&[1])),
        ("too many", "x", done(&too_many)),
        ("too large", "x", CursorPlace { position: 1, done: Vec::new(), state: vec![0; MAX_STATE_BYTES + 1] }),
        ("no name", "", at(1)),
        ("a long name", &"n".repeat(MAX_NAME_BYTES + 1), at(1)),
    ];
    for (what, name, place) in invalid {
        let moves = vec![
            cursor_move("sink", Some(version), at(4)),
            cursor_move("new", None, at(4)),
            cursor_move(name, None, place),
            cursor_move("later", None, at(4)),
        ];
        let error = store.move_cursors(moves).wait().unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{what}: {error}");
        assert_eq!(store.cursors().unwrap(), before, "{what}");
    }
    let store = reopened(store, open);
    assert_eq!(store.cursors().unwrap(), before);
    move_to(&store, "sink", Some(version), at(4));
}

/// Other writes in the queue succeed.
pub fn an_invalid_move_does_not_harm_other_writes(open: Open<'_>) {
    let store = with_changes(open, 5);
    let before = store.append(delivery("", accepted("r")));
    let valid = store.move_cursors(vec![cursor_move("valid", None, at(5))]);
    let invalid = store.move_cursors(vec![cursor_move("other", None, at(1)), cursor_move("sink", None, at(9))]);
    let after = store.append(delivery("", accepted("r")));
    assert_eq!((before.wait().unwrap().deliveryid, after.wait().unwrap().deliveryid), (2, 3));
    assert!(matches!(valid.wait().unwrap().as_slice(), [Moved::To(_)]));
    assert!(matches!(invalid.wait(), Err(StoreError::Invalid(_))));
    let names: Vec<_> = store.cursors().unwrap().into_iter().map(|cursor| cursor.name).collect();
    assert_eq!(names, ["valid"]);
}

/// The longest name, the most numbers done, and the largest state, with any bytes.
pub fn a_cursor_holds_as_much_as_the_contract_says(open: Open<'_>) {
    let store = with_changes(open, 2 * MAX_DONE_BEYOND + 2);
    let name = "ü".repeat(MAX_NAME_BYTES / 2);
    let done: Vec<i64> = (2..).step_by(2).take(MAX_DONE_BEYOND).collect();
    let state: Vec<u8> = (0..=255).cycle().take(MAX_STATE_BYTES).collect();
    let place = CursorPlace { position: 0, done, state };
    let version = move_to(&store, &name, None, place.clone());
    let expected = [cursor(&name, version, place)];
    assert!(store.cursors().unwrap() == expected);
    let store = reopened(store, open);
    assert!(store.cursors().unwrap() == expected);
    assert_eq!(store.cursors().unwrap()[0].first_not_done(), 1);
}

/// With all fields, sorted by name.
pub fn cursors_survive_reopening(open: Open<'_>) {
    let store = with_changes(open, 5);
    let place = |position| CursorPlace { position, done: vec![4, 5], state: vec![0, 255] };
    let moves = [("b", 2), ("c", 3), ("a", 1)].map(|(name, position)| cursor_move(name, None, place(position)));
    store.move_cursors(moves.to_vec()).wait().unwrap();
    let before = store.cursors().unwrap();
    let seen: Vec<_> = before.iter().map(|cursor| (cursor.name.as_str(), cursor.place())).collect();
    assert_eq!(seen, [("a", place(1)), ("b", place(2)), ("c", place(3))]);
    let store = reopened(store, open);
    assert_eq!(store.cursors().unwrap(), before);
    move_to(&store, "b", Some(before[1].version), at(5));
}

/// An operator may want changes to be delivered again.
pub fn a_position_goes_back_as_far_as_changes_are_kept(open: Open<'_>) {
    let store = open();
    for number in 1..=6_u32 {
        append(&store, received_at(NOON.saturating_add(number * HOUR), &number.to_string()));
    }
    let version = move_to(&store, "sink", None, at(6));
    let version = move_to(&store, "sink", Some(version), at(4));
    assert_eq!(expire(&store, changes_before(NOON.saturating_add(4 * HOUR))).changes, 3);
    let version = move_to(&store, "sink", Some(version), at(3));
    for (name, expected) in [("sink", Some(version)), ("new", None)] {
        let error = store.move_cursors(vec![cursor_move(name, expected, at(2))]).wait().unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    }
    move_to(&store, "new", None, at(3));
    assert_eq!(store.read_on(3, 1).unwrap()[0].changeid, 4);
}

/// What it has done beyond its position may expire. Its reader can still store its state, and continues with the first
/// change that is kept.
pub fn a_cursor_whose_next_changes_have_expired_may_stay_where_it_is(open: Open<'_>) {
    let store = open();
    for number in 1..=6_u32 {
        append(&store, received_at(NOON.saturating_add(number * HOUR), &number.to_string()));
    }
    let behind = |state: &[u8]| CursorPlace { position: 1, done: vec![2, 3], state: state.to_vec() };
    let version = move_to(&store, "sink", None, behind(b""));
    assert_eq!(expire(&store, changes_before(NOON.saturating_add(4 * HOUR))).changes, 3);
    let version = move_to(&store, "sink", Some(version), behind(b"noted"));
    let store = reopened(store, open);
    let version = move_to(&store, "sink", Some(version), CursorPlace { done: vec![3], ..at(2) });
    let back = store.move_cursors(vec![cursor_move("sink", Some(version), at(1))]).wait();
    assert!(matches!(back, Err(StoreError::Invalid(_))), "{back:?}");
    let next = store.read_on(2, 1).unwrap()[0].changeid;
    assert_eq!(next, 4);
    move_to(&store, "sink", Some(version), at(next));
}
