//! More than the queue holds.

use super::*;

#[test]
fn more_than_the_queue_holds_is_refused_and_the_rest_is_stored() {
    let (folder, store) = store();
    let other = rusqlite::Connection::open(folder.path().join("hookd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writer takes a batch, and waits for the lock with it.
    let sent = MAX_QUEUED_WRITES + 2000;
    let replies: Vec<_> = (0..sent).map(|_| store.append(delivery(None, "{}", accepted("r")))).collect();
    other.execute_batch("ROLLBACK").unwrap();
    let answers: Vec<_> = replies.into_iter().map(Reply::wait).collect();
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Overloaded))).count();
    assert_eq!(stored + refused, sent);
    assert!(refused > 0 && stored >= MAX_QUEUED_WRITES, "{stored} stored, {refused} refused");
    assert_eq!(store.reader().deliveries(&Query::default()).unwrap().total, stored as u64);
    assert_eq!(store.queued(), 0);
}
