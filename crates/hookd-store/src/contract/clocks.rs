//! Laws of a clock that is set back, or forward and then back: it affects neither order nor numbers, and expiry deletes
//! nothing too early.

use super::samples::{HOUR, NOON, accepted, append, changeids, deliveryids, expire, identified, with_request};
use super::{Open, reopened};
use crate::{Expiry, NewDelivery, SharedStore, Timestamp};

const DAY: std::time::Duration = HOUR.saturating_mul(24);

fn before_noon(hours: u32) -> Timestamp {
    NOON.saturating_sub(hours * HOUR)
}

fn after_noon(hours: u32) -> Timestamp {
    NOON.saturating_add(hours * HOUR)
}

/// A store with a delivery of one change for each of these times, its number being its forge id.
fn received_at_times(open: Open<'_>, times: &[Timestamp]) -> SharedStore {
    let store = open();
    for (number, received_at) in (1..).zip(times) {
        append(&store, numbered(number, *received_at));
    }
    store
}

fn numbered(number: i64, received_at: Timestamp) -> NewDelivery {
    let name = number.to_string();
    NewDelivery { received_at, ..identified(&name, &name, accepted(&name)) }
}

/// Expires requests and changes that are older than a day at `now`; returns the deliveries whose requests are kept, and
/// the changes that are kept.
fn kept(store: &SharedStore, now: Timestamp) -> (Vec<i64>, Vec<i64>) {
    let before = Some(now.saturating_sub(DAY));
    expire(store, Expiry { payloads_before: before, changes_before: before, now });
    let changeids = changeids(store);
    assert!(changeids.windows(2).all(|pair| pair[1] == pair[0] + 1), "numbers have no gaps");
    assert!(deliveryids(store).windows(2).all(|pair| pair[1] == pair[0] + 1), "numbers have no gaps");
    (with_request(store, 1..=20), changeids)
}

/// Duplicates are found even if they seem to come before the first delivery.
pub fn numbers_give_the_order_when_the_clock_is_set_back(open: Open<'_>) {
    let store = received_at_times(open, &[NOON, before_noon(48), before_noon(47)]);
    let again = append(&store, numbered(1, before_noon(50)));
    assert_eq!((again.deliveryid, again.is_duplicate), (1, true));
    let store = reopened(store, open);
    let read = store.read_on(0, 10).unwrap();
    let times: Vec<_> = read.iter().map(|change| (change.changeid, change.received_at)).collect();
    assert_eq!(times, [(1, NOON), (2, before_noon(48)), (3, before_noon(47))]);
    let parents = (1..=3).map(|changeid| store.reader().change(changeid).unwrap().unwrap().parent_changeid);
    assert_eq!(parents.collect::<Vec<_>>(), [None, Some(1), Some(2)]);
}

/// A delivery received between two young ones is not old.
pub fn nothing_expires_early_when_the_clock_was_behind_for_a_while(open: Open<'_>) {
    let store = received_at_times(open, &[NOON, before_noon(48), before_noon(48), after_noon(1), after_noon(2)]);
    let all = || vec![1, 2, 3, 4, 5];
    assert_eq!(kept(&store, after_noon(2)), (all(), all()));
    assert_eq!(kept(&store, after_noon(24)), (all(), all()));
    assert_eq!(kept(&store, after_noon(25)), (vec![4, 5], vec![4, 5]));
}

/// They do not stay until the wrong date is reached.
pub fn what_is_dated_in_the_future_expires_with_what_came_after_it(open: Open<'_>) {
    let year = 365 * 24;
    let times = [NOON, after_noon(year), after_noon(year), after_noon(1), after_noon(30), after_noon(31)];
    let store = received_at_times(open, &times);
    let microsecond = std::time::Duration::from_micros(1);
    assert_eq!(kept(&store, after_noon(24).saturating_add(microsecond)), (vec![2, 3, 4, 5, 6], vec![2, 3, 4, 5, 6]));
    assert_eq!(kept(&store, after_noon(26)), (vec![5, 6], vec![5, 6]));
}

/// Its age is unknown.
pub fn nothing_expires_while_everything_is_dated_in_the_future(open: Open<'_>) {
    let store = received_at_times(open, &[after_noon(48), after_noon(48)]);
    assert_eq!(kept(&store, NOON), (vec![1, 2], vec![1, 2]));
}
