//! Reading onward while changes are committed: what comes from memory is what the file has.

use hookd_store::Completion;

use super::*;

/// Reads on from a number to the end.
fn read_on(store: &SqliteStore, after: i64, into: &mut Vec<std::sync::Arc<hookd_store::LoggedChange>>) {
    let mut after = after;
    while after < *store.tail().borrow() {
        let read = store.read_on(after, 3).unwrap();
        after = read.last().unwrap().changeid;
        into.extend(read);
    }
}

#[test]
fn what_was_just_committed_reads_as_after_a_restart() {
    let (folder, store) = store();
    let mut read = Vec::new();
    assert_eq!(store.read_on(0, 10).unwrap(), []);
    for number in 0..20 {
        let id = format!("id {number}");
        let changes = vec![change(&format!("a{number}"), "main"), change(&format!("b{number}"), "other")];
        let new = || delivery(Some(&id), "{}", NewState::Accepted(changes.clone()));
        let plain = delivery(None, "{}", NewState::Ignored("none".to_owned()));
        let waiting = delivery(None, "{}", NewState::Pending { reported_changes: 1, about: Subject::default() });
        // A duplicate and those without changes, in the same transaction where they come in time.
        let replies = [new(), plain, new(), waiting].map(|new| store.append(new));
        let receipts = replies.map(|reply| reply.wait().unwrap());
        if number % 3 == 0 {
            let state = accepted(&format!("c{number}"));
            let deliveryid = receipts[3].deliveryid;
            let completion = Completion { deliveryid, state, note: None, api_calls: ApiCalls::default() };
            let replies = (store.complete(completion), store.append(delivery(None, "{}", accepted("d"))));
            assert!(replies.0.wait().unwrap());
            replies.1.wait().unwrap();
        }
        let after = read.len() as i64;
        read_on(&store, after, &mut read);
    }
    drop(store);
    let store = SqliteStore::open(&folder.path().join("hookd.db")).unwrap();
    let mut again = Vec::new();
    read_on(&store, 0, &mut again);
    assert_eq!(read, again);
    assert_eq!(again.len(), 20 * 2 + 7 * 2);
}
