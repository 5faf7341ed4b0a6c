//! A copy of a store that is so large that its indexes have parts, interrupted now and then.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use hookd_core::{Change, HookRequest, Subject};
use hookd_store::copy::{CopyError, copy};
use hookd_store::{ApiCalls, Completion, Log, NewDelivery, NewState, Origin, Search, Store, StoredRequest, Timestamp};
use hookd_store_sqlite::{SqliteExport, SqliteImport, SqliteStore, maintenance};

/// More than two runs of the index of identities, and two segments of that of texts.
const DELIVERIES: usize = 80_000;

fn revision(number: usize) -> String {
    format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn delivery(number: usize) -> NewDelivery {
    let request = HookRequest::post("/change_hook/github").with_body(format!("body {number}"));
    let change = Change {
        revision: Some(revision(number)),
        repository: format!("repository {}", number % 1000),
        author: "Ann".to_owned(),
        ..Change::default()
    };
    let state = match number % 10 {
        0 => NewState::Ignored(format!("no reason {}", number % 100)),
        1 => NewState::Pending { reported_changes: 1, about: Subject::default() },
        _ => NewState::Accepted(vec![change]),
    };
    NewDelivery {
        received_at: Timestamp::from_micros(1_700_000_000_000_000 + number as i64),
        dialect: "github".to_owned(),
        event: Some("push".to_owned()),
        forge_id: Some(format!("id {number}")),
        deduplicate: true,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, &[])),
        state,
    }
}

fn fill(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let mut before = Vec::new();
    for number in 0..DELIVERIES {
        before.push(store.append(delivery(number)));
        if before.len() == 400 {
            let receipts: Vec<_> = before.drain(..).map(|reply| reply.wait().unwrap()).collect();
            // Of those that wait nine of ten are completed, with or without a change, when others have come.
            let pending = receipts.iter().filter(|receipt| receipt.state == hookd_store::State::Pending);
            let complete = pending.filter(|receipt| receipt.deliveryid % 100 != 2).map(|receipt| {
                let state = match receipt.deliveryid % 20 {
                    2 => NewState::Refused("gone later".to_owned()),
                    _ => NewState::Accepted(vec![Change { author: "Bob".to_owned(), ..Change::default() }]),
                };
                let (deliveryid, api_calls) = (receipt.deliveryid, ApiCalls::default());
                store.complete(Completion { deliveryid, state, note: None, api_calls })
            });
            complete.collect::<Vec<_>>().into_iter().for_each(|reply| assert!(reply.wait().unwrap()));
        }
    }
    before.into_iter().for_each(|reply| drop(reply.wait().unwrap()));
}

/// What searches find.
fn found(store: &dyn Store) -> Vec<Vec<i64>> {
    let search = |word: &str| {
        let search = Search { words: vec![word.to_owned()], ..Search::default() };
        store.reader().search(&search, 2000).unwrap().iter().map(|delivery| delivery.deliveryid).collect()
    };
    ["repository 77", "id 4242", "no reason 20", "gone later", "bob", &revision(4242)].map(search).to_vec()
}

#[test]
fn a_large_store_is_found_in_its_copy_whole() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    fill(&from);
    let mut interruptions = 0;
    let copied = loop {
        let mut source = SqliteExport::open(&from).unwrap();
        let mut destination = SqliteImport::open(&to).unwrap();
        let mut steps = 40;
        match copy(&mut source, &mut destination, &mut |progress| {
            steps -= i32::from(progress.step == "copying the log");
            steps > 0
        }) {
            Ok(copied) => break copied,
            Err(CopyError::Interrupted) => interruptions += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(interruptions >= 3 && copied.was_continued, "{interruptions}");
    let checked = maintenance::check(&to).unwrap();
    assert_eq!((checked.problems, checked.deliveries), (Vec::new(), DELIVERIES as u64));
    let (one, other) = (SqliteStore::open(&from).unwrap(), SqliteStore::open(&to).unwrap());
    let expected = found(&one);
    let counts: Vec<usize> = expected.iter().map(Vec::len).collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(found(&other) == expected, "{counts:?}");
    for number in (0..DELIVERIES).step_by(997) {
        let [one, other] = [&one, &other].map(|store| store.append(delivery(number)).wait().unwrap());
        assert_eq!(one, other, "{number}");
    }
    assert_eq!(one.pending().unwrap(), other.pending().unwrap());
}
