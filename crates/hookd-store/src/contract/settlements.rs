//! Laws of settlements: they come with a move, and go with their cursor or change.

use super::samples::{
    HOUR, NOON, accepted_many, append, at, changes_before, cursor_move, delivery, expire, received_at,
};
use super::{Open, reopened};
use crate::{CursorMove, MAX_ANSWER_BYTES, Moved, Settlement, SettlementKind, SharedStore, StoreError};

fn settlement(changeid: i64, kind: SettlementKind, answer: &str) -> Settlement {
    Settlement { changeid, settled_at: NOON, kind, attempts: 3, answer: answer.to_owned() }
}

/// Moves a cursor, with settlements; returns the result.
fn settle(store: &SharedStore, name: &str, expected: Option<u64>, to: i64, settlements: &[Settlement]) -> Moved {
    let moved = CursorMove { settlements: settlements.to_vec(), ..cursor_move(name, expected, at(to)) };
    store.move_cursors(vec![moved]).wait().unwrap().remove(0)
}

fn version(moved: &Moved) -> u64 {
    let Moved::To(version) = moved else { panic!("the cursor did not move: {moved:?}") };
    *version
}

/// With everything in them, of several readers.
pub fn a_move_brings_settlements_that_survive_reopening(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let delivered = settlement(1, SettlementKind::Delivered, "change 17");
    let dead = settlement(2, SettlementKind::Dead, "413 \u{fc}");
    let filtered = settlement(1, SettlementKind::Filtered, "branch_re");
    settle(&store, "b", None, 2, &[delivered.clone(), dead.clone()]);
    settle(&store, "a", None, 1, std::slice::from_ref(&filtered));
    let store = reopened(store, open);
    let of = |changeid| store.reader().settlements_of(changeid).unwrap();
    assert_eq!(of(1), [("a".to_owned(), filtered), ("b".to_owned(), delivered)]);
    assert_eq!(of(2), [("b".to_owned(), dead)]);
    assert_eq!(of(3), []);
}

/// Whoever moved the cursor has settled it otherwise.
pub fn a_conflict_settles_nothing(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let first = version(&settle(&store, "sink", None, 1, &[]));
    let delivered = [settlement(2, SettlementKind::Delivered, "")];
    assert!(matches!(settle(&store, "sink", None, 2, &delivered), Moved::Conflict(Some(_))));
    assert_eq!(store.reader().settlements_of(2).unwrap(), []);
    settle(&store, "sink", Some(first), 2, &delivered);
    assert_eq!(store.reader().settlements_of(2).unwrap().len(), 1);
}

/// Within one move as well.
pub fn a_later_settlement_replaces_the_earlier_one(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let dead = settlement(1, SettlementKind::Dead, "");
    let first = version(&settle(&store, "sink", None, 1, std::slice::from_ref(&dead)));
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 1);
    let delivered = settlement(1, SettlementKind::Delivered, "at last");
    settle(&store, "sink", Some(first), 1, &[settlement(1, SettlementKind::Requeued, ""), delivered.clone()]);
    assert_eq!(store.reader().settlements_of(1).unwrap(), [("sink".to_owned(), delivered)]);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 0);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Delivered).unwrap(), 1);
}

/// Whatever the kind of either is, those beside it stay.
pub fn a_settlement_is_replaced_by_one_of_any_kind(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let mut expected = None;
    for (number, kinds) in
        SettlementKind::ALL.iter().flat_map(|one| SettlementKind::ALL.map(|to| [*one, to])).enumerate()
    {
        for kind in kinds {
            let delivered = |changeid| settlement(changeid, SettlementKind::Delivered, &number.to_string());
            let settled = settlement(3, kind, &format!("{number} {}", kind.name()));
            let all = if kind == kinds[0] { vec![delivered(2), settled.clone(), delivered(4)] } else { vec![settled] };
            expected = Some(version(&settle(&store, "sink", expected, 5, &all)));
            let of = |changeid| store.reader().settlements_of(changeid).unwrap();
            assert_eq!(of(3), [("sink".to_owned(), all.iter().find(|one| one.changeid == 3).unwrap().clone())]);
            assert_eq!([of(2), of(4)], [2, 4].map(|changeid| vec![("sink".to_owned(), delivered(changeid))]));
            let counts = SettlementKind::ALL.map(|kind| store.reader().settlement_count("sink", kind).unwrap());
            assert_eq!(counts.iter().sum::<u64>(), 3, "{kinds:?}: {counts:?}");
        }
    }
}

