//! Laws of pending deliveries: completed once, postponed until then.

use std::time::Duration;

use hookd_core::Subject;

use super::samples::{
    HOUR, NOON, NOTHING, PENDING, accepted, accepted_many, append, changeids, complete, delivery, received_at,
};
use super::{Open, reopened};
use crate::{
    ApiCalls, Completion, Due, MAX_WAITING_TEXT_BYTES, NewDelivery, NewState, State, StoreError, Timestamp, Waiting,
};

fn pending_ids(store: &crate::SharedStore) -> Vec<i64> {
    store.pending().unwrap().iter().map(|due| due.deliveryid).collect()
}

/// The calls to the forge's API are kept with what they led to.
pub fn the_calls_of_a_completion_are_kept(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", PENDING));
    assert_eq!(store.reader().delivery(1).unwrap().unwrap().api_calls, None);
    let api_calls = ApiCalls { made: 3, failed: 1, last_error: Some("503".to_owned()) };
    let completion = Completion { deliveryid: 1, state: accepted("r"), note: None, api_calls: api_calls.clone() };
    assert!(store.complete(completion).wait().unwrap());
    append(&store, delivery("", accepted("r")));
    let store = reopened(store, open);
    assert_eq!(store.reader().delivery(1).unwrap().unwrap().api_calls, Some(api_calls));
    assert_eq!(store.reader().delivery(2).unwrap().unwrap().api_calls, None);
}

/// The changes carry the delivery's dialect and time of receipt.
pub fn a_pending_delivery_is_completed_once(open: Open<'_>) {
    let store = open();
    let receipt = append(&store, delivery("{}", PENDING));
    assert_eq!((receipt.state, receipt.reported_changes, receipt.reason), (State::Pending, 1, None));
    let record = store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((record.state, record.reason, record.changeids), (State::Pending, None, vec![]));
    assert_eq!(changeids(&store), [0; 0]);
    let completion = Completion {
        deliveryid: 1,
        state: accepted_many(2),
        note: Some("files could not be fetched".to_owned()),
        api_calls: ApiCalls::default(),
    };
    assert!(store.complete(completion.clone()).wait().unwrap());
    assert!(!store.complete(completion).wait().unwrap());
    assert_eq!(store.pending().unwrap(), []);
    let store = reopened(store, open);
    assert_eq!(store.pending().unwrap(), []);
    assert!(!complete(&store, 1, accepted("r")));
    let record = store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((record.state, record.changeids), (State::Accepted, vec![1, 2]));
    assert_eq!(record.reason.as_deref(), Some("files could not be fetched"));
    let read = store.read_on(0, 10).unwrap();
    let seen: Vec<_> = read.iter().map(|change| (change.deliveryid, change.received_at, &*change.dialect)).collect();
    assert_eq!(seen, [(1, NOON, "github"), (1, NOON, "github")]);
    assert_eq!(read[0].change.when_timestamp, Some(NOON.as_seconds()));
}

/// Not of their times.
pub fn pending_deliveries_come_in_the_order_of_their_numbers(open: Open<'_>) {
    let store = open();
    for hours in [3, 1, 2] {
        append(&store, NewDelivery { received_at: NOON.saturating_add(hours * HOUR), ..delivery("", PENDING) });
        append(&store, delivery("", accepted("r")));
    }
    assert_eq!((pending_ids(&store), store.pending_count().unwrap()), (vec![1, 3, 5], 3));
    assert!(complete(&store, 3, accepted("r")));
    assert_eq!(pending_ids(&store), [1, 5]);
    let store = reopened(store, open);
    assert_eq!((pending_ids(&store), store.pending_count().unwrap()), (vec![1, 5], 2));
    let after = |after: i64, most: usize| -> Vec<i64> {
        store.pending_after(after, most).unwrap().iter().map(|due| due.deliveryid).collect()
    };
    assert_eq!((after(0, 9), after(0, 1), after(1, 9), after(5, 9)), (vec![1, 5], vec![1], vec![5], vec![]));
    assert_eq!(after(i64::MAX, 9), [0; 0]);
}

/// Only the attempts, the last error and the time of the next one are stored.
pub fn a_postponed_delivery_continues_from_there_after_reopening(open: Open<'_>) {
    let store = open();
    append(&store, delivery("{}", PENDING));
    let first =
        Due { deliveryid: 1, dialect: "github".to_owned(), received_at: NOON, attempts: 0, next_at: NOON, error: None };
    assert_eq!(store.pending().unwrap(), std::slice::from_ref(&first));
    let next_at = NOON.saturating_add(Duration::from_secs(90));
    let (dialect, received_at) = ("other".to_owned(), Timestamp::from_micros(1));
    let error = Some("the API answered 503".to_owned());
    let due = Due { deliveryid: 1, dialect, received_at, attempts: 3, next_at, error: error.clone() };
    store.postpone(due).wait().unwrap();
    let postponed = Due { attempts: 3, next_at, error, ..first };
    assert_eq!(store.pending().unwrap(), std::slice::from_ref(&postponed));
    let store = reopened(store, open);
    assert_eq!(store.pending().unwrap(), [postponed]);
}

