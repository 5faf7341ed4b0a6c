//! Laws of appending: numbers, durability, and what is kept.

use bytes::Bytes;
use hookd_core::{Change, HookRequest, Method, Proof};

use super::samples::{
    NOON, accepted, accepted_many, append, change, changeids, delivery, deliveryids, identified, ignored, whole_change,
    with_request,
};
use super::{Open, reopened};
use crate::{
    DeliveryField, MAX_PEER_BYTES, NewDelivery, NewState, Operator, Origin, Query, Replay, RequestHead, State,
    StoreError, StoredRequest,
};

/// Deliveries that are queued together are numbered in the order in which they were queued.
pub fn numbers_follow_the_order_of_commits_without_gaps(open: Open<'_>) {
    let store = open();
    let states = (0..200).map(|number| match number % 4 {
        0 => ignored(),
        1 => NewState::Refused("wrong".to_owned()),
        _ => accepted_many(number % 7 + 1),
    });
    let states: Vec<NewState> = states.collect();
    let replies: Vec<_> = states.iter().map(|state| store.append(delivery("{}", state.clone()))).collect();
    let mut next_changeid = 1;
    for ((deliveryid, state), reply) in (1..).zip(&states).zip(replies) {
        let receipt = reply.wait().unwrap();
        assert_eq!((receipt.deliveryid, receipt.reported_changes), (deliveryid, state.changes().len()));
        let record = store.reader().delivery(deliveryid).unwrap().unwrap();
        let expected: Vec<i64> = (next_changeid..).take(state.changes().len()).collect();
        assert_eq!(record.changeids, expected);
        for (changeid, change) in expected.iter().zip(state.changes()) {
            let stored = store.reader().change(*changeid).unwrap().unwrap();
            assert_eq!((stored.deliveryid, stored.change.revision), (deliveryid, change.revision.clone()));
        }
        next_changeid += i64::try_from(expected.len()).unwrap();
    }
    assert_eq!(deliveryids(&store), (1..=200).collect::<Vec<_>>());
    assert_eq!(changeids(&store), (1..next_changeid).collect::<Vec<_>>());
}

/// With every field of the delivery and of its changes.
pub fn a_delivery_is_there_whole_once_it_is_acknowledged(open: Open<'_>) {
    let store = open();
    let state = NewState::Accepted(vec![whole_change(), Change::default()]);
    let receipt = append(&store, identified("forge id", "body", state));
    assert_eq!((receipt.deliveryid, receipt.state, receipt.reported_changes), (1, State::Accepted, 2));
    assert_eq!((receipt.reason, receipt.is_duplicate), (None, false));
    let record = store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((record.deliveryid, record.received_at, record.dialect.as_str()), (1, NOON, "github"));
    assert_eq!((record.forge_id.as_deref(), record.event.as_deref()), (Some("forge id"), Some("push")));
    assert_eq!((record.state, record.reason, record.changeids, record.size), (State::Accepted, None, vec![1, 2], 4));
    let first = store.reader().change(1).unwrap().unwrap();
    assert_eq!((first.changeid, first.deliveryid, first.received_at, first.change), (1, 1, NOON, whole_change()));
    let second = store.reader().change(2).unwrap().unwrap();
    let when_timestamp = Some(NOON.as_seconds());
    assert_eq!(
        second.change,
        Change { when_timestamp, ..Change::default() },
        "the moment of receipt where none is given"
    );
    assert_ne!(first.hookd_id, second.hookd_id);

    let receipt = append(&store, NewDelivery { event: None, ..delivery("", ignored()) });
    assert_eq!((receipt.state, receipt.reason.as_deref()), (State::Ignored, Some("nothing to build")));
    let record = store.reader().delivery(2).unwrap().unwrap();
    assert_eq!((record.forge_id, record.event, record.size), (None, None, 0));
    assert_eq!((record.state, record.reason.as_deref()), (State::Ignored, Some("nothing to build")));
    assert_eq!(record.changeids, [0; 0]);
    let receipt = append(&store, delivery("", NewState::Refused("wrong".to_owned())));
    assert_eq!((receipt.state, receipt.reason.as_deref()), (State::Refused, Some("wrong")));

    let note = Some("left out: a date".to_owned());
    let noted = |state| NewDelivery { note: note.clone(), ..delivery("", state) };
    let receipt = append(&store, noted(NewState::Accepted(vec![change("r3")])));
    assert_eq!((receipt.state, receipt.reason), (State::Accepted, note.clone()));
    assert_eq!(store.reader().delivery(receipt.deliveryid).unwrap().unwrap().reason, note);
    let receipt = append(&store, noted(ignored()));
    assert_eq!(receipt.reason.as_deref(), Some("nothing to build"));
}

