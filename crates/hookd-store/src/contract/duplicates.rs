//! Laws of duplicates: which deliveries are the same as an earlier one.

use hookd_core::Method;

use super::samples::{NOTHING, PENDING, accepted, append, changeids, complete, deliveryids, identified, ignored};
use super::{Open, reopened};
use crate::{DeliveryField, NewDelivery, NewState, Operator, Query, Receipt, Replay, RequestHead, State};

/// An accepted delivery whose request has another head.
fn with_head(forge_id: &str, change: impl FnOnce(&mut RequestHead)) -> NewDelivery {
    let mut delivery = identified(forge_id, "{}", accepted("r"));
    if let Some(request) = &mut delivery.request {
        change(&mut request.head);
    }
    delivery
}

/// Even if it is translated differently this time, and after reopening.
pub fn a_duplicate_gets_the_first_receipt(open: Open<'_>) {
    let store = open();
    let first = append(&store, identified("id", "{}", accepted("r1")));
    let expected = Receipt { is_duplicate: true, ..first };
    assert_eq!(append(&store, identified("id", "{}", ignored())), expected);
    assert_eq!(append(&store, identified("id", "{}", NewState::Refused("wrong".to_owned()))), expected);
    let store = reopened(store, open);
    assert_eq!(append(&store, identified("id", "{}", accepted("r1"))), expected);
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![1], vec![1]));
}

/// Once the configuration is fixed, a redelivery brings the change that was missed.
pub fn what_made_no_change_is_stored_when_it_comes_again(open: Open<'_>) {
    let store = open();
    let refused = || NewState::Refused("wrong".to_owned());
    for (number, state) in (1..).zip([ignored(), ignored(), refused(), ignored()]) {
        let receipt = append(&store, identified("id", "{}", state));
        assert_eq!((receipt.deliveryid, receipt.is_duplicate), (number, false));
    }
    let together = [ignored(), refused(), accepted("r"), ignored(), accepted("r")]
        .map(|state| store.append(identified("id", "{}", state)))
        .map(|reply| reply.wait().unwrap())
        .map(|receipt| (receipt.deliveryid, receipt.is_duplicate));
    assert_eq!(together, [(5, false), (6, false), (7, false), (7, true), (7, true)]);
    let store = reopened(store, open);
    let again = append(&store, identified("id", "{}", ignored()));
    assert_eq!((again.deliveryid, again.state, again.is_duplicate), (7, State::Accepted, true));
}

/// So is one without a forge id, and one that is not to be deduplicated; one by one as well as queued together.
pub fn whatever_differs_that_is_read_makes_another_delivery(open: Open<'_>) {
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
            with_head(id, |head| head.query = "codebase=roots".to_owned()),
            with_head(id, |head| head.query = "codebase=leaves".to_owned()),
            with_head(id, |head| head.path.push_str("/anything")),
            with_head(id, |head| head.method = Method::Get),
            with_head(id, |head| head.headers[0].1 = "ping".to_owned()),
            with_head(id, |head| head.headers.clear()),
            // What ends one text does not begin the next.
            with_head(id, |head| (head.path, head.query) = ("/change_hook/githubp".into(), "roject=x%20y".into())),
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

/// Proxies change how names are written, and forges their version.
pub fn what_is_not_read_makes_no_other_delivery(open: Open<'_>) {
    let store = open();
    let sent = |names: [&str; 2], agent: &str| {
        with_head("id", |head| {
            let value = |name: &str| (name.to_owned(), name.to_lowercase());
            head.headers = names.map(value).into();
            head.headers.push(("User-Agent".to_owned(), agent.to_owned()));
        })
    };
    append(&store, sent(["X-Event", "X-Kind"], "forge/1"));
    let again = append(&store, sent(["x-kind", "X-EVENT"], "forge/2"));
    assert_eq!((again.deliveryid, again.is_duplicate), (1, true));
}

/// The forge gets the same answer as the first time, even if the delivery has been completed since.
pub fn a_duplicate_gets_the_receipt_from_before_the_completion(open: Open<'_>) {
    let store = open();
    let pending = NewState::Pending { reported_changes: 3, about: NOTHING };
    let first = append(&store, identified("1", "{}", pending.clone()));
    assert_eq!((first.state, first.reported_changes), (State::Pending, 3));
    append(&store, identified("2", "{}", PENDING));
    let waiting = append(&store, identified("2", "{}", accepted("r")));
    assert_eq!((waiting.deliveryid, waiting.state, waiting.is_duplicate), (2, State::Pending, true));
    assert!(complete(&store, 1, accepted("r")));
    let store = reopened(store, open);
    assert_eq!(append(&store, identified("1", "{}", pending)), Receipt { is_duplicate: true, ..first });
}

/// However often.
pub fn what_was_completed_without_a_change_is_stored_when_it_comes_again(open: Open<'_>) {
    let mut store = open();
    for number in 1..=3 {
        let receipt = append(&store, identified("id", "{}", PENDING));
        assert_eq!((receipt.deliveryid, receipt.is_duplicate), (number, false));
        let state = if number == 2 { ignored() } else { NewState::Refused("wrong".to_owned()) };
        assert!(complete(&store, number, state));
        store = reopened(store, open);
    }
    let receipt = append(&store, identified("id", "{}", PENDING));
    assert!(complete(&store, 4, accepted("r")));
    assert_eq!(append(&store, identified("id", "{}", PENDING)), Receipt { is_duplicate: true, ..receipt });
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

/// Of one request a delivery is replayed once, if that made a change; a redelivery is none of its replays.
pub fn a_replay_is_stored_once_for_each_request(open: Open<'_>) {
    let store = open();
    let original = identified("72d3162e", "{}", accepted("r"));
    append(&store, original.clone());
    let replay = |request: &str, state| NewDelivery {
        replay: Some(Replay { of: 1, request: request.to_owned() }),
        request: None,
        ..identified("72d3162e", "", state)
    };
    let unidentified = |request, state| NewDelivery { forge_id: None, ..replay(request, state) };
    let receipts = [
        replay("one", accepted("r")),
        replay("one", accepted("other")),
        replay("two", ignored()),
        replay("two", accepted("r")),
        unidentified("two", accepted("r")),
        unidentified("three", accepted("r")),
        original,
    ]
    .map(|delivery| append(&store, delivery));
    let found = receipts.map(|receipt| (receipt.deliveryid, receipt.is_duplicate));
    let expected = [(2, false), (2, true), (3, false), (4, false), (4, true), (5, false), (1, true)];
    assert_eq!(found, expected);
    let store = reopened(store, open);
    assert_eq!(append(&store, replay("one", accepted("r"))).deliveryid, 2);
    let replayed = |id| store.reader().delivery(id).unwrap().unwrap().replay_of;
    assert_eq!([1, 2, 3, 4, 5].map(replayed), [None, Some(1), Some(1), Some(1), Some(1)]);
    assert_eq!(store.reader().request(2).unwrap(), None);
    let of_one = Query::default().filter(DeliveryField::ReplayOf, Operator::Eq, 1);
    assert_eq!(store.reader().deliveries(&of_one).unwrap().total, 4);
}
