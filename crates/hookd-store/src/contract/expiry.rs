//! Laws of expiry: what is deleted, what stays, and what cursors keep.

use super::samples::{
    HOUR, NOON, PENDING, accepted, accepted_many, append, at, changeids, changes_before, complete, cursor_move,
    delivery, deliveryids, expire, identified, ignored, move_to, payloads_before, received_at, with_request,
};
use super::{Open, reopened};
use crate::{CursorPlace, Expired, Expiry, Moved, NewDelivery, SharedStore, Timestamp};

/// The moment so many hours after noon.
fn hour(number: u32) -> Timestamp {
    NOON.saturating_add(number * HOUR)
}

/// A store with a delivery of one change for each hour after noon, this many; each is a transaction of its own.
fn hourly(open: Open<'_>, count: u32) -> SharedStore {
    let store = open();
    for number in 1..=count {
        append(&store, received_at(hour(number), &number.to_string()));
    }
    store
}

/// No matter how old it is.
pub fn nothing_expires_by_default(open: Open<'_>) {
    let store = hourly(open, 5);
    assert_eq!(expire(&store, Expiry::default()), Expired::default());
    let expiry = Expiry { now: hour(1_000_000), ..Expiry::default() };
    assert_eq!(expire(&store, expiry), Expired::default(), "a limit on lag alone deletes nothing");
    assert_eq!((changeids(&store), with_request(&store, 1..=5)), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
}

/// Younger ones keep their requests.
pub fn requests_expire_before_their_deliveries(open: Open<'_>) {
    let store = open();
    for number in 1..=3 {
        append(&store, received_at(hour(number), "text"));
    }
    append(&store, NewDelivery { request: None, ..received_at(hour(4), "4") });
    append(&store, received_at(hour(5), "5"));
    let expired = expire(&store, payloads_before(hour(3)));
    assert_eq!((expired.requests, expired.deliveries, expired.changes), (2, 0, 0));
    assert_eq!(with_request(&store, 1..=5), [3, 5]);
    assert!(expire(&store, payloads_before(hour(3))).is_empty());
    expire(&store, payloads_before(hour(5)));
    assert_eq!(with_request(&store, 1..=5), [5]);
    let store = reopened(store, open);
    assert_eq!(with_request(&store, 1..=5), [5]);
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
    assert_eq!(store.reader().delivery(1).unwrap().unwrap().size, 4, "the size is still known");
}

/// Together with their requests, and nothing else.
pub fn deliveries_and_changes_expire_from_the_oldest_on(open: Open<'_>) {
    let store = open();
    append(&store, NewDelivery { received_at: hour(1), ..delivery("", accepted_many(3)) });
    append(&store, NewDelivery { received_at: hour(2), ..delivery("", ignored()) });
    append(&store, received_at(hour(3), "3"));
    append(&store, received_at(hour(4), "4"));
    let expired = expire(&store, changes_before(hour(3)));
    assert_eq!((expired.deliveries, expired.changes), (2, 3));
    let store = reopened(store, open);
    assert_eq!(
        (deliveryids(&store), changeids(&store), with_request(&store, 1..=4)),
        (vec![3, 4], vec![4, 5], vec![3, 4])
    );
    for deliveryid in [1, 2] {
        assert_eq!(store.reader().delivery(deliveryid).unwrap(), None);
    }
    assert_eq!(
        (store.reader().change(3).unwrap(), store.reader().change(4).unwrap().unwrap().parent_changeid),
        (None, None)
    );
    assert!(expire(&store, changes_before(hour(3))).is_empty());
}

/// With the request, until the delivery is completed.
pub fn a_pending_delivery_and_all_after_it_stay(open: Open<'_>) {
    let store = open();
    append(&store, received_at(hour(1), "1"));
    append(&store, NewDelivery { received_at: hour(2), ..delivery("2", PENDING) });
    append(&store, received_at(hour(3), "3"));
    append(&store, received_at(hour(9), "9"));
    let both = Expiry { payloads_before: Some(hour(8)), ..changes_before(hour(8)) };
    expire(&store, both);
    let store = reopened(store, open);
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![2, 3, 4], vec![2, 3]));
    assert_eq!(with_request(&store, 1..=4), [2, 4]);
    assert!(complete(&store, 2, accepted("2")));
    append(&store, received_at(hour(9), "9"));
    let expired = expire(&store, payloads_before(hour(8)));
    assert_eq!((expired.requests, with_request(&store, 1..=5)), (1, vec![4, 5]));
    expire(&store, both);
    // The change of the completion came after one that is young.
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![4, 5], vec![3, 4, 5]));
}

