//! The store against a real file.

mod bounded;
mod care;
mod clock;
mod overload;
mod wal;

use bytes::Bytes;
use hookd_core::{Change, HookRequest};
use tempfile::TempDir;

use super::*;
use crate::{CHANGE_FIELDS, DELIVERY_FIELDS, Expiry, Filter, NewState, Operator, State, Value};

fn delivery(forge_id: Option<&str>, body: &str, state: NewState) -> NewDelivery {
    let request = HookRequest::post("/change_hook/github")
        .with_query("project=x")
        .with_header("X-GitHub-Event", "push")
        .with_header("Authorization", "Basic c2VjcmV0")
        .with_body(Bytes::from(body.to_owned()));
    NewDelivery {
        received_at: 1_700_000_000_250_000,
        dialect: "github".into(),
        event: Some("push".into()),
        forge_id: forge_id.map(str::to_owned),
        deduplicate: true,
        request: StoredRequest::of(&request, &["x-github-event"]),
        state,
    }
}

fn change(revision: &str, branch: &str) -> Change {
    Change {
        revision: Some(revision.into()),
        branch: Some(branch.into()),
        files: vec!["a.c".into(), "b.c".into()],
        properties: [("event".to_owned(), "push".into())].into_iter().collect(),
        ..Change::default()
    }
}

fn accepted(revision: &str) -> NewState {
    NewState::Accepted(vec![change(revision, "main")])
}

fn store() -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    (folder, store)
}

fn field(name: &str) -> &'static crate::Field {
    CHANGE_FIELDS.iter().chain(&DELIVERY_FIELDS).find(|field| field.name == name).unwrap()
}

fn filtered(name: &str, operator: Operator, value: Value) -> Query {
    Query { filters: vec![Filter { field: field(name), operator, values: vec![value] }], ..Query::default() }
}

#[test]
fn what_was_answered_is_there_after_opening_again() {
    let (folder, store) = store();
    let receipt = store.submit(delivery(Some("id"), "{}", accepted("r1"))).wait().unwrap();
    assert_eq!((receipt.deliveryid, receipt.changes, receipt.is_duplicate), (1, 1, false));
    let before = store.changes(&Query::default()).unwrap().rows;
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    let page = store.changes(&Query::default()).unwrap();
    assert_eq!(page.rows, before);
    assert_eq!(page.total, 1);
    assert_eq!(page.rows[0].change.when_timestamp, Some(1_700_000_000));
    let delivery = &store.deliveries(&Query::default()).unwrap().rows[0];
    assert_eq!((delivery.state, delivery.changeids.as_slice()), (State::Accepted, &[1][..]));
    assert_eq!(store.submit(self::delivery(None, "{}", accepted("r2"))).wait().unwrap().deliveryid, 2);
}

#[test]
fn keeps_the_request_without_the_headers_that_were_not_named() {
    let (_folder, store) = store();
    store.submit(delivery(None, "first", NewState::Ignored("no reason".into()))).wait().unwrap();
    store.submit(delivery(None, "second", NewState::Refused("wrong".into()))).wait().unwrap();
    let request = store.request(2).unwrap().unwrap();
    assert_eq!(request.body, "second");
    assert_eq!(request.head.query, "project=x");
    assert_eq!(request.head.headers, [("X-GitHub-Event".to_owned(), "push".to_owned())]);
    assert_eq!(store.request(3).unwrap(), None);
}

#[test]
fn the_same_delivery_is_stored_once_and_answered_as_the_first_time() {
    let (_folder, store) = store();
    let first = store.submit(delivery(Some("id"), "{}", accepted("r1"))).wait().unwrap();
    let again = store.submit(delivery(Some("id"), "{}", NewState::Ignored("now".into()))).wait().unwrap();
    assert_eq!(again, Receipt { is_duplicate: true, ..first });
    // Another body, dialect or id is another delivery; so is one that is not to be deduplicated.
    let others = [
        delivery(Some("id"), "{ }", accepted("r2")),
        NewDelivery { dialect: "other".into(), ..delivery(Some("id"), "{}", accepted("r3")) },
        delivery(Some("id2"), "{}", accepted("r4")),
        NewDelivery { deduplicate: false, ..delivery(Some("id"), "{}", accepted("r5")) },
        delivery(None, "{}", accepted("r6")),
        delivery(None, "{}", accepted("r7")),
    ];
    for other in others {
        assert!(!store.submit(other).wait().unwrap().is_duplicate);
    }
    assert_eq!(store.changes(&Query::default()).unwrap().total, 7);
}

