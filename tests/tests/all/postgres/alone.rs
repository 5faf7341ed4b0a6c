//! One hookd at a time has a database.

use hookd_tests::{Hookd, Postgres, until};

use super::{home, revisions};
use crate::push;

fn signal(hookd: &Hookd, name: &str) {
    hookd.signal(name);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_second_hookd_is_refused_and_check_says_that_one_runs() {
    let server = Postgres::start();
    let url = server.url(&server.new_database());
    let hookd = home(&url).start();
    let second = home(&url);
    let refused = second.run(&["serve", "--config", "hookd.toml"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let pid = hookd.pid();
    assert!(refused.stderr.contains("is in use by the hookd on "), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("(process {pid})")), "{}", refused.stderr);
    let checked = second.run(&["check", "--config", "hookd.toml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.contains("in use by a running hookd"), "{}", checked.stdout);
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    // At once, since the first one lets go of the database when it ends.
    let (status, _) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    assert_eq!(revisions(&second.start()), ["1"]);
}

/// One that was stopped for longer than its lease finds another one in its place: it stores and delivers nothing then.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_hookd_that_was_stopped_for_too_long_stores_nothing() {
    let server = Postgres::start();
    let url = server.url(&server.new_database());
    let first = home(&url).start();
    assert_eq!(first.send(&push::request("1")).line(), "202 1 change found");
    signal(&first, "STOP");
    let second = home(&url).start();
    assert_eq!(second.send(&push::request("2")).line(), "202 1 change found");
    signal(&first, "CONT");
    let refused = first.send(&push::request("3"));
    assert_eq!(refused.line(), "503 the store is not available: nothing was stored, try again");
    let log = until("the cause is logged", || {
        Some(first.log().join("\n")).filter(|log| log.contains("has taken over the database"))
    });
    assert!(log.contains(&format!("(process {})", second.pid())), "{log}");
    assert_eq!(second.send(&push::request("4")).line(), "202 1 change found");
    assert_eq!(revisions(&second), ["1", "2", "4"]);
    // When that one has gone, the first one goes on.
    let (status, _) = second.terminate();
    assert_eq!(status.code(), Some(0));
    until("the first one works again", || {
        (first.send(&push::request("5").header("X-GitHub-Delivery", "d5")).status == 202).then_some(())
    });
    assert_eq!(revisions(&first), ["1", "2", "4", "5"]);
}
