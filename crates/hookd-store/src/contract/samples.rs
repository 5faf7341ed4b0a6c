//! Deliveries and changes to test with, and writes that are awaited.

use std::time::Duration;

use bytes::Bytes;
use hookd_core::{Change, HookRequest, Subject};

use crate::{
    ApiCalls, Completion, CursorMove, CursorPlace, Expired, Expiry, Moved, NewDelivery, NewState, Origin, Query,
    Receipt, SharedStore, StoredRequest, Timestamp,
};

/// When samples are received, unless said otherwise.
pub(super) const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_250_000);

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A delivery of the dialect `github` with this body, and without a forge id.
pub(super) fn delivery(body: &str, state: NewState) -> NewDelivery {
    let request = HookRequest::post("/change_hook/github")
        .with_query("project=x%20y")
        .with_header("X-GitHub-Event", "push")
        .with_header("Authorization", "Basic c2VjcmV0")
        .with_body(Bytes::from(body.to_owned()));
    NewDelivery {
        received_at: NOON,
        dialect: "github".to_owned(),
        event: Some("push".to_owned()),
        forge_id: None,
        deduplicate: true,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, &["x-github-event"])),
        state,
    }
}

/// The same with this forge id.
pub(super) fn identified(forge_id: &str, body: &str, state: NewState) -> NewDelivery {
    NewDelivery { forge_id: Some(forge_id.to_owned()), ..delivery(body, state) }
}

/// One with one change, whose body and revision are this text, received at this moment.
pub(super) fn received_at(received_at: Timestamp, text: &str) -> NewDelivery {
    NewDelivery { received_at, ..delivery(text, accepted(text)) }
}

/// A change of the branch `main`.
pub(super) fn change(revision: &str) -> Change {
    Change { revision: Some(revision.to_owned()), branch: Some("main".to_owned()), ..Change::default() }
}

/// A change with a value for every field.
pub(super) fn whole_change() -> Change {
    Change {
        author: "Ann Œ <ann@example.org>".to_owned(),
        branch: Some("refs/pull/1".to_owned()),
        category: Some("pull".to_owned()),
        codebase: "code".to_owned(),
        comments: "first line\n\nsecond \u{1f600}".to_owned(),
        committer: Some("Bob <bob@example.org>".to_owned()),
        files: vec!["a.c".to_owned(), "b/ü.c".to_owned()],
        project: "project".to_owned(),
        properties: [
            ("event".to_owned(), "push".into()),
            ("deep".to_owned(), serde_json::json!({ "list": [1, -2.5, null, true], "empty": {} })),
        ]
        .into_iter()
        .collect(),
        repository: "https://git.example.org/r".to_owned(),
        revision: Some("0123abc".to_owned()),
        revlink: Some("https://git.example.org/r/0123abc".to_owned()),
        src: Some("git".to_owned()),
        when_timestamp: Some(1_600_000_000),
    }
}

pub(super) fn accepted(revision: &str) -> NewState {
    NewState::Accepted(vec![change(revision)])
}

/// This many changes, with the revisions `r1`, `r2` and so on.
pub(super) fn accepted_many(count: usize) -> NewState {
    NewState::Accepted((1..=count).map(|number| change(&format!("r{number}"))).collect())
}

pub(super) fn ignored() -> NewState {
    NewState::Ignored("nothing to build".to_owned())
}

/// What is not known yet.
pub(super) const NOTHING: Subject = Subject { repository: String::new(), branch: None, revision: None };

pub(super) const PENDING: NewState = NewState::Pending { reported_changes: 1, about: NOTHING };

pub(super) fn append(store: &SharedStore, delivery: NewDelivery) -> Receipt {
    store.append(delivery).wait().unwrap()
}

pub(super) fn complete(store: &SharedStore, deliveryid: i64, state: NewState) -> bool {
    store.complete(Completion { deliveryid, state, note: None, api_calls: ApiCalls::default() }).wait().unwrap()
}

/// Expires step by step until nothing is left; returns the sum.
pub(super) fn expire(store: &SharedStore, expiry: Expiry) -> Expired {
    let mut sum = Expired::default();
    loop {
        sum += store.expire(expiry).wait().unwrap();
        if !sum.has_more {
            return sum;
        }
    }
}

/// Expires changes and deliveries that were received before this moment, long afterwards.
pub(super) fn changes_before(before: Timestamp) -> Expiry {
    let now = before.saturating_add(1000 * HOUR);
    Expiry { changes_before: Some(before), now, ..Expiry::default() }
}

/// Expires requests that were received before this moment, long afterwards.
pub(super) fn payloads_before(before: Timestamp) -> Expiry {
    let now = before.saturating_add(1000 * HOUR);
    Expiry { payloads_before: Some(before), now, ..Expiry::default() }
}

pub(super) fn at(position: i64) -> CursorPlace {
    CursorPlace { position, ..CursorPlace::default() }
}

pub(super) fn cursor_move(name: &str, expected: Option<u64>, to: impl Into<Option<CursorPlace>>) -> CursorMove {
    CursorMove { name: name.to_owned(), expected, to: to.into(), epoch: None, settlements: Vec::new() }
}

/// Moves one cursor; returns its new version.
pub(super) fn move_to(store: &SharedStore, name: &str, expected: Option<u64>, place: CursorPlace) -> u64 {
    let moved = store.move_cursors(vec![cursor_move(name, expected, place)]).wait().unwrap();
    match moved.as_slice() {
        [Moved::To(version)] => *version,
        other => panic!("the cursor did not move: {other:?}"),
    }
}

/// The numbers of the changes that can be read on, all of them.
pub(super) fn changeids(store: &SharedStore) -> Vec<i64> {
    let mut changeids = Vec::new();
    loop {
        let read = store.read_on(changeids.last().copied().unwrap_or(0), 100).unwrap();
        if read.is_empty() {
            return changeids;
        }
        for change in read {
            assert!(changeids.last().is_none_or(|last| *last < change.changeid), "change {} again", change.changeid);
            changeids.push(change.changeid);
        }
    }
}

/// The numbers of all deliveries, oldest first.
pub(super) fn deliveryids(store: &SharedStore) -> Vec<i64> {
    let page = store.reader().deliveries(&Query::default()).unwrap();
    page.rows.iter().rev().map(|delivery| delivery.deliveryid).collect()
}

/// The deliveries of these numbers whose requests are kept.
pub(super) fn with_request(store: &SharedStore, deliveryids: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    deliveryids.filter(|id| store.reader().request(*id).unwrap().is_some()).collect()
}
