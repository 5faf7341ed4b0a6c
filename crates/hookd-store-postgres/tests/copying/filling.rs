//! Fills a store with every kind of record.

use std::time::Duration;

use hookd_core::{Change, HookRequest, Proof, Subject};
use hookd_store::{
    ApiCalls, Completion, CursorMove, CursorPlace, Due, Expiry, Moved, NewDelivery, NewState, Origin, PositionMove,
    Receipt, Replay, Settlement, SettlementKind, Store, StoredRequest, Timestamp,
};

/// When the youngest is received, but for those that expire.
const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_250_001);

/// What was stored.
pub(crate) struct Filled {
    /// What is a duplicate when it comes again, of which delivery.
    pub(crate) duplicates: Vec<(NewDelivery, Receipt)>,
    /// What is none.
    pub(crate) new: Vec<NewDelivery>,
    pub(crate) newest_deliveryid: i64,
    pub(crate) newest_changeid: i64,
}

pub(crate) fn delivery(body: &str, state: NewState) -> NewDelivery {
    let request = HookRequest::post("/change_hook/github")
        .with_query("project=x%20y")
        .with_header("X-GitHub-Event", "push")
        .with_body(body.as_bytes().to_vec());
    NewDelivery {
        received_at: NOON,
        dialect: "github".to_owned(),
        event: Some("push".to_owned()),
        forge_id: None,
        deduplicate: true,
        origin: Origin::new(Some("192.0.2.1".to_owned()), Some("user".to_owned()), Proof::Verified { key: Some(2) }),
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, &["x-github-event"])),
        state,
    }
}

fn identified(forge_id: &str, body: &str, state: NewState) -> NewDelivery {
    NewDelivery { forge_id: Some(forge_id.to_owned()), ..delivery(body, state) }
}

fn change(revision: &str) -> Change {
    Change {
        author: "Ann Œ <ann@example.org>".to_owned(),
        branch: Some("main".to_owned()),
        comments: "first\n\nsecond \u{1f600} \0 \u{1} end".to_owned(),
        files: vec!["a\0b".to_owned(), "ü.c".to_owned()],
        properties: [
            ("z".to_owned(), serde_json::json!({ "list": [1, -2.5, null], "nul": "\0" })),
            ("event".to_owned(), "push".into()),
        ]
        .into_iter()
        .collect(),
        repository: "https://git.example.org/x\0y".to_owned(),
        revision: Some(revision.to_owned()),
        revlink: Some("https://git.example.org/".to_owned()),
        ..Change::default()
    }
}

pub(crate) fn accepted(revision: &str) -> NewState {
    NewState::Accepted(vec![change(revision)])
}

fn pending(repository: &str) -> NewState {
    let about = Subject { repository: repository.to_owned(), branch: Some("main".to_owned()), revision: None };
    NewState::Pending { reported_changes: 1, about }
}

pub(crate) fn append(store: &dyn Store, delivery: NewDelivery) -> Receipt {
    store.append(delivery).wait().unwrap()
}

fn complete(store: &dyn Store, deliveryid: i64, state: NewState, note: Option<&str>) {
    let api_calls = ApiCalls { made: 3, failed: 1, last_error: Some("HTTP 502 \0".to_owned()) };
    let completion = Completion { deliveryid, state, note: note.map(str::to_owned), api_calls };
    assert!(store.complete(completion).wait().unwrap());
}

fn settled(changeid: i64, kind: SettlementKind) -> Settlement {
    let answer = format!("HTTP 500 \0 ü {changeid}");
    Settlement { changeid, settled_at: NOON, kind, attempts: 3, answer }
}

