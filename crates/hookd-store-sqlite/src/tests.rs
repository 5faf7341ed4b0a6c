//! The engine against a real file: what the contract suite cannot see.

mod bounded;
mod maintenance;
mod onward;
mod overload;
mod parents;
mod runs;
mod search;
mod wal;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use hookd_core::{Change, HookRequest, Subject};
use hookd_store::{
    ApiCalls, ChangeField, Completion, DeliveryField, Expiry, Log as _, NewDelivery, NewState, Operator, Origin, Query,
    Reply, Store as _, StoreError, StoredRequest, Timestamp,
};
use tempfile::TempDir;

use crate::maintenance::check;
use crate::store::MAX_QUEUED_WRITES;
use crate::{OpenError, SqliteStore};

/// Later than everything.
const MAX_TIME: Timestamp = Timestamp::from_micros(i64::MAX);

fn delivery(forge_id: Option<&str>, body: &str, state: NewState) -> NewDelivery {
    let request = HookRequest::post("/change_hook/github")
        .with_query("project=x")
        .with_header("X-GitHub-Event", "push")
        .with_header("Authorization", "Basic c2VjcmV0")
        .with_body(Bytes::from(body.to_owned()));
    NewDelivery {
        received_at: Timestamp::from_micros(1_700_000_000_250_000),
        dialect: "github".into(),
        event: Some("push".into()),
        forge_id: forge_id.map(str::to_owned),
        deduplicate: true,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, &["x-github-event"])),
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

#[test]
fn a_closed_store_is_one_file() {
    let (folder, store) = store();
    store.append(delivery(None, "", accepted("r"))).wait().unwrap();
    store.reader().changes(&Query::default()).unwrap();
    store.close();
    let wal = std::fs::metadata(folder.path().join("hookd.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "all is in the database itself");
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
    let error = store.append(delivery(None, "", accepted("r"))).wait().unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.append(delivery(None, "", accepted("r"))).wait().unwrap().deliveryid, 1);
    assert_eq!(store.reader().changes(&Query::default()).unwrap().total, 1);
}

#[test]
fn what_waited_behind_a_batch_that_failed_gets_its_numbers() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    store.append(delivery(None, "0", accepted("r0"))).wait().unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // More than one batch takes: the first one waits for the lock, and the last one for that.
    let append = |number: usize| store.append(delivery(None, &number.to_string(), accepted(&format!("r{number}"))));
    let mut replies: Vec<_> = (1..=crate::intake::MAX_BATCH_WRITES + 1).map(append).collect();
    let last = replies.pop().unwrap();
    assert!(replies.remove(0).wait().is_err());
    other.execute_batch("ROLLBACK").unwrap();
    // On a machine that is busy they may find the lock still there.
    let mut stored: Vec<_> = replies.into_iter().filter_map(|reply| reply.wait().ok()).collect();
    stored.push(last.wait().or_else(|_| append(1).wait()).unwrap());
    let deliveryids: Vec<_> = stored.iter().map(|receipt| receipt.deliveryid).collect();
    assert!((2..).take(stored.len()).eq(deliveryids.iter().copied()), "{deliveryids:?}");
    for deliveryid in deliveryids {
        let body = store.reader().request(deliveryid).unwrap().unwrap().body;
        let revision = store.reader().change(deliveryid).unwrap().unwrap().change.revision.unwrap();
        assert_eq!(format!("r{}", String::from_utf8_lossy(&body)), revision);
    }
    drop(store);
    assert_eq!(check(&path).unwrap().problems, [""; 0]);
}

