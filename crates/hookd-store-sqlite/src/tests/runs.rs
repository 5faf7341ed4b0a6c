//! A store with more deliveries than a run of identities has keys, two changes each.

use std::collections::VecDeque;

use super::*;
use crate::index::KeyKind;

/// How many deliveries it has: some are in runs, some among the recent keys.
fn count() -> i64 {
    i64::try_from(KeyKind::Identity.run_length()).unwrap() + 1500
}

fn filled() -> (TempDir, SqliteStore) {
    let (folder, store) = store();
    let mut replies = VecDeque::new();
    for id in 1..=count() {
        let changes = vec![change(&format!("a{id}"), "main"), change(&format!("b{id}"), "other")];
        replies.push_back(store.append(delivery(Some(&format!("id {id}")), "{}", NewState::Accepted(changes))));
        if replies.len() > 1000 {
            replies.pop_front().unwrap().wait().unwrap();
        }
    }
    assert!(replies.into_iter().all(|reply| reply.wait().is_ok()));
    (folder, store)
}

/// Looks for the first, the last, and some between.
fn finds_all(store: &SqliteStore) {
    for id in [1, 2, count() / 2, count() - 1000, count() - 1, count()] {
        let again = store.append(delivery(Some(&format!("id {id}")), "{}", accepted("r"))).wait().unwrap();
        assert_eq!((again.deliveryid, again.is_duplicate), (id, true));
        let found = store
            .reader()
            .deliveries(&Query::default().filter(DeliveryField::ForgeId, Operator::Eq, &*format!("id {id}")))
            .unwrap();
        assert_eq!((found.total, found.rows[0].deliveryid), (1, id));
        let revision = format!("a{id}");
        let found =
            store.reader().changes(&Query::default().filter(ChangeField::Revision, Operator::Eq, &*revision)).unwrap();
        assert_eq!((found.total, found.rows[0].changeid, found.rows[0].deliveryid), (1, 2 * id - 1, id));
    }
    let unknown = Query::default().filter(ChangeField::Revision, Operator::Eq, "c1");
    assert_eq!(store.reader().changes(&unknown).unwrap().total, 0);
}

#[test]
fn finds_what_is_in_runs_and_what_is_recent_before_and_after_opening_again() {
    let (folder, store) = filled();
    finds_all(&store);
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    finds_all(&store);
    drop(store);
    assert_eq!(check(&folder.path().join("hookd.db")).unwrap().problems, [""; 0]);
}

#[test]
fn counts_and_reads_onward_over_many_blocks() {
    let (_folder, store) = filled();
    let page = store.reader().changes(&Query::default().offset(100).limit(2)).unwrap();
    assert_eq!(page.total, 2 * count().unsigned_abs());
    assert_eq!(page.rows.iter().map(|row| row.changeid).collect::<Vec<_>>(), [2 * count() - 100, 2 * count() - 101]);
    // A parent is found within a bounded distance only.
    let parent = |changeid| store.reader().change(changeid).unwrap().unwrap().parent_changeid;
    assert_eq!((parent(1), parent(3), parent(2 * count())), (None, Some(1), Some(2 * count() - 2)));
    let mut after = 0;
    while after < 2 * count() {
        let read = store.read_on(after, 700).unwrap();
        assert!(!read.is_empty() && read.len() <= 700);
        assert!(read.iter().map(|change| change.changeid).eq((after + 1..).take(read.len())));
        after += i64::try_from(read.len()).unwrap();
    }
    assert_eq!((after, store.read_on(after, 700).unwrap()), (2 * count(), vec![]));
}

#[test]
fn a_check_finds_damage_to_runs_and_their_filters() {
    let (folder, store) = filled();
    drop(store);
    let path = folder.path().join("hookd.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let problems_after = |damage: &str| {
        connection.execute_batch(damage).unwrap();
        check(&path).unwrap().problems
    };
    let found = problems_after("UPDATE key_filters SET filter = zeroblob(length(filter))");
    assert_eq!(found[0], "delivery 1 would not be found if it were sent again");
    let found = problems_after("UPDATE key_filters SET filter = x'00'");
    assert_eq!(found, ["an index of the store is broken: a filter has another length"]);
    let found = problems_after(
        "UPDATE key_chunks SET data = zeroblob(length(data)) WHERE chunkid = (SELECT min(chunkid) FROM key_chunks)",
    );
    assert_eq!(found[1], "the index of identities does not agree with the log");
}