/// So do the next numbers.
pub fn acknowledged_writes_survive_reopening(open: Open<'_>) {
    let store = open();
    append(&store, identified("1", "one", NewState::Accepted(vec![whole_change(), change("r2")])));
    append(&store, delivery("two", ignored()));
    let look = |store: &crate::SharedStore| {
        let changes = store.reader().changes(&Query::default()).unwrap();
        let deliveries = store.reader().deliveries(&Query::default()).unwrap();
        (
            changes,
            deliveries,
            store.read_on(0, 10).unwrap(),
            store.reader().request(1).unwrap(),
            store.reader().request(2).unwrap(),
        )
    };
    let before = look(&store);
    let store = reopened(store, open);
    assert_eq!(look(&store), before);
    let receipt = append(&store, delivery("three", accepted("r3")));
    assert_eq!(receipt.deliveryid, 3);
    assert_eq!(changeids(&store), [1, 2, 3]);
}

/// Bodies of any size with any bytes, and the headers that were named.
pub fn a_request_is_kept_byte_for_byte(open: Open<'_>) {
    let store = open();
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut number = 1_u64;
    let noise = std::iter::repeat_with(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number.to_be_bytes()[0]
    });
    let large: Vec<u8> = noise.take(3 << 20).collect();
    let bodies = [every_byte, Vec::new(), large, b"{\"a\": 1}".to_vec()].map(Bytes::from);
    let requests = bodies.map(|body| {
        let head = RequestHead {
            method: Method::Get,
            path: "/change_hook/base/a%2Fb".to_owned(),
            query: "a=%C3%BC&b".to_owned(),
            headers: vec![("X-A".to_owned(), "ü\u{fffd}".to_owned()), ("X-A".to_owned(), String::new())],
        };
        StoredRequest { head, body }
    });
    let with = |request: &StoredRequest| NewDelivery { request: Some(request.clone()), ..delivery("", accepted("r")) };
    let replies: Vec<_> = requests.iter().map(|request| store.append(with(request))).collect();
    replies.into_iter().for_each(|reply| assert!(reply.wait().is_ok()));
    let store = reopened(store, open);
    for (deliveryid, request) in (1..).zip(&requests) {
        assert!(store.reader().request(deliveryid).unwrap().as_ref() == Some(request), "delivery {deliveryid}");
        assert_eq!(store.reader().delivery(deliveryid).unwrap().unwrap().size, request.body.len() as u64);
    }
    let named = HookRequest::post("/").with_header("X-Event", "push").with_header("Cookie", "secret");
    let request = Some(StoredRequest::new(&named, &["x-event"]));
    append(&store, NewDelivery { request, ..delivery("", ignored()) });
    let kept = store.reader().request(5).unwrap().unwrap().head.headers;
    assert_eq!(kept, [("X-Event".to_owned(), "push".to_owned())]);
}