/// Deliveries of one forge id cost what others cost: bodies that differ are not compared.
#[test]
fn many_deliveries_of_one_forge_id_are_distinguished_without_their_bodies() {
    let (folder, store) = store();
    let send = |number: usize| store.append(delivery(Some("same"), &format!("body {number}"), accepted("r")));
    let replies: Vec<_> = (0..3000).map(send).collect();
    let is_duplicate = |reply: Reply<hookd_store::Receipt>| reply.wait().unwrap().is_duplicate;
    assert!(replies.into_iter().all(|reply| !is_duplicate(reply)));
    assert!([0, 1, 1500, 2999].map(send).into_iter().all(is_duplicate));
    let found = store
        .reader()
        .deliveries(&Query::default().filter(DeliveryField::ForgeId, Operator::Eq, "same").limit(1))
        .unwrap();
    assert_eq!((found.total, found.rows[0].deliveryid), (3000, 3000));
    // Even where no request is left that they could be compared with.
    let expiry = Expiry { payloads_before: Some(MAX_TIME), now: MAX_TIME, ..Expiry::default() };
    while store.expire(expiry).wait().unwrap().has_more {}
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("hookd.db")).unwrap();
    connection.execute("UPDATE blocks SET requests = NULL", []).unwrap();
    drop(connection);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    let send = |number: usize| store.append(delivery(Some("same"), &format!("body {number}"), accepted("r")));
    assert!([0, 1, 1500, 2999].map(send).into_iter().all(is_duplicate));
    assert!(!is_duplicate(send(3000)));
}

#[test]
fn a_pending_delivery_keeps_its_block_and_its_request() {
    let (folder, store) = store();
    let old = Timestamp::from_micros(1_000_000_000_000_000);
    let expired = Timestamp::from_micros(1_000_000_000_000_001);
    let at = |received_at, delivery| NewDelivery { received_at, ..delivery };
    store.append(at(old, delivery(Some("1"), "one", accepted("r1")))).wait().unwrap();
    store
        .append(at(
            old,
            delivery(Some("2"), "two", NewState::Pending { reported_changes: 1, about: Subject::default() }),
        ))
        .wait()
        .unwrap();
    store.append(at(old, delivery(Some("3"), "three", accepted("r3")))).wait().unwrap();
    store.append(delivery(Some("4"), "four", accepted("r4"))).wait().unwrap();
    let until_done = |expiry: Expiry| while store.expire(expiry).wait().unwrap().has_more {};
    let count = |table: &str| -> i64 {
        let connection = rusqlite::Connection::open(folder.path().join("hookd.db")).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };

    until_done(Expiry { payloads_before: Some(expired), now: MAX_TIME, ..Expiry::default() });
    let kept: Vec<_> = (1..=4).map(|id| store.reader().request(id).unwrap().is_some()).collect();
    assert_eq!(kept, [false, true, false, true], "what is pending keeps its request");
    assert_eq!((count("blocks"), count("held_blocks")), (4, 1));
    assert!(store.append(delivery(Some("1"), "one", accepted("r1"))).wait().unwrap().is_duplicate);
    store.append(delivery(Some("5"), "five", accepted("r4"))).wait().unwrap();

    until_done(Expiry { payloads_before: Some(expired), changes_before: Some(expired), now: MAX_TIME });
    let changes = store.reader().changes(&Query::default()).unwrap();
    assert_eq!(changes.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), [4, 3, 2], "nothing behind it goes");
    assert_eq!(changes.total, 3);
    let deliveries = store.reader().deliveries(&Query::default()).unwrap();
    assert_eq!(deliveries.rows.iter().map(|row| row.deliveryid).collect::<Vec<_>>(), [5, 4, 3, 2]);

    let all = Expiry { payloads_before: Some(MAX_TIME), changes_before: Some(MAX_TIME), now: MAX_TIME };
    store
        .complete(Completion { deliveryid: 2, state: accepted("r5"), note: None, api_calls: ApiCalls::default() })
        .wait()
        .unwrap();
    until_done(all);
    assert_eq!((count("blocks"), count("outcomes"), count("held_blocks")), (1, 0, 0));
    assert_eq!(store.reader().changes(&Query::default()).unwrap().rows[0].changeid, 5);
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    let next = store.append(delivery(None, "", accepted("r6"))).wait().unwrap();
    assert_eq!(next.deliveryid, 6, "numbers are not given twice");
    assert_eq!(store.reader().changes(&Query::default()).unwrap().rows[0].changeid, 6);
}
