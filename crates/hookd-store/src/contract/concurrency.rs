//! Laws under load: many senders and readers at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Open;
use super::samples::{
    PENDING, accepted, accepted_many, append, at, changeids, cursor_move, delivery, deliveryids, identified,
};
use crate::{ApiCalls, Completion, Moved, Query, State};

/// How many threads send.
const SENDERS: usize = 6;

/// How many deliveries each of them sends: every fifth is pending, and completed at once.
const DELIVERIES: usize = 100;

/// While deliveries are appended and completed, every way of reading sees numbers without gaps, and every change up to
/// the tail can be read.
pub fn readers_never_see_a_smaller_number_appear(open: Open<'_>) {
    let store = open();
    let is_over = AtomicBool::new(false);
    // Three of each of the others, and two of each completion.
    let changes = i64::try_from(SENDERS * DELIVERIES / 5 * (4 * 3 + 2)).unwrap();
    std::thread::scope(|scope| {
        let (store, is_over) = (&store, &is_over);
        let send = move || {
            for number in 0..DELIVERIES {
                let is_pending = number % 5 == 0;
                let state = if is_pending { PENDING } else { accepted_many(3) };
                let receipt = append(store, delivery("{}", state));
                if is_pending {
                    let deliveryid = receipt.deliveryid;
                    let completion =
                        Completion { deliveryid, state: accepted_many(2), note: None, api_calls: ApiCalls::default() };
                    assert!(store.complete(completion).wait().unwrap());
                }
            }
        };
        let read_on = move || {
            let mut newest = 0;
            while newest < changes {
                let was_over = is_over.load(Ordering::Acquire);
                let read = store.read_on(newest, 100).unwrap();
                for change in &read {
                    assert_eq!(change.changeid, newest + 1);
                    newest += 1;
                }
                assert!(!read.is_empty() || !was_over, "changes after {newest} are missing");
            }
        };
        let watch = move || {
            let tail = store.tail();
            while !is_over.load(Ordering::Acquire) {
                let newest = *tail.borrow();
                if newest > 0 {
                    assert_eq!(store.read_on(newest - 1, 1).unwrap()[0].changeid, newest);
                }
            }
        };
        let browse = move || {
            let mut total = 0;
            while !is_over.load(Ordering::Acquire) {
                let page = store.reader().deliveries(&Query::default().limit(20)).unwrap();
                let newest = page.rows.first().map_or(0, |row| row.deliveryid);
                assert_eq!(newest.unsigned_abs(), page.total);
                assert!(page.rows.windows(2).all(|pair| pair[1].deliveryid == pair[0].deliveryid - 1));
                assert!(page.total >= total);
                total = page.total;
                // A delivery and its changes are one transaction.
                for row in page.rows.iter().filter(|row| row.state == State::Accepted) {
                    for changeid in &row.changeids {
                        assert_eq!(store.reader().change(*changeid).unwrap().unwrap().deliveryid, row.deliveryid);
                    }
                }
            }
        };
        let readers = [scope.spawn(watch), scope.spawn(browse), scope.spawn(read_on)];
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        let sent: Vec<_> = senders.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Release);
        let read: Vec<_> = readers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        assert!(sent.iter().chain(&read).all(Result::is_ok), "a thread failed, see above");
    });
    assert_eq!(changeids(&store), (1..=changes).collect::<Vec<_>>());
    let deliveries = i64::try_from(SENDERS * DELIVERIES).unwrap();
    assert_eq!(deliveryids(&store), (1..=deliveries).collect::<Vec<_>>());
}

/// All senders get the same number.
pub fn the_same_delivery_from_many_senders_is_stored_once(open: Open<'_>) {
    let store = open();
    let receipts: Vec<_> = std::thread::scope(|scope| {
        let store = &store;
        let send = |sender: usize| {
            move || {
                let same = (0..50).map(|number| format!("{number}"));
                let own = (0..50).map(|number| format!("{sender}-{number}"));
                let forge_ids = same.zip(own).flat_map(|(same, own)| [same, own]);
                let receipts = forge_ids.map(|id| {
                    let receipt = append(store, identified(&id, "{}", accepted(&id)));
                    (id, receipt)
                });
                receipts.collect::<Vec<_>>()
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(send(sender))).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let new = 50 + i64::try_from(SENDERS).unwrap() * 50;
    assert_eq!(receipts.iter().filter(|(_, receipt)| !receipt.is_duplicate).count(), usize::try_from(new).unwrap());
    assert_eq!(changeids(&store), (1..=new).collect::<Vec<_>>());
    for (forge_id, receipt) in receipts {
        let record = store.reader().delivery(receipt.deliveryid).unwrap().unwrap();
        assert_eq!(record.forge_id, Some(forge_id));
    }
}

/// The others get the cursor as the winner left it.
pub fn of_moves_from_the_same_version_one_wins(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(SENDERS)));
    let mut expected = None;
    for round in 0..20 {
        let moved: Vec<_> = std::thread::scope(|scope| {
            let store = &store;
            let send = |position: i64| {
                move || store.move_cursors(vec![cursor_move("sink", expected, at(position))]).wait().unwrap()
            };
            let positions = 1..=i64::try_from(SENDERS).unwrap();
            let senders: Vec<_> = positions.map(|position| scope.spawn(send(position))).collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        });
        let there = store.cursors().unwrap();
        let won: Vec<_> = moved.iter().filter(|moved| matches!(moved, Moved::To(_))).collect();
        assert_eq!(won, [&Moved::To(there[0].version)], "round {round}");
        let lost = moved.iter().filter(|moved| **moved == Moved::Conflict(there.first().cloned()));
        assert_eq!(lost.count(), SENDERS - 1);
        expected = Some(there[0].version);
    }
}