fn move_to(store: &dyn Store, name: &str, expected: Option<u64>, place: CursorPlace, settled: Vec<Settlement>) -> u64 {
    let one = CursorMove { name: name.to_owned(), expected, to: Some(place), epoch: None, settlements: settled };
    match store.move_cursors(vec![one]).wait().unwrap().remove(0) {
        Moved::To(version) => version,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn fill(store: &dyn Store) -> Filled {
    let (mut duplicates, mut new) = (Vec::new(), Vec::new());
    // What expires: with its deliveries, and then requests alone.
    let old = Timestamp::from_micros(NOON.as_micros() - 1_000_000_000);
    for number in 0..7 {
        append(store, NewDelivery { received_at: old, ..identified(&format!("old {number}"), "old", accepted("old")) });
    }
    let expiry = Expiry { changes_before: Some(NOON), now: NOON, ..Expiry::default() };
    append(store, delivery("young", accepted("young")));
    while store.expire(expiry).wait().unwrap().has_more {}
    let early = NOON.saturating_add(Duration::from_secs(1));
    let held = append(store, NewDelivery { received_at: early, ..identified("held", "held body", pending("here")) });
    let lost = NewDelivery { received_at: early, ..identified("lost", "this request expires", accepted("lost")) };
    let receipt = append(store, lost.clone());
    duplicates.push((lost, receipt));
    append(store, NewDelivery { received_at: early, request: None, ..delivery("", accepted("none")) });
    let late = NOON.saturating_add(Duration::from_secs(100));
    let kept = |delivery: NewDelivery| NewDelivery { received_at: late, ..delivery };
    append(store, kept(delivery("kept", accepted("kept"))));
    let expiry = Expiry { payloads_before: Some(late), now: late, ..Expiry::default() };
    while store.expire(expiry).wait().unwrap().has_more {}

    // All states.
    let several =
        kept(identified("id 7", "\0\u{1}ü", NewState::Accepted(vec![change("r1"), change("r2"), change("r3")])));
    let receipt = append(store, several.clone());
    duplicates.push((several, receipt));
    append(store, NewDelivery { note: Some("a date is missing".to_owned()), ..kept(delivery("noted", accepted("n"))) });
    let ignored = kept(identified("ignored", "i", NewState::Ignored("no reason \0 ü".to_owned())));
    append(store, ignored.clone());
    append(store, kept(delivery("refused", NewState::Refused("wrong".to_owned()))));
    new.push(ignored);
    let waits = kept(identified("waits", "w", pending("here")));
    let receipt = append(store, waits.clone());
    let due = Due {
        deliveryid: receipt.deliveryid,
        dialect: "github".to_owned(),
        received_at: late,
        attempts: 4,
        next_at: late.saturating_add(Duration::from_secs(60)),
        error: Some("HTTP 503 \0".to_owned()),
    };
    store.postpone(due).wait().unwrap();
    duplicates.push((waits, receipt));
    append(store, kept(delivery("waits as well", pending("\0 there"))));
    // Completed: with changes that come behind those of others, and without.
    let done = kept(identified("done", "d", pending("p")));
    let receipt = append(store, done.clone());
    let closed = kept(identified("closed", "c", pending("p")));
    let closed_receipt = append(store, closed.clone());
    append(store, kept(delivery("between", accepted("between"))));
    complete(store, receipt.deliveryid, NewState::Accepted(vec![change("later"), change("later")]), Some("noted"));
    complete(store, closed_receipt.deliveryid, NewState::Ignored("closed meanwhile".to_owned()), None);
    duplicates.push((done, receipt));
    new.push(closed);
    complete(store, held.deliveryid, accepted("held"), None);
    // One that is stored again all the same, and one that was stored anew after it had made no change.
    let again = NewDelivery { deduplicate: false, ..kept(identified("again", "a", accepted("again"))) };
    append(store, again.clone());
    let receipt = append(store, again.clone());
    duplicates.push((NewDelivery { deduplicate: true, ..again }, receipt.clone()));
    let superseded = kept(identified("superseded", "s", accepted("s")));
    append(store, superseded.clone());
    let last = NewDelivery { deduplicate: false, ..kept(identified("superseded", "s", pending("s"))) };
    let last = append(store, last);
    complete(store, last.deliveryid, NewState::Ignored("closed".to_owned()), None);
    // A replay, and polls.
    let replay = Replay { of: receipt.deliveryid, request: "ui 1".to_owned() };
    let replay = NewDelivery { replay: Some(replay), request: None, ..kept(delivery("", accepted("replayed"))) };
    let receipt = append(store, replay.clone());
    duplicates.push((replay, receipt));
    let set = vec![("trunk \0".to_owned(), Some("41".to_owned())), ("ü".to_owned(), Some("x".to_owned()))];
    let polled = PositionMove { poller: "svn".to_owned(), expected: 0, polled_at: NOON, set, forgets: false };
    let poll = NewDelivery {
        dialect: "poller".to_owned(),
        event: Some("poll".to_owned()),
        origin: Origin::NONE,
        positions: Some(polled),
        request: None,
        ..kept(identified("svn@1", "", accepted("41")))
    };
    append(store, poll);
    let polled =
        PositionMove { poller: "svn".to_owned(), expected: 1, polled_at: late, set: Vec::new(), forgets: false };
    store.move_positions(polled).wait().unwrap();
    let polled =
        PositionMove { poller: "git \0 ü".to_owned(), expected: 0, polled_at: late, set: Vec::new(), forgets: false };
    store.move_positions(polled).wait().unwrap();
    // A large body and a large change.
    append(store, kept(delivery(&"large ".repeat(1_000_000), accepted("large"))));
    let large = Change { comments: "comment ".repeat(100_000), ..change("large") };
    append(store, kept(delivery("l", NewState::Accepted(vec![large]))));
    // Settlements of all kinds, requeued ones, a cursor that is gone.
    let newest = *store.tail().borrow();
    let place = CursorPlace { position: newest - 6, done: vec![newest - 2, newest], state: b"state \0".to_vec() };
    let kinds = SettlementKind::ALL.into_iter().cycle();
    let first = store.read_on(0, 1).unwrap()[0].changeid;
    let all: Vec<_> = (first..=newest - 6).zip(kinds).map(|(changeid, kind)| settled(changeid, kind)).collect();
    let version = move_to(store, "sink ü \0", None, place.clone(), all);
    let once_more = vec![settled(newest, SettlementKind::Delivered), settled(first + 2, SettlementKind::Requeued)];
    move_to(store, "sink ü \0", Some(version), place, once_more);
    move_to(store, "a sink", None, CursorPlace { position: newest, ..CursorPlace::default() }, Vec::new());
    let version = move_to(
        store,
        "gone",
        None,
        CursorPlace { position: first - 1, ..CursorPlace::default() },
        vec![settled(first, SettlementKind::Dead)],
    );
    let removal =
        CursorMove { name: "gone".to_owned(), expected: Some(version), to: None, epoch: None, settlements: Vec::new() };
    store.move_cursors(vec![removal]).wait().unwrap();

    let deliveries = store.reader().deliveries(&hookd_store::Query::default().limit(1)).unwrap().rows;
    Filled { duplicates, new, newest_deliveryid: deliveries[0].deliveryid, newest_changeid: newest }
}