#[test]
fn a_refused_delivery_may_come_again() {
    let (_folder, store) = store();
    store.submit(delivery(Some("id"), "{}", NewState::Refused("wrong".into()))).wait().unwrap();
    assert!(!store.submit(delivery(Some("id"), "{}", accepted("r"))).wait().unwrap().is_duplicate);
    assert!(store.submit(delivery(Some("id"), "{}", accepted("r"))).wait().unwrap().is_duplicate);
    let all = store.deliveries(&filtered("forge_id", Operator::Eq, Value::Text("id".into()))).unwrap();
    assert_eq!(all.total, 2, "also what was refused is found by its forge id");
}

#[test]
fn a_pending_delivery_that_was_refused_later_is_answered_as_the_first_time() {
    let (_folder, store) = store();
    let first = store.submit(delivery(Some("id"), "{}", NewState::Pending { expected: 1 })).wait().unwrap();
    let refused = Completion { deliveryid: 1, state: NewState::Refused("wrong".into()), note: None };
    assert!(store.complete(refused).wait().unwrap());
    let again = store.submit(delivery(Some("id"), "{}", NewState::Pending { expected: 1 })).wait().unwrap();
    assert_eq!((again.deliveryid, again.state, again.changes), (1, first.state, first.changes));
}

#[test]
fn a_closed_store_is_one_file() {
    let (folder, store) = store();
    store.submit(delivery(None, "", accepted("r"))).wait().unwrap();
    store.changes(&Query::default()).unwrap();
    store.close();
    let wal = std::fs::metadata(folder.path().join("hookd.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "all is in the database itself");
}

#[test]
fn duplicates_within_one_batch_are_found() {
    let (_folder, store) = store();
    // Queued while the writer is busy with the first, so that many are one batch.
    let replies: Vec<_> = (0..200).map(|_| store.submit(delivery(Some("id"), "{}", accepted("r")))).collect();
    let receipts: Vec<_> = replies.into_iter().map(|reply| reply.wait().unwrap()).collect();
    assert_eq!(receipts.iter().filter(|receipt| !receipt.is_duplicate).count(), 1);
    assert!(receipts.iter().all(|receipt| receipt.deliveryid == 1));
}

#[test]
fn a_pending_delivery_is_completed_once() {
    let (folder, store) = store();
    let receipt = store.submit(delivery(Some("id"), "{}", NewState::Pending { expected: 1 })).wait().unwrap();
    assert_eq!((receipt.state, receipt.changes), (State::Pending, 1));
    let mut due = store.pending().unwrap().remove(0);
    assert_eq!((due.attempts, due.dialect.as_str()), (0, "github"));
    due.attempts = 3;
    due.next_at += 5;
    store.postpone(due.clone()).wait().unwrap();
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    assert_eq!(store.pending().unwrap(), [due]);
    let completion = Completion { deliveryid: 1, state: accepted("r"), note: Some("no files".into()) };
    assert!(store.complete(completion.clone()).wait().unwrap());
    assert!(!store.complete(completion).wait().unwrap());
    assert_eq!(store.pending().unwrap(), []);
    let record = store.deliveries(&Query::default()).unwrap().rows.remove(0);
    assert_eq!((record.state, record.reason.as_deref()), (State::Accepted, Some("no files")));
    assert_eq!(record.changeids, [1]);
}

#[test]
fn a_change_knows_the_last_of_its_branch() {
    let (_folder, store) = store();
    for (revision, branch) in [("1", "main"), ("2", "topic"), ("3", "main")] {
        let state = NewState::Accepted(vec![change(revision, branch)]);
        store.submit(delivery(None, "", state)).wait().unwrap();
    }
    let rows = store.changes(&Query::default()).unwrap().rows;
    let parents: Vec<_> = rows.iter().map(|row| (row.changeid, row.parent_changeid)).collect();
    assert_eq!(parents, [(3, Some(1)), (2, None), (1, None)]);
}

#[test]
fn filters_as_the_rest_api_asks() {
    let (_folder, store) = store();
    for revision in ["aa", "ab", "b"] {
        store.submit(delivery(Some(revision), "", accepted(revision))).wait().unwrap();
    }
    let text = |text: &str| Value::Text(text.into());
    for (query, ids) in [
        (filtered("revision", Operator::Eq, text("ab")), vec![2]),
        (filtered("revision", Operator::Contains, text("a")), vec![2, 1]),
        (filtered("revision", Operator::Ne, text("b")), vec![2, 1]),
        (filtered("category", Operator::Ne, text("tag")), vec![3, 2, 1]),
        (filtered("files", Operator::Contains, text("a.c")), vec![3, 2, 1]),
        (filtered("files", Operator::Contains, text("a")), vec![]),
        (filtered("changeid", Operator::Gt, Value::Integer(2)), vec![3]),
    ] {
        let page = store.changes(&query).unwrap();
        assert_eq!(page.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), ids, "{query:?}");
        assert_eq!(page.total, ids.len() as u64);
    }
    let page = store.changes(&Query { limit: Some(1), offset: 1, ..Query::default() }).unwrap();
    assert_eq!((page.rows[0].changeid, page.total), (2, 3));
    let found = store.deliveries(&filtered("forge_id", Operator::Eq, text("b"))).unwrap();
    assert_eq!(found.rows[0].deliveryid, 3);
}

#[test]
fn a_second_hookd_is_refused() {
    let (folder, _store) = store();
    let error = SqliteStore::open(&folder.path().join("hookd.db")).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[test]
fn files_of_others_and_of_newer_versions_are_refused() {
    let folder = TempDir::new().unwrap();
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqliteStore::open(&foreign).err().unwrap(), OpenError::Foreign { .. }));
    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = SqliteStore::open(&newer).err().unwrap();
    assert!(error.to_string().contains("schema version 99, and this hookd knows versions up to 1"), "{error}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, but a text that is long enough to be taken for one".repeat(20))
        .unwrap();
    assert!(matches!(SqliteStore::open(&text).err().unwrap(), OpenError::Damaged { .. }));
}

