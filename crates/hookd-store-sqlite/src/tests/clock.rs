//! A clock that is set back, or forward and then back: order, numbers and letting go do not suffer.

use super::*;

const HOUR: i64 = 3_600_000_000;
const NOON: i64 = 1_700_000_000_000_000;

/// Stores a delivery for each of these times, with its number as id and revision.
fn stored(times: impl IntoIterator<Item = i64>) -> (TempDir, SqliteStore) {
    let (folder, store) = store();
    for (number, received_at) in (1..).zip(times) {
        let name = format!("{number}");
        let delivery = NewDelivery { received_at, ..delivery(Some(&name), &name, accepted(&name)) };
        store.submit(delivery).wait().unwrap();
    }
    (folder, store)
}

/// Lets go of requests and changes that are older than a day at `now`; gives the deliveries whose requests are kept, and
/// the changes.
fn kept(store: &SqliteStore, now: i64) -> (Vec<i64>, Vec<i64>) {
    let before = Some(now - 24 * HOUR);
    while store.expire(Expiry { payloads_before: before, changes_before: before, now }).wait().unwrap() > 0 {}
    let changes = store.changes(&Query::default()).unwrap();
    let ids: Vec<i64> = changes.rows.iter().rev().map(|change| change.changeid).collect();
    assert_eq!(changes.total, ids.len() as u64, "numbers have no gaps");
    let deliveries = store.deliveries(&Query::default()).unwrap();
    assert_eq!(deliveries.total, deliveries.rows.len() as u64, "numbers have no gaps");
    let requests = (1..=20).filter(|id| store.request(*id).unwrap().is_some()).collect();
    (requests, ids)
}

fn is_sound(folder: &TempDir) {
    let checked = super::super::care::check(&folder.path().join("hookd.db")).unwrap();
    assert_eq!(checked.problems, [""; 0]);
}

#[test]
fn numbers_go_on_and_give_the_order_when_the_clock_is_set_back() {
    let (folder, store) = stored([NOON, NOON - 48 * HOUR, NOON - 47 * HOUR]);
    let changes = store.changes(&Query::default()).unwrap().rows;
    let seen: Vec<_> = changes.iter().map(|change| (change.changeid, change.parent_changeid)).collect();
    assert_eq!(seen, [(3, Some(2)), (2, Some(1)), (1, None)]);
    let ids: std::collections::BTreeSet<_> = changes.iter().map(|change| &change.hookd_id).collect();
    assert_eq!(ids.len(), 3);
    // What was sent again is known, though it seems to come before its first time.
    let again = NewDelivery { received_at: NOON - 50 * HOUR, ..delivery(Some("1"), "1", accepted("1")) };
    assert!(store.submit(again).wait().unwrap().is_duplicate);
    drop(store);
    is_sound(&folder);
}

#[test]
fn nothing_goes_too_early_when_the_clock_was_behind_for_a_while() {
    // The second and third are two days old by their date, and came between the first and the fourth.
    let (folder, store) = stored([NOON, NOON - 48 * HOUR, NOON - 48 * HOUR, NOON + HOUR, NOON + 2 * HOUR]);
    assert_eq!(kept(&store, NOON + 2 * HOUR), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
    assert_eq!(kept(&store, NOON + 25 * HOUR - 1), (vec![4, 5], vec![4, 5]));
    is_sound(&folder);
}

#[test]
fn what_is_dated_in_the_future_goes_with_what_came_after_it() {
    // For the second and third the clock was a year ahead.
    let year = 365 * 24 * HOUR;
    let (folder, store) = stored([NOON, NOON + year, NOON + year, NOON + HOUR, NOON + 30 * HOUR, NOON + 31 * HOUR]);
    assert_eq!(kept(&store, NOON + 24 * HOUR + 1), (vec![2, 3, 4, 5, 6], vec![2, 3, 4, 5, 6]));
    assert_eq!(kept(&store, NOON + 26 * HOUR), (vec![5, 6], vec![5, 6]), "a year need not pass");
    is_sound(&folder);
}

#[test]
fn nothing_goes_while_all_that_is_known_is_dated_in_the_future() {
    let (folder, store) = stored([NOON + 48 * HOUR, NOON + 48 * HOUR]);
    assert_eq!(kept(&store, NOON), (vec![1, 2], vec![1, 2]));
    is_sound(&folder);
}
