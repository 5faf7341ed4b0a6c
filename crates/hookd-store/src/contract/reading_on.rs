//! Laws of reading onward, and of the tail.

use std::time::Duration;

use hookd_core::Change;

use super::samples::{
    HOUR, NOON, PENDING, accepted_many, append, change, changes_before, complete, delivery, expire, ignored,
    received_at, whole_change,
};
use super::{Open, reopened};
use crate::{Log, LoggedChange, NewDelivery, NewState};

/// How long a reader may take to wake up before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// 100 deliveries of 0 to 4 changes each, some queued together, with completions in between: 200 changes and the 20 of
/// the completions.
fn filled(open: &mut dyn FnMut() -> crate::SharedStore) -> crate::SharedStore {
    let store = open();
    for round in 0..10 {
        let mut replies = Vec::new();
        for number in 0..10 {
            let state = match number {
                0 => PENDING,
                5 => ignored(),
                _ => accepted_many(number % 5),
            };
            replies.push(store.append(delivery(&format!("{round}"), state)));
        }
        let receipts: Vec<_> = replies.into_iter().map(|reply| reply.wait().unwrap()).collect();
        assert!(complete(&store, receipts[0].deliveryid, accepted_many(2)));
    }
    store
}

/// The changes of [`filled`].
const FILLED: i64 = 220;

/// In batches of any size, before and after reopening.
pub fn reads_on_from_anywhere_in_order(open: Open<'_>) {
    let store = filled(open);
    let look = |store: &dyn Log| {
        for after in (0..FILLED).step_by(7) {
            for most in [1, 2, 3, 50, usize::MAX] {
                let mut next = after + 1;
                // The first pieces, and all of them where they are large.
                for _ in 0..FILLED {
                    let read = store.read_on(next - 1, most).unwrap();
                    assert!(read.len() <= most);
                    if read.is_empty() {
                        assert_eq!(next, FILLED + 1, "nothing is given only at the end");
                        break;
                    }
                    for change in &read {
                        assert_eq!(change.changeid, next);
                        next += 1;
                    }
                    if most < 50 && next > after + 10 {
                        break;
                    }
                }
                assert!(next > after + 10 || next == FILLED + 1);
            }
        }
        for after in [FILLED, FILLED + 1, i64::MAX] {
            assert_eq!(store.read_on(after, 10).unwrap(), []);
        }
        assert_eq!(store.read_on(-5, 1).unwrap()[0].changeid, 1);
        assert_eq!(store.read_on(i64::MIN, 1).unwrap()[0].changeid, 1);
    };
    look(&*store);
    let store = reopened(store, open);
    look(&*store);
}

/// With every field, as [`Browse`](crate::Browse) returns them.
pub fn reads_changes_whole(open: Open<'_>) {
    let store = open();
    let state = NewState::Accepted(vec![whole_change(), Change::default()]);
    append(&store, NewDelivery { dialect: "bitbucket".to_owned(), ..delivery("", state) });
    append(&store, received_at(NOON.saturating_add(HOUR), "r"));
    let store = reopened(store, open);
    let read = store.read_on(0, 10).unwrap();
    assert_eq!(read.iter().map(|change| &*change.dialect).collect::<Vec<_>>(), ["bitbucket", "bitbucket", "github"]);
    assert_eq!(read[0].change, whole_change());
    assert_eq!(read[1].change.when_timestamp, Some(NOON.as_seconds()));
    assert_eq!(read[2].received_at, NOON.saturating_add(HOUR));
    for logged in read {
        let changeid = logged.changeid;
        let record = store.reader().change(changeid).unwrap().unwrap();
        assert_eq!(LoggedChange::clone(&logged).into_record(record.parent_changeid), record);
    }
}

/// Including none.
pub fn gives_at_most_as_many_as_asked_for(open: Open<'_>) {
    let store = open();
    assert_eq!(store.read_on(0, 10).unwrap(), []);
    append(&store, delivery("", accepted_many(10)));
    assert_eq!(store.read_on(0, 0).unwrap(), []);
    let first: Vec<_> = store.read_on(0, 1).unwrap().iter().map(|change| change.changeid).collect();
    assert_eq!(first, [1]);
    let read = store.read_on(4, 3).unwrap();
    assert!((1..=3).contains(&read.len()));
    assert_eq!((read[0].changeid, read[0].change.revision.as_deref()), (5, Some("r5")));
}

/// A reader that starts earlier gets the first change that is kept.
pub fn reads_on_after_what_has_expired(open: Open<'_>) {
    let store = open();
    for number in 1..=6_u32 {
        append(&store, received_at(NOON.saturating_add(number * HOUR), &number.to_string()));
    }
    assert_eq!(expire(&store, changes_before(NOON.saturating_add(4 * HOUR))).changes, 3);
    for after in [0, 2, 3] {
        assert_eq!(store.read_on(after, 1).unwrap()[0].changeid, 4);
    }
    assert_eq!(store.read_on(4, 1).unwrap()[0].changeid, 5);
    let store = reopened(store, open);
    assert_eq!(store.read_on(0, 1).unwrap()[0].changeid, 4);
}

/// A waiting reader sees each change without polling.
pub fn the_tail_wakes_readers(open: Open<'_>) {
    let store = open();
    let mut tail = store.tail();
    assert_eq!(*tail.borrow_and_update(), 0);
    append(&store, delivery("", ignored()));
    assert!(!tail.has_changed().unwrap(), "a delivery without changes wakes nobody");
    let (waiting, is_waiting) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let store = &store;
        let reader = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut next = 1;
                while next <= 5 {
                    waiting.send(()).unwrap();
                    tokio::time::timeout(PATIENCE, tail.changed()).await.expect("the reader was not woken").unwrap();
                    let newest = *tail.borrow_and_update();
                    let read = store.read_on(next - 1, 100).unwrap();
                    assert_eq!(read.last().map(|change| change.changeid), Some(newest));
                    next = newest + 1;
                }
            });
        });
        // One at a time, each while the reader waits for it.
        for _ in 1..=5 {
            is_waiting.recv().unwrap();
            append(store, delivery("", NewState::Accepted(vec![change("r")])));
        }
        reader.join().unwrap();
    });
    append(&store, delivery("", PENDING));
    assert!(complete(&store, 7, accepted_many(3)));
    assert_eq!(*store.tail().borrow(), 8, "completions count");
    store.close();
}

/// It is the newest change ever committed, even if it has expired.
pub fn the_tail_survives_reopening_and_expiry(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(3)));
    append(&store, delivery("", ignored()));
    let store = reopened(store, open);
    assert_eq!(*store.tail().borrow(), 3);
    append(&store, received_at(NOON, "r"));
    append(&store, delivery("", ignored()));
    append(&store, delivery("", ignored()));
    assert_eq!(*store.tail().borrow(), 4);
    expire(&store, changes_before(NOON.saturating_add(HOUR)));
    assert_eq!((store.read_on(0, 10).unwrap(), *store.tail().borrow()), (vec![], 4));
    let store = reopened(store, open);
    assert_eq!(*store.tail().borrow(), 4);
    append(&store, received_at(NOON, "r"));
    assert_eq!(*store.tail().borrow(), 5);
}
