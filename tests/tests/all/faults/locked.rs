//! A database that another process has locked.

use std::path::Path;
use std::time::{Duration, Instant};

use hookd_tests::Home;
use rusqlite::Connection;

use super::{MEANWHILE, Sender, TABLES, logged_once};

/// How long a webhook may take that first has to wait for the lock.
const BOUND: Duration = Duration::from_secs(5);

/// Locks the database, from this process, until the connection is dropped.
fn lock(database: &Path) -> Connection {
    let connection = Connection::open(database).expect("the store is there");
    connection.execute_batch("BEGIN EXCLUSIVE").expect("nobody else has a lock");
    connection
}

#[test]
fn a_locked_database_is_503_within_seconds_until_the_lock_is_gone() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    assert_eq!(sender.send(&hookd, 0).status, 202);
    let lock = lock(&hookd.home().path().join("hookd.db"));
    let begun = Instant::now();
    assert_eq!(sender.send(&hookd, 0).status, 503);
    assert!(begun.elapsed() < BOUND, "the first took {:?}", begun.elapsed());
    let begun = Instant::now();
    sender.send_in_vain(&hookd, "locked");
    let each = begun.elapsed() / u32::try_from(MEANWHILE).expect("it is small");
    assert!(each < Duration::from_secs(1), "each more took {each:?}");
    // Readers do not wait for the lock.
    sender.check(&hookd);
    drop(lock);
    sender.send_again(&hookd);
    logged_once(&hookd, "another process has locked it");
    sender.check_after_crash(hookd);
}

#[test]
fn a_database_that_is_locked_at_startup_is_an_error_or_waited_for() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    assert_eq!(sender.send(&hookd, 0).status, 202);
    let home = hookd.kill_9();
    let database = home.path().join("hookd.db");

    // A lock that allows others to read lets hookd start.
    let lock = lock(&database);
    let hookd = home.start();
    sender.send_in_vain(&hookd, "locked");
    drop(lock);
    sender.send_again(&hookd);
    sender.check(&hookd);

    let home = hookd.terminate().1;
    let lock = Connection::open(&database).expect("the store is there");
    lock.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("nobody else has a lock");
    let finished = home.run(&["serve", "--log-format", "human"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("hookd.db`: another process has locked it"), "{}", finished.stderr);
    drop(lock);
    sender.check(&home.start());
}
