//! The text index over several segments, through restarts, crashes and damage.

use std::fs;

use hookd_store::Search;
use rusqlite::Connection;

use super::*;

/// More than fit into a segment.
const DELIVERIES: usize = 30_000;

fn words(text: &str) -> Search {
    Search { words: text.split(' ').map(str::to_owned).collect(), ..Search::default() }
}

fn found(store: &SqliteStore, text: &str) -> Vec<i64> {
    store.reader().search(&words(text), 10).unwrap().iter().map(|delivery| delivery.deliveryid).collect()
}

fn hash(number: usize) -> String {
    format!("{:08x}{:032x}", (number as u32).wrapping_mul(0x9e37_79b9), number)
}

/// The branch of a delivery is its own at every hundredth.
fn numbered(number: usize) -> NewDelivery {
    let branch = if number.is_multiple_of(100) { format!("topic-{number}-x") } else { "main".to_owned() };
    let changes = vec![change("first", &branch), change(&hash(number), &branch)];
    delivery(None, "", NewState::Accepted(changes))
}

fn fill(store: &SqliteStore, numbers: std::ops::Range<usize>) {
    for chunk in numbers.collect::<Vec<_>>().chunks(1000) {
        let replies: Vec<_> = chunk.iter().map(|number| store.append(numbered(*number))).collect();
        replies.into_iter().for_each(|reply| drop(reply.wait().unwrap()));
    }
}

fn segments(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM text_segments", [], |row| row.get(0)).unwrap()
}

/// That a revision is found by its beginning with a filter, among the changes.
fn look_for_beginning(store: &SqliteStore, number: usize) {
    let query = Query::default().filter(ChangeField::Revision, Operator::StartsWith, &hash(number)[..9]);
    let page = store.reader().changes(&query).unwrap();
    assert_eq!((page.total, page.rows[0].changeid), (1, 2 * number as i64 + 2));
    assert_eq!(page.rows[0].change.revision.as_deref(), Some(hash(number).as_str()));
}

/// That each of these deliveries is found, and nothing else.
fn look(store: &SqliteStore, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        let deliveryid = number as i64 + 1;
        assert_eq!(found(store, &hash(number)[..9]), [deliveryid]);
        assert_eq!(found(store, &hash(number).to_uppercase()), [deliveryid]);
        look_for_beginning(store, number);
        if number.is_multiple_of(100) {
            assert_eq!(found(store, &format!("OPIC-{number}-")), [deliveryid]);
        }
        let query = Query::default().filter(ChangeField::Branch, Operator::Eq, format!("topic-{number}-x").as_str());
        assert_eq!(store.reader().changes(&query).unwrap().total, if number.is_multiple_of(100) { 2 } else { 0 });
    }
    assert_eq!(found(store, "topic-7-x"), [0; 0]);
    assert_eq!(found(store, "topic- nothing"), [0; 0]);
}

#[test]
fn all_segments_are_searched_through_restarts_and_crashes() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    fill(&store, 0..DELIVERIES);
    assert!(segments(&path) >= 1, "there is more than the open segment");
    let samples = [0, 99, 100, 15_000, 25_000, DELIVERIES - 100, DELIVERIES - 1];
    look(&store, samples);
    assert_eq!(found(&store, "topic-").len(), 10);

    // A crash: the open segment is read from the log.
    let copy = TempDir::new().unwrap();
    for name in ["hookd.db", "hookd.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let crashed = SqliteStore::open(&copy.path().join("hookd.db")).unwrap();
    look(&crashed, samples);

    // A restart: it goes on where it was.
    store.close();
    drop(store);
    let before = segments(&path);
    let store = SqliteStore::open(&path).unwrap();
    look(&store, samples);
    fill(&store, DELIVERIES..DELIVERIES + 200);
    look(&store, [DELIVERIES - 1, DELIVERIES, DELIVERIES + 100]);
    store.close();
    assert_eq!(segments(&path), before, "no segment for every restart");
    assert_eq!(check(&path).unwrap().problems, [""; 0]);
}

#[test]
fn expired_segments_are_deleted() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    fill(&store, 0..DELIVERIES);
    let stored = segments(&path);
    let expiry = Expiry { changes_before: Some(MAX_TIME), now: MAX_TIME, ..Expiry::default() };
    while store.expire(expiry).wait().unwrap().has_more {}
    assert!(segments(&path) < stored);
    assert_eq!(found(&store, "topic-0-x"), [0; 0]);
    fill(&store, DELIVERIES..DELIVERIES + 1);
    look(&store, [DELIVERIES]);
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    look(&store, [DELIVERIES]);
}

#[test]
fn a_damaged_index_is_named_and_does_not_stop_hookd() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    fill(&store, 0..10);
    store.close();
    drop(store);
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE text_segments SET texts = x'00'", []).unwrap();
    drop(connection);
    assert!(check(&path).unwrap().problems[0].contains("the text index from block 1 on is broken"));
    let store = SqliteStore::open(&path).unwrap();
    fill(&store, 10..11);
    look(&store, [10]);
    assert!(store.reader().search(&words("topic-0-x"), 10).is_ok(), "it is read from the log again");
    look(&store, [0]);
    store.close();
    assert_eq!(check(&path).unwrap().problems, [""; 0], "and written again");
}
