//! What waits for the store's writer: deliveries with the changes that they became.

use std::time::Duration;

use hookd_tests::{Home, until};
use serde_json::{Value, json};

use crate::push;
use crate::raw::Raw;

/// How many senders there are.
const COUNT: usize = 1000;

/// A push of some 30 KiB that becomes changes of a MiB, since each of its commits repeats a long text.
fn swollen(number: usize) -> Value {
    let mut payload = push::payload(&format!("a{number}"));
    let commit = payload["commits"][0].clone();
    payload["commits"] = (0..256).map(|_| commit.clone()).collect();
    payload["repository"]["html_url"] = json!("r".repeat(4000));
    payload
}

#[test]
fn the_changes_of_what_waits_for_the_writer_are_counted_and_bounded() {
    rlimit::increase_nofile_limit(u64::MAX).expect("the hard limit may be taken");
    let config = "[server]\nlisten = '127.0.0.1:0'\nmax_buffered = '64MiB'\n[admin]\nlisten = '127.0.0.1:0'\n[store]\n\
                  url = 'sqlite:hookd.db'\n[change_hook_dialects]\ngithub = true\n";
    let hookd = Home::with_config(config).start();
    assert_eq!(hookd.send(&push::webhook("push", &swollen(COUNT))).line(), "202 256 change found");
    let before = hookd.memory().0;
    let lock = rusqlite::Connection::open(hookd.home().path().join("hookd.db")).expect("the store is there");
    lock.busy_timeout(Duration::from_secs(30)).expect("SQLite waits");
    lock.execute_batch("BEGIN IMMEDIATE").expect("nobody else has the lock");
    let mut senders: Vec<_> = (0..COUNT)
        .map(|number| {
            let mut connection = Raw::open(hookd.public());
            connection.write(push::webhook("push", &swollen(number)).to_bytes(hookd.public()));
            connection
        })
        .collect();
    let unstored = "hookd_requests_total{dialect=\"github\",outcome=\"unstored\"}";
    until("some are refused", || (hookd.admin().metric(unstored) > 0.0).then_some(()));
    let buffered = hookd.admin().metric("hookd_buffered_bytes");
    lock.execute_batch("ROLLBACK").expect("it has begun");
    let answers: Vec<_> = senders.iter_mut().filter_map(Raw::answer).collect();
    assert_eq!(answers.len(), COUNT);
    assert!(answers.iter().all(|answer| [202, 503].contains(&answer.status)));
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    let (_, peak) = hookd.memory();
    println!(
        "{COUNT} pushes of a MiB of changes: {before} MiB before, {peak} MiB at most, {buffered} bytes counted, {refused} refused"
    );
    assert!(refused > 0);
    assert!(peak < before + 300, "{before} MiB before, {peak} MiB at most");
    until("all memory is given back to the budget", || {
        (hookd.admin().metric("hookd_buffered_bytes") == 0.0).then_some(())
    });
    assert_eq!(hookd.send(&push::webhook("push", &swollen(COUNT + 1))).line(), "202 256 change found");
}