/// As from a poller or a replay, also in one transaction with others that have one.
pub fn a_delivery_may_come_without_a_request(open: Open<'_>) {
    let store = open();
    let without = |state| NewDelivery { request: None, event: None, ..delivery("", state) };
    let deliveries =
        [without(accepted("r1")), delivery("two", accepted("r2")), without(ignored()), delivery("4", ignored())];
    let replies: Vec<_> = deliveries.into_iter().map(|delivery| store.append(delivery)).collect();
    replies.into_iter().for_each(|reply| assert!(reply.wait().is_ok()));
    let store = reopened(store, open);
    assert_eq!(with_request(&store, 1..=4), [2, 4]);
    assert_eq!(store.reader().request(2).unwrap().unwrap().body, "two");
    assert_eq!(store.reader().request(4).unwrap().unwrap().body, "4");
    let sizes = (1..=4).map(|id| store.reader().delivery(id).unwrap().unwrap().size);
    assert_eq!(sizes.collect::<Vec<_>>(), [0, 3, 0, 1]);
    assert_eq!(changeids(&store), [1, 2]);
}

/// Later writes fail.
pub fn closing_commits_what_is_queued_and_takes_no_more(open: Open<'_>) {
    let store = open();
    let replies: Vec<_> = (0..50).map(|_| store.append(delivery("", accepted("r")))).collect();
    store.close();
    for (deliveryid, reply) in (1..).zip(replies) {
        assert_eq!(reply.wait().unwrap().deliveryid, deliveryid);
    }
    assert_eq!(store.append(delivery("", accepted("r"))).wait(), Err(StoreError::Closed));
    assert_eq!(store.probe().wait(), Err(StoreError::Closed));
    drop(store);
    let store = open();
    assert_eq!(changeids(&store), (1..=50).collect::<Vec<_>>());
}

/// Others in the queue are stored, and it takes no number.
pub fn an_invalid_delivery_is_refused_alone(open: Open<'_>) {
    let store = open();
    let states = [accepted("r1"), NewState::Accepted(Vec::new()), accepted("r2")];
    let [first, invalid, second] = states.map(|state| store.append(delivery("", state)));
    assert!(matches!(invalid.wait(), Err(StoreError::Invalid(_))));
    let replay = Some(Replay { of: 1, request: "r".to_owned() });
    let with_request = store.append(NewDelivery { replay, ..delivery("", accepted("r3")) });
    assert!(matches!(with_request.wait(), Err(StoreError::Invalid(_))));
    assert_eq!((first.wait().unwrap().deliveryid, second.wait().unwrap().deliveryid), (1, 2));
    assert_eq!(changeids(&store), [1, 2]);
}

/// It leaves nothing to read.
pub fn a_probe_takes_no_number(open: Open<'_>) {
    let store = open();
    store.probe().wait().unwrap();
    append(&store, delivery("", accepted("r1")));
    store.probe().wait().unwrap();
    assert_eq!((deliveryids(&store), changeids(&store)), (vec![1], vec![1]));
}

/// In every form that a proof has, and in lists as well as alone.
pub fn a_delivery_keeps_where_it_came_from(open: Open<'_>) {
    let store = open();
    let text = |text: &str| Some(text.to_owned());
    let by = |key| Proof::Verified { key };
    let origins = [
        Origin::NONE,
        Origin::new(text("192.0.2.7, unknown"), None, by(Some(1))),
        Origin::new(text("2001:db8::1"), text("Änn"), Proof::NotRequired),
        Origin::new(None, text(""), by(None)),
        Origin::new(text(&"ü".repeat(MAX_PEER_BYTES)), None, by(Some(u32::MAX))),
    ];
    assert_eq!(origins[4].peer.as_ref().unwrap().len(), MAX_PEER_BYTES);
    for origin in &origins {
        append(&store, NewDelivery { origin: origin.clone(), ..delivery("{}", ignored()) });
    }
    let store = reopened(store, open);
    for (deliveryid, origin) in (1..).zip(&origins) {
        assert_eq!(store.reader().delivery(deliveryid).unwrap().unwrap().origin, *origin);
    }
    let listed = store.reader().deliveries(&Query::default().ascending(DeliveryField::Deliveryid)).unwrap();
    assert_eq!(listed.rows.into_iter().map(|record| record.origin).collect::<Vec<_>>(), origins);
    let of_ann = Query::default().filter(DeliveryField::User, Operator::Eq, "Änn");
    assert_eq!(store.reader().deliveries(&of_ann).unwrap().total, 1);
}