#[test]
fn what_failed_is_not_there_and_the_writer_goes_on() {
    let (folder, store) = store();
    let other = rusqlite::Connection::open(folder.path().join("hookd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.submit(delivery(None, "", accepted("r"))).wait().unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.submit(delivery(None, "", accepted("r"))).wait().unwrap().deliveryid, 1);
    assert_eq!(store.changes(&Query::default()).unwrap().total, 1);
}

#[test]
fn what_waited_behind_a_batch_that_failed_gets_its_numbers() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    store.submit(delivery(None, "0", accepted("r0"))).wait().unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // This one waits for the lock, and the next one for this.
    let fails = store.submit(delivery(None, "1", accepted("r1")));
    std::thread::sleep(std::time::Duration::from_millis(100));
    let next = store.submit(delivery(None, "2", accepted("r2")));
    assert!(fails.wait().is_err());
    other.execute_batch("ROLLBACK").unwrap();
    // On a machine that is busy it may find the lock still there.
    let again = || store.submit(delivery(None, "2", accepted("r2"))).wait();
    assert_eq!(next.wait().or_else(|_| again()).unwrap().deliveryid, 2);
    assert_eq!(store.request(2).unwrap().unwrap().body, "2");
    let page = store.changes(&Query::default()).unwrap();
    let revisions = page.rows.iter().map(|row| (row.changeid, row.deliveryid, row.change.revision.as_deref().unwrap()));
    assert_eq!(revisions.collect::<Vec<_>>(), [(2, 2, "r2"), (1, 1, "r0")]);
    drop(store);
    assert_eq!(super::super::care::check(&path).unwrap().problems, Vec::<String>::new());
}

#[test]
fn the_same_delivery_at_the_same_time_is_stored_once() {
    let (_folder, store) = store();
    let new: usize = std::thread::scope(|scope| {
        let submit = |sender: usize| {
            let store = &store;
            scope.spawn(move || {
                let forge_ids = (0..300).map(|id| format!("{}", id / 3));
                let others = (0..300).map(|id| format!("{sender}-{id}"));
                let submit = |id: String| store.submit(delivery(Some(&id), "{}", accepted(&id))).wait().unwrap();
                forge_ids
                    .zip(others)
                    .flat_map(|(same, own)| [same, own])
                    .filter(|id| !submit(id.clone()).is_duplicate)
                    .count()
            })
        };
        (0..8).map(submit).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(new, 100 + 8 * 300);
    let changes = store.changes(&Query::default()).unwrap();
    assert_eq!(changes.total, 100 + 8 * 300);
}

#[test]
fn closing_stores_what_is_queued() {
    let (_folder, store) = store();
    let replies: Vec<_> = (0..50).map(|_| store.submit(delivery(None, "", accepted("r")))).collect();
    store.close();
    assert!(replies.into_iter().all(|reply| reply.wait().is_ok()));
    assert!(matches!(store.submit(delivery(None, "", accepted("r"))).wait(), Err(StoreError::Closed)));
    assert_eq!(store.changes(&Query::default()).unwrap().total, 50);
}

#[test]
fn lets_go_of_what_has_expired_and_of_nothing_else() {
    let (folder, store) = store();
    let old = 1_000_000_000_000_000;
    let at = |received_at, delivery| NewDelivery { received_at, ..delivery };
    store.submit(at(old, delivery(Some("1"), "one", accepted("r1")))).wait().unwrap();
    store.submit(at(old, delivery(Some("2"), "two", NewState::Pending { expected: 1 }))).wait().unwrap();
    store.submit(at(old, delivery(Some("3"), "three", accepted("r3")))).wait().unwrap();
    store.submit(delivery(Some("4"), "four", accepted("r4"))).wait().unwrap();
    let until_done = |expiry: Expiry| while store.expire(expiry).wait().unwrap() > 0 {};
    let count = |table: &str| -> i64 {
        let connection = rusqlite::Connection::open(folder.path().join("hookd.db")).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };

    until_done(Expiry { payloads_before: Some(old + 1), changes_before: None, now: i64::MAX });
    let kept: Vec<_> = (1..=4).map(|id| store.request(id).unwrap().is_some()).collect();
    assert_eq!(kept, [false, true, false, true], "what is pending keeps its request");
    assert_eq!((count("blocks"), count("held_blocks")), (4, 1));
    assert!(!store.submit(delivery(Some("1"), "one", accepted("r1"))).wait().unwrap().is_duplicate);

    until_done(Expiry { payloads_before: Some(old + 1), changes_before: Some(old + 1), now: i64::MAX });
    let changes = store.changes(&Query::default()).unwrap();
    assert_eq!(changes.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), [4, 3, 2], "nothing behind it goes");
    assert_eq!(changes.total, 3);
    assert_eq!(changes.rows[2].parent_changeid, None, "the first has lost its parent");
    let deliveries = store.deliveries(&Query::default()).unwrap();
    assert_eq!(deliveries.rows.iter().map(|row| row.deliveryid).collect::<Vec<_>>(), [5, 4, 3, 2]);

    let all = Expiry { payloads_before: Some(i64::MAX), changes_before: Some(i64::MAX), now: i64::MAX };
    store.complete(Completion { deliveryid: 2, state: accepted("r5"), note: None }).wait().unwrap();
    until_done(all);
    assert_eq!((count("blocks"), count("outcomes"), count("held_blocks")), (1, 0, 0));
    assert_eq!(store.changes(&Query::default()).unwrap().rows[0].changeid, 5);
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    let next = store.submit(delivery(None, "", accepted("r6"))).wait().unwrap();
    assert_eq!(next.deliveryid, 6, "numbers are not given twice");
    assert_eq!(store.changes(&Query::default()).unwrap().rows[0].changeid, 6);
}

/// More deliveries than a run of forge ids has keys, two changes each, and what is found among them before and after
/// opening again.
#[test]
fn finds_what_is_in_runs_and_what_is_in_the_tail() {
    let (folder, store) = store();
    let count = i64::try_from(crate::keys::Kind::ForgeId.run_length()).unwrap() + 1500;
    let branch = |id: i64| if id % 1000 == 1 { "rare" } else { "main" };
    let mut replies = std::collections::VecDeque::new();
    for id in 1..=count {
        let state = NewState::Accepted(vec![change(&format!("a{id}"), branch(id)), change(&format!("b{id}"), "other")]);
        replies.push_back(store.submit(delivery(Some(&format!("id {id}")), "{}", state)));
        if replies.len() > 1000 {
            replies.pop_front().unwrap().wait().unwrap();
        }
    }
    assert!(replies.into_iter().all(|reply| reply.wait().is_ok()));
    let look = |store: &SqliteStore| {
        for id in [1, 2, count / 2, count - 1000, count - 1, count] {
            let again = store.submit(delivery(Some(&format!("id {id}")), "{}", accepted("r"))).wait().unwrap();
            assert_eq!((again.deliveryid, again.is_duplicate), (id, true));
            let forge_id = Value::Text(format!("id {id}"));
            let found = store.deliveries(&filtered("forge_id", Operator::Eq, forge_id)).unwrap();
            assert_eq!((found.total, found.rows[0].deliveryid), (1, id));
            let revision = Value::Text(format!("a{id}"));
            let found = store.changes(&filtered("revision", Operator::Eq, revision)).unwrap();
            assert_eq!((found.total, found.rows[0].changeid, found.rows[0].deliveryid), (1, 2 * id - 1, id));
        }
        let parent = |id: i64| {
            let page = store.changes(&filtered("changeid", Operator::Eq, Value::Integer(2 * id - 1))).unwrap();
            page.rows[0].parent_changeid.map(|parent| (parent + 1) / 2)
        };
        assert_eq!(parent(1), None);
        assert_eq!(parent(30_001), Some(29_001), "of the same line, however far back");
        assert_eq!(parent(count - 1), Some(count - 2));
        let unknown = filtered("revision", Operator::Eq, Value::Text("c1".into()));
        assert_eq!(store.changes(&unknown).unwrap().total, 0);
    };
    look(&store);
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    look(&store);
    let page = store.changes(&Query { limit: Some(2), offset: 100, ..Query::default() }).unwrap();
    assert_eq!(page.total, 2 * u64::try_from(count).unwrap());
    assert_eq!(page.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), [2 * count - 100, 2 * count - 101]);

    // All of it is what `hookd store check` expects, which notices what is not.
    let path = folder.path().join("hookd.db");
    assert_eq!(super::care::check(&path).unwrap().problems, [""; 0]);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE key_filters SET filter = zeroblob(length(filter))").unwrap();
    assert_eq!(super::care::check(&path).unwrap().problems[0], "delivery 1 would not be found if it came again");
    connection.execute_batch("UPDATE key_filters SET filter = x'00'").unwrap();
    let told = super::care::check(&path).unwrap().problems;
    assert_eq!(told, ["an index of the store is broken: a filter has another length"]);
    let chunk =
        "UPDATE key_chunks SET data = zeroblob(length(data)) WHERE chunkid = (SELECT min(chunkid) FROM key_chunks)";
    connection.execute_batch(chunk).unwrap();
    assert_eq!(super::care::check(&path).unwrap().problems[1], "the index of forge ids is not that of the log");
}

#[test]
fn orders_and_pages_as_the_rest_api_asks() {
    let (_folder, store) = store();
    for (revision, branch) in [("1", "c"), ("2", "a"), ("3", "b"), ("4", "a")] {
        let state = NewState::Accepted(vec![change(revision, branch)]);
        store.submit(delivery(None, "", state)).wait().unwrap();
    }
    let by = |name: &str, is_descending| crate::Order { field: field(name), is_descending };
    let ids = |query: &Query| {
        let page = store.changes(query).unwrap();
        (page.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), page.total)
    };
    let ordered = |order| Query { order, ..Query::default() };
    assert_eq!(ids(&ordered(vec![by("branch", false)])).0, [4, 2, 3, 1]);
    assert_eq!(ids(&ordered(vec![by("branch", true), by("changeid", false)])).0, [1, 3, 2, 4]);
    assert_eq!(ids(&ordered(vec![by("changeid", false)])).0, [1, 2, 3, 4]);
    let page = Query { offset: 1, limit: Some(2), ..ordered(vec![by("branch", false)]) };
    assert_eq!(ids(&page), (vec![2, 3], 4));
    let page = Query { offset: 3, limit: Some(2), ..ordered(vec![by("changeid", false)]) };
    assert_eq!(ids(&page), (vec![4], 4));
    let page = Query { offset: 5, limit: Some(2), ..Query::default() };
    assert_eq!(ids(&page), (vec![], 4));
    let after = |operator, id| filtered("changeid", operator, Value::Integer(id));
    assert_eq!(ids(&after(Operator::Gt, 4)), (vec![], 0));
    assert_eq!(ids(&after(Operator::Ge, 3)), (vec![4, 3], 2));
    assert_eq!(ids(&after(Operator::Lt, i64::MIN)), (vec![], 0));
    assert_eq!(ids(&after(Operator::Gt, i64::MAX)), (vec![], 0));
    assert_eq!(ids(&Query { limit: Some(0), ..Query::default() }), (vec![], 4));
}