/// Each step deletes a part, and the rest has no gaps: for requests alone, for changes alone, and for both.
pub fn expiry_takes_steps_until_nothing_is_left(open: Open<'_>) {
    const DELIVERIES: i64 = 230;
    let store = hourly(open, 230);
    let both = Expiry { payloads_before: Some(hour(211)), ..changes_before(hour(201)) };
    for (expiry, first, first_request) in
        [(payloads_before(hour(91)), 1, 91), (changes_before(hour(91)), 91, 91), (both, 201, 211)]
    {
        let before = deliveryids(&store)[0];
        let mut sum = Expired::default();
        for step in 1.. {
            assert!(step < 1000, "it never ends");
            sum += store.expire(expiry).wait().unwrap();
            let kept = before + sum.deliveries.cast_signed();
            assert!(deliveryids(&store).into_iter().eq(kept..=DELIVERIES));
            assert!(changeids(&store).into_iter().eq(kept..=DELIVERIES));
            if !sum.has_more {
                assert!(step > 1, "so much is more than one small step");
                break;
            }
        }
        assert_eq!((deliveryids(&store)[0], sum.deliveries, sum.changes), (first, sum.changes, sum.deliveries));
        assert!(with_request(&store, 1..=DELIVERIES).into_iter().eq(first_request..=DELIVERIES));
        assert_eq!(store.expire(expiry).wait().unwrap(), Expired::default());
    }
}

/// With all that comes after them. The least cursor counts.
pub fn changes_that_a_cursor_has_not_passed_stay(open: Open<'_>) {
    let store = hourly(open, 9);
    let slow = move_to(&store, "slow", None, at(2));
    move_to(&store, "fast", None, at(9));
    let expiry = changes_before(hour(8));
    assert_eq!(expire(&store, expiry).changes, 2);
    assert_eq!((changeids(&store), deliveryids(&store)), ((3..=9).collect::<Vec<_>>(), (3..=9).collect::<Vec<_>>()));
    let store = reopened(store, open);
    assert!(expire(&store, expiry).is_empty());
    let slow = move_to(&store, "slow", Some(slow), at(5));
    assert_eq!(expire(&store, expiry).changes, 3);
    move_to(&store, "slow", Some(slow), at(9));
    expire(&store, expiry);
    assert_eq!(changeids(&store), [8, 9], "young changes stay regardless of cursors");
}

/// Changes before the first one that is not done expire; those after it stay, even if they are done.
pub fn changes_done_beyond_the_position_expire_up_to_the_first_not_done(open: Open<'_>) {
    let store = hourly(open, 9);
    move_to(&store, "sink", None, CursorPlace { position: 1, done: vec![2, 3, 5, 6], state: Vec::new() });
    assert_eq!(expire(&store, changes_before(hour(8))).changes, 3);
    assert_eq!(changeids(&store), (4..=9).collect::<Vec<_>>());
}

/// As when a sink is removed from the configuration.
pub fn a_removed_cursor_keeps_nothing(open: Open<'_>) {
    let store = hourly(open, 5);
    let version = move_to(&store, "sink", None, at(0));
    let expiry = changes_before(hour(4));
    assert!(expire(&store, expiry).is_empty());
    let removed = store.move_cursors(vec![cursor_move("sink", Some(version), None)]).wait().unwrap();
    assert_eq!(removed, [Moved::Removed]);
    assert_eq!(expire(&store, expiry).changes, 3);
}

/// Sinks do not read requests.
pub fn requests_expire_regardless_of_cursors(open: Open<'_>) {
    let store = hourly(open, 5);
    move_to(&store, "sink", None, at(0));
    let expiry = Expiry { payloads_before: Some(hour(4)), ..changes_before(hour(4)) };
    let expired = expire(&store, expiry);
    assert_eq!((expired.requests, expired.deliveries, expired.changes), (3, 0, 0));
    assert_eq!((with_request(&store, 1..=5), changeids(&store)), (vec![4, 5], vec![1, 2, 3, 4, 5]));
}

/// Even if everything has expired and the store was reopened.
pub fn numbers_are_not_given_again(open: Open<'_>) {
    let store = hourly(open, 3);
    append(&store, NewDelivery { received_at: hour(3), ..delivery("", ignored()) });
    expire(&store, changes_before(hour(9)));
    assert_eq!(changeids(&store), [0; 0]);
    let store = reopened(store, open);
    let receipt = append(&store, received_at(hour(5), "5"));
    assert_eq!((receipt.deliveryid, changeids(&store)), (5, vec![4]));
}

/// Its request is not needed for that.
pub fn a_duplicate_is_known_as_long_as_its_delivery_is_kept(open: Open<'_>) {
    let store = open();
    let sent =
        |number: u32| NewDelivery { received_at: hour(number), ..identified(&number.to_string(), "{}", accepted("r")) };
    let polled = |number: u32| NewDelivery { request: None, ..sent(number) };
    append(&store, sent(1));
    append(&store, polled(2));
    append(&store, sent(3));
    append(&store, received_at(hour(9), "9"));
    expire(&store, payloads_before(hour(3)));
    assert!(append(&store, sent(3)).is_duplicate && append(&store, sent(1)).is_duplicate);
    assert!(append(&store, polled(2)).is_duplicate, "it never had a request");
    assert!(!append(&store, polled(1)).is_duplicate, "a body that is no longer kept is not the same as none");
    expire(&store, changes_before(hour(4)));
    assert!(!append(&store, polled(2)).is_duplicate, "it is no longer there");
    assert!(!append(&store, sent(1)).is_duplicate, "it is no longer there");
}
