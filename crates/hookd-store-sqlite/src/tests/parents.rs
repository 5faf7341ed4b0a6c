//! Parents of changes, held against what a plain loop finds: in the block of a change, in the open segment of the text index,
//! in stored ones, and beyond what a reader's index has.

use super::*;
use crate::Reader;

/// More than fit into a segment.
const CHANGES: usize = 60_000;

/// How far back a parent is looked for.
const DISTANCE: usize = 10_000;

/// Branch and repository of a change by its number.
fn line(number: usize) -> (Option<&'static str>, String) {
    // Longer than the texts of the index.
    let long = |end: &str| format!("https://example.org/{}/{end}", "x".repeat(300));
    if number.is_multiple_of(9_001) {
        (Some("rare"), "tea".to_owned())
    } else if number.is_multiple_of(10_003) {
        (Some("too rare"), "tea".to_owned())
    } else if number.is_multiple_of(101) {
        (None, "tea".to_owned())
    } else if number.is_multiple_of(503) {
        (Some("main"), long("one"))
    } else if number.is_multiple_of(7) {
        (Some("main"), long("another"))
    } else if number.is_multiple_of(4_001) {
        (Some(""), "tea".to_owned())
    } else {
        (Some("main"), format!("tea {}", number % 40))
    }
}

fn fill(store: &SqliteStore, numbers: std::ops::RangeInclusive<usize>) {
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(3000) {
        let replies = some.chunks(3).map(|three| {
            let change = |number: &usize| {
                let (branch, repository) = line(*number);
                Change { branch: branch.map(str::to_owned), repository, ..change("r", "") }
            };
            store.append(delivery(None, "", NewState::Accepted(three.iter().map(change).collect())))
        });
        replies.collect::<Vec<_>>().into_iter().for_each(|reply| drop(reply.wait().unwrap()));
    }
}

/// Compares the parents of all rare changes among these, and of some others.
fn look(store: &dyn hookd_store::Browse, kept_from: usize, numbers: std::ops::RangeInclusive<usize>) {
    let (first, last) = numbers.into_inner();
    let is_sample = |number: &usize| {
        [9_001, 10_003, 4_001, 101 * 7, 503, 997].iter().any(|step| number.is_multiple_of(*step)) || last - number < 3
    };
    let mut rare = 0;
    for number in (first..=last).filter(is_sample) {
        let own = line(number);
        let parent = (kept_from.max(number.saturating_sub(DISTANCE))..number).rev().find(|before| line(*before) == own);
        let found = store.change(number as i64).unwrap().unwrap().parent_changeid;
        assert_eq!(found, parent.map(|parent| parent as i64), "change {number}, {own:?}");
        rare += usize::from(parent.is_some_and(|parent| number - parent > 4_000));
    }
    assert!(last - first < CHANGES / 2 || rare >= 10, "some parents are far away: {rare}");
}

#[test]
fn parents_are_found_wherever_they_are() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    fill(&store, 1..=CHANGES / 2);
    // What is stored from now on is not in its index.
    let reader = Reader::open(&path).unwrap();
    fill(&store, CHANGES / 2 + 1..=CHANGES);
    let segments: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM text_segments", [], |row| row.get(0))
        .unwrap();
    assert!(segments >= 1, "there is more than the open segment");
    look(store.reader(), 1, 1..=CHANGES);
    look(&reader, 1, 1..=CHANGES);
    drop(reader);
    store.close();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    look(store.reader(), 1, 1..=CHANGES);
    fill(&store, CHANGES + 1..=CHANGES + 300);
    look(store.reader(), 1, 1..=CHANGES + 300);
    store.close();
    drop(store);

    // A broken index costs time, and no parent.
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE text_segments SET texts = x'00'", []).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    look(store.reader(), 1, CHANGES / 2..=CHANGES / 2 + 5_000);
    let expiry = Expiry { changes_before: Some(MAX_TIME), now: MAX_TIME, ..Expiry::default() };
    while store.expire(expiry).wait().unwrap().has_more {}
    fill(&store, CHANGES + 301..=CHANGES + 600);
    look(store.reader(), CHANGES + 301, CHANGES + 301..=CHANGES + 600);
}