/// As with a sink that keeps the order of branches only, over a longer part of the log than one move.
pub fn changes_may_be_settled_in_any_order(open: Open<'_>) {
    let store = open();
    let count = 3000;
    append(&store, delivery("", accepted_many(3000)));
    let one = |changeid| {
        let kind = if changeid % 3 == 0 { SettlementKind::Filtered } else { SettlementKind::Delivered };
        settlement(changeid, kind, &(changeid % 7).to_string())
    };
    let all: Vec<_> = (1..=count).map(one).collect();
    // Every 20th in one move, and so on.
    let mut expected = None;
    for first in 1..=20 {
        let some: Vec<_> = all.iter().filter(|settlement| settlement.changeid % 20 == first % 20).cloned().collect();
        expected = Some(version(&settle(&store, "sink", expected, 0, &some)));
    }
    let store = reopened(store, open);
    for changeid in [1, 2, 1023, 1024, 1025, 2047, 2048, 2049, count] {
        assert_eq!(store.reader().settlements_of(changeid).unwrap(), [("sink".to_owned(), one(changeid))]);
    }
    let filtered: Vec<_> = all.iter().filter(|one| one.kind == SettlementKind::Filtered).cloned().collect();
    let mut read = Vec::new();
    loop {
        let after = read.last().map_or(0, |last: &Settlement| last.changeid);
        let page = store.reader().settlements("sink", SettlementKind::Filtered, after, 300).unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, filtered);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Filtered).unwrap(), filtered.len() as u64);
    assert_eq!(store.reader().settlements("sink", SettlementKind::Delivered, 0, usize::MAX).unwrap().len(), 2000);
}

/// Ascending, of one reader alone.
pub fn settlements_of_one_kind_are_read_in_pages(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(9)));
    let kind = |changeid: i64| if changeid % 2 == 0 { SettlementKind::Dead } else { SettlementKind::Delivered };
    let all: Vec<_> = (1..=9).rev().map(|changeid| settlement(changeid, kind(changeid), "")).collect();
    settle(&store, "sink", None, 9, &all);
    settle(&store, "sin", None, 9, &[settlement(2, SettlementKind::Dead, "")]);
    settle(&store, "sinks", None, 9, &[settlement(4, SettlementKind::Dead, "")]);
    let dead = |after, most| {
        let settlements = store.reader().settlements("sink", SettlementKind::Dead, after, most).unwrap();
        settlements.iter().map(|settlement| settlement.changeid).collect::<Vec<_>>()
    };
    assert_eq!(dead(0, 3), [2, 4, 6]);
    assert_eq!(dead(6, usize::MAX), [8]);
    assert_eq!(dead(8, 3), [0; 0]);
    assert_eq!(dead(i64::MAX, 3), [0; 0]);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 4);
    assert_eq!(store.reader().settlement_count("none", SettlementKind::Dead).unwrap(), 0);
}

/// A new one of the same name begins without.
pub fn a_removed_cursor_takes_its_settlements_along(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let dead = [settlement(1, SettlementKind::Dead, "")];
    let first = version(&settle(&store, "sink", None, 1, &dead));
    settle(&store, "other", None, 1, &dead);
    let removed = store.move_cursors(vec![cursor_move("sink", Some(first), None)]).wait().unwrap();
    assert_eq!(removed, [Moved::Removed]);
    assert_eq!(store.reader().settlements_of(1).unwrap().len(), 1);
    settle(&store, "sink", None, 1, &[]);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 0);
}

/// Also dead letters.
pub fn settlements_expire_with_their_changes(open: Open<'_>) {
    let store = open();
    for number in 1..=6_u32 {
        append(&store, received_at(NOON.saturating_add(number * HOUR), &number.to_string()));
    }
    let all: Vec<_> = (1..=6).map(|changeid| settlement(changeid, SettlementKind::Dead, "")).collect();
    settle(&store, "sink", None, 6, &all);
    assert_eq!(expire(&store, changes_before(NOON.saturating_add(4 * HOUR))).changes, 3);
    let left = store.reader().settlements("sink", SettlementKind::Dead, 0, 9).unwrap();
    assert_eq!(left, all[3..]);
    assert_eq!(store.reader().settlements_of(3).unwrap(), []);
}

/// Also where one move has settled changes that are kept together with some that are not.
pub fn settlements_expire_up_to_the_first_change_that_is_kept(open: Open<'_>) {
    let store = open();
    for number in 1..=6_u32 {
        append(&store, received_at(NOON.saturating_add(number * HOUR), &number.to_string()));
    }
    let all: Vec<_> = (1..=6).map(|changeid| settlement(changeid, SettlementKind::Delivered, "ok")).collect();
    settle(&store, "sink", None, 6, &all);
    assert_eq!(expire(&store, changes_before(NOON.saturating_add(4 * HOUR))).changes, 3);
    assert_eq!(store.reader().settlements("sink", SettlementKind::Delivered, 0, 9).unwrap(), all[3..]);
    assert_eq!(store.reader().settlement_count("sink", SettlementKind::Delivered).unwrap(), 3);
    assert_eq!(store.reader().settlements_of(3).unwrap(), []);
    assert_eq!(store.reader().settlements_of(4).unwrap().len(), 1);
}

/// As much as the contract says is kept.
pub fn an_answer_that_is_too_large_is_invalid(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(5)));
    let largest = settlement(1, SettlementKind::Dead, &"x".repeat(MAX_ANSWER_BYTES));
    let first = version(&settle(&store, "sink", None, 1, std::slice::from_ref(&largest)));
    let too_large = settlement(2, SettlementKind::Dead, &"x".repeat(MAX_ANSWER_BYTES + 1));
    let moved = CursorMove { settlements: vec![too_large], ..cursor_move("sink", Some(first), at(2)) };
    assert!(matches!(store.move_cursors(vec![moved]).wait(), Err(StoreError::Invalid(_))));
    assert_eq!(store.reader().settlements("sink", SettlementKind::Dead, 0, 9).unwrap(), [largest]);
}