/// With its last error, until it is completed.
pub fn people_see_what_a_pending_delivery_is_about(open: Open<'_>) {
    let store = open();
    let about = Subject {
        repository: "https://git.example.org/r".to_owned(),
        branch: Some("refs/pull/1".to_owned()),
        revision: Some("0123abc".to_owned()),
    };
    append(&store, delivery("1", NewState::Pending { reported_changes: 1, about: about.clone() }));
    append(&store, delivery("2", accepted("r")));
    append(&store, delivery("3", PENDING));
    let error = Some("x".repeat(MAX_WAITING_TEXT_BYTES + 1));
    let due = Due { attempts: 1, error, ..store.pending().unwrap()[0].clone() };
    store.postpone(due.clone()).wait().unwrap();
    let store = reopened(store, open);
    let waiting = store.reader().waiting(&[3, 2, 1, 9, -1]).unwrap();
    let due = Due { error: Some("x".repeat(MAX_WAITING_TEXT_BYTES)), ..due };
    assert_eq!(waiting[0], Waiting { due, about });
    assert_eq!((waiting[1].due.deliveryid, &waiting[1].about, waiting.len()), (3, &NOTHING, 2));
    assert!(complete(&store, 1, accepted("r")));
    assert_eq!(store.reader().waiting(&[1]).unwrap(), []);
    assert_eq!(store.reader().waiting(&[]).unwrap(), []);
}

/// The note is for accepted deliveries only.
pub fn a_completion_without_changes_gives_the_reason(open: Open<'_>) {
    let store = open();
    for _ in 0..3 {
        append(&store, delivery("", PENDING));
    }
    let states = [
        (State::Ignored, NewState::Ignored("not built".to_owned()), Some("not built")),
        (State::Refused, NewState::Refused("no such repository".to_owned()), Some("no such repository")),
        (State::Accepted, accepted("r"), Some("a note")),
    ];
    for (deliveryid, (_, state, _)) in (1..).zip(&states) {
        let completion = Completion {
            deliveryid,
            state: state.clone(),
            note: Some("a note".to_owned()),
            api_calls: ApiCalls::default(),
        };
        assert!(store.complete(completion).wait().unwrap());
    }
    let store = reopened(store, open);
    for (deliveryid, (state, _, reason)) in (1..).zip(&states) {
        let record = store.reader().delivery(deliveryid).unwrap().unwrap();
        assert_eq!((record.state, record.reason.as_deref()), (*state, *reason));
    }
    assert_eq!(changeids(&store), [1]);
}

/// Neither an unknown delivery nor one that is complete.
pub fn what_is_not_pending_is_neither_completed_nor_postponed(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted("r")));
    for deliveryid in [-1, 0, 1, 2, i64::MAX] {
        assert!(!complete(&store, deliveryid, accepted("other")), "{deliveryid}");
        let due = Due {
            deliveryid,
            dialect: "github".to_owned(),
            received_at: NOON,
            attempts: 1,
            next_at: NOON,
            error: None,
        };
        store.postpone(due).wait().unwrap();
    }
    assert_eq!((store.pending().unwrap(), changeids(&store)), (vec![], vec![1]));
}

/// The delivery stays pending, and other writes in the queue succeed.
pub fn an_invalid_completion_is_refused_alone(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", PENDING));
    let completion =
        |state| store.complete(Completion { deliveryid: 1, state, note: None, api_calls: ApiCalls::default() });
    let (invalid, empty) = (completion(PENDING), completion(NewState::Accepted(Vec::new())));
    let beside = store.append(delivery("", accepted("r")));
    assert!(matches!(invalid.wait(), Err(StoreError::Invalid(_))));
    assert!(matches!(empty.wait(), Err(StoreError::Invalid(_))));
    assert_eq!(beside.wait().unwrap().deliveryid, 2);
    assert_eq!(pending_ids(&store), [1]);
    assert!(complete(&store, 1, accepted("r")));
}

/// Numbers follow the order of commits even if completions and deliveries are queued together.
pub fn changes_of_a_completion_come_after_all_that_were_committed_before(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", PENDING));
    append(&store, delivery("", PENDING));
    append(&store, received_at(NOON, "before"));
    let completed = [2, 1].map(|deliveryid| {
        store.complete(Completion { deliveryid, state: accepted_many(2), note: None, api_calls: ApiCalls::default() })
    });
    let beside = store.append(received_at(NOON, "beside"));
    assert_eq!(completed.map(|reply| reply.wait().unwrap()), [true, true]);
    beside.wait().unwrap();
    append(&store, received_at(NOON, "after"));
    let of = |deliveryid| store.reader().delivery(deliveryid).unwrap().unwrap().changeids;
    assert_eq!((of(3), of(5)), (vec![1], vec![7]));
    // The delivery beside them is of the same transaction, before or after them.
    let (second, first, beside) = (of(2), of(1), of(4));
    assert!(first[0] > second[0], "completions are in their order");
    let mut middle = [second, first, beside].concat();
    middle.sort_unstable();
    assert_eq!(middle, [2, 3, 4, 5, 6]);
    assert_eq!(changeids(&store), [1, 2, 3, 4, 5, 6, 7]);
    let read = store.read_on(0, 10).unwrap();
    for (deliveryid, changes) in [(1, of(1)), (2, of(2)), (4, of(4))] {
        let logged = read.iter().filter(|change| change.deliveryid == deliveryid).map(|change| change.changeid);
        assert_eq!(logged.collect::<Vec<_>>(), changes);
    }
}
