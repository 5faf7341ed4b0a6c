//! Laws of duplicates: which deliveries are the same as an earlier one.

use super::samples::{PENDING, accepted, append, changeids, complete, deliveryids, identified, ignored};
use super::{Open, reopened};
use crate::{NewDelivery, NewState, Receipt, State};

/// Even if it was translated differently this time, and after reopening.
pub fn a_duplicate_gets_the_first_receipt(open: Open<'_>) {
    let store = open();
    let first = append(&store, identified("id", "{}", accepted("r1")));
    let ignored_first = append(&store, identified("other id", "{}", ignored()));
    let expected = Receipt { is_duplicate: true, ..first };
    assert_eq!(append(&store, identified("id", "{}", ignored())), expected);
    let store = reopened(store, open);
    assert_eq!(append(&store, identified("id", "{}", accepted("r1"))), expected);
    assert_eq!(
        append(&store, identified("other id", "{}", accepted("r2"))),
        Receipt { is_duplicate: true, ..ignored_first }
    );
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![1, 2], vec![1]));
}

/// So is one without a forge id, and one that is not to be deduplicated; one by one as well as queued together.
pub fn another_dialect_forge_id_or_body_is_another_delivery(open: Open<'_>) {
    let store = open();
    let all_of = |id: &str| {
        [
            identified(id, "{}", accepted("r1")),
            identified(id, "{ }", accepted("r2")),
            identified(id, "[]", accepted("r2")),
            NewDelivery { dialect: "other".to_owned(), ..identified(id, "{}", accepted("r3")) },
            identified(&format!("{id}2"), "{}", accepted("r4")),
            NewDelivery { deduplicate: false, ..identified(id, "{}", accepted("r5")) },
            NewDelivery { forge_id: None, ..identified(id, "{}", accepted("r6")) },
            NewDelivery { forge_id: None, ..identified(id, "{}", accepted("r7")) },
            NewDelivery { request: None, ..identified(id, "{}", accepted("r8")) },
        ]
    };
    let one_by_one = all_of("id").map(|delivery| append(&store, delivery));
    let together = all_of("other id").map(|delivery| store.append(delivery)).map(|reply| reply.wait().unwrap());
    let count = one_by_one.len() + together.len();
    for (deliveryid, receipt) in (1..).zip(one_by_one.into_iter().chain(together)) {
        assert_eq!((receipt.deliveryid, receipt.is_duplicate), (deliveryid, false));
    }
    assert_eq!(changeids(&store).len(), count);
}

/// Whether they end up in one transaction or in several.
pub fn duplicates_that_are_queued_together_are_found(open: Open<'_>) {
    let store = open();
    let send = |number: usize| {
        let forge_id = if number.is_multiple_of(3) { "id" } else { "other id" };
        store.append(identified(forge_id, "{}", accepted("r")))
    };
    let replies: Vec<_> = (0..300).map(send).collect();
    for (number, reply) in replies.into_iter().enumerate() {
        let receipt = reply.wait().unwrap();
        let deliveryid = if number.is_multiple_of(3) { 1 } else { 2 };
        assert_eq!((receipt.deliveryid, receipt.is_duplicate), (deliveryid, number > 1), "{number}");
    }
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![1, 2], vec![1, 2]));
}

/// It was not acknowledged: the forge may send it again once the cause is fixed.
pub fn a_delivery_that_was_refused_is_stored_when_it_comes_again(open: Open<'_>) {
    let store = open();
    let refused = || identified("id", "{}", NewState::Refused("wrong".to_owned()));
    let replies = [refused(), identified("id", "{}", accepted("r"))].map(|delivery| store.append(delivery));
    assert_eq!(replies.map(|reply| reply.wait().unwrap().is_duplicate), [false, false]);
    let again = append(&store, identified("id", "{}", accepted("r")));
    assert_eq!((again.deliveryid, again.is_duplicate), (2, true));
}

/// The refusal is stored, even if the same delivery was accepted before.
pub fn a_delivery_that_is_refused_now_is_no_duplicate(open: Open<'_>) {
    let store = open();
    append(&store, identified("id", "{}", accepted("r")));
    let refused = append(&store, identified("id", "{}", NewState::Refused("wrong".to_owned())));
    assert_eq!((refused.deliveryid, refused.state, refused.is_duplicate), (2, State::Refused, false));
}

/// The forge gets the same answer as the first time, even if the delivery has been completed since.
pub fn a_duplicate_gets_the_receipt_from_before_the_completion(open: Open<'_>) {
    let store = open();
    let pending = NewState::Pending { reported_changes: 3 };
    let first = append(&store, identified("1", "{}", pending.clone()));
    assert_eq!((first.state, first.reported_changes), (State::Pending, 3));
    append(&store, identified("2", "{}", PENDING));
    assert!(complete(&store, 1, accepted("r")));
    assert!(complete(&store, 2, NewState::Refused("wrong".to_owned())));
    let store = reopened(store, open);
    assert_eq!(append(&store, identified("1", "{}", pending)), Receipt { is_duplicate: true, ..first });
    let again = append(&store, identified("2", "{}", PENDING));
    assert_eq!((again.deliveryid, again.state, again.reported_changes), (2, State::Pending, 1));
}

/// As for something that a poller found twice.
pub fn without_a_request_the_forge_id_decides(open: Open<'_>) {
    let store = open();
    let polled = |forge_id: &str| NewDelivery { request: None, ..identified(forge_id, "", accepted("r")) };
    assert!(!append(&store, polled("r1")).is_duplicate);
    assert!(!append(&store, polled("r2")).is_duplicate);
    let again = append(&store, polled("r1"));
    assert_eq!((again.deliveryid, again.is_duplicate), (1, true));
    assert!(!append(&store, identified("r1", "", accepted("r"))).is_duplicate, "an empty body is not the same as none");
    let store = reopened(store, open);
    assert!(append(&store, polled("r2")).is_duplicate);
    let together =
        [polled("r4"), polled("r4"), identified("r4", "", accepted("r"))].map(|delivery| store.append(delivery));
    assert_eq!(together.map(|reply| reply.wait().unwrap().is_duplicate), [false, true, false]);
}
