//! The store fails while changes are delivered: nothing is lost or repeated, and no more is sent than can be asked for.

use std::process::Command;

use hookd_tests::{Home, Hookd, Receiver, Reply, until};

use super::{change, send, stored, tables, wait_for_position, webhook_sink};
use crate::faults::check_store;

/// The most that is sent before the store has noted what was sent before.
const MOST_UNCOMMITTED: usize = 128;

const COUNT: usize = 200;

/// Sets how large files may become that hookd writes.
fn limit_files(hookd: &Hookd, limit: &str) {
    let arguments = [format!("--fsize={limit}"), "--pid".to_owned(), hookd.pid().to_string()];
    assert!(Command::new("prlimit").args(arguments).status().expect("prlimit runs").success());
}

#[test]
fn no_change_is_lost_or_repeated_where_the_store_fails_during_the_delivery() {
    let receiver = Receiver::start();
    receiver.answer(|_| Reply::Status(503));
    let hookd = Home::serving(&tables(&webhook_sink(&receiver.url(), ""))).start();
    send(hookd.public(), COUNT);
    limit_files(&hookd, "4096:");
    until("the store fails", || (hookd.send(&change("main", "refused")).status == 503).then_some(()));
    let accepted = stored(&hookd).len();

    // Now the changes can be delivered, and that cannot be noted.
    receiver.answer(|_| Reply::Status(204));
    until("the sink sends", || (receiver.taken().len() >= 10).then_some(()));
    assert_eq!(hookd.send(&change("main", "refused")).status, 503);
    assert!(receiver.taken().len() <= MOST_UNCOMMITTED);
    assert_eq!(super::position(hookd.home()), 0);

    limit_files(&hookd, "unlimited:");
    wait_for_position(&hookd, accepted);
    let stored: Vec<String> = stored(&hookd).into_iter().map(|(id, _)| id).collect();
    assert_eq!(receiver.taken().into_iter().map(|event| event.id).collect::<Vec<_>>(), stored);
    let sent = receiver.seen().iter().filter(|(_, reply)| *reply == Reply::Status(204)).count();
    assert_eq!(sent, accepted, "a store that fails is no reason to send anything twice");
    check_store(hookd.home());
}
