//! Changes on their way to sinks, whatever fails on either side: the real binary, and receivers that do as a test asks.

mod backlog;
mod certificate;
mod clock;
mod exec;
mod file;
mod kills;
pub(crate) mod master;
mod nats;
mod reload;
mod store;
mod webhook;

use std::net::SocketAddr;

use hookd_tests::http::{Connection, Request};
use hookd_tests::{Event, Home, Hookd, until};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::Value;

/// A configuration with the dialect `base` and this sink, whose name is `s`; failed attempts are repeated soon.
fn tables(sink: &str) -> String {
    format!(
        "[change_hook_dialects]\nbase = true\n\n[[sinks]]\nname = \"s\"\nretry_min = \"20ms\"\nretry_max = \"200ms\"\n{sink}\n"
    )
}

/// The lines of a sink `webhook`.
fn webhook_sink(url: &str, more: &str) -> String {
    format!("type = \"webhook\"\nurl = \"{url}\"\nproxy = false\n{more}")
}

/// A change of this branch and revision.
fn change(branch: &str, revision: &str) -> Request {
    Request::post("/change_hook/base")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("author=Ann&repository=https://example.org/tea&branch={branch}&revision={revision}"))
}

/// Sends changes `1` to `count` of the branch `main`, on one connection; all of them must be acknowledged.
fn send(address: SocketAddr, count: usize) {
    let mut connection = Connection::new(address);
    for number in 1..=count {
        let answer = connection.send(&change("main", &number.to_string())).expect("hookd answers");
        assert_eq!(answer.line(), "202 1 change found");
    }
}

/// The revisions of events.
fn revisions(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.field("revision").to_owned()).collect()
}

/// The numbers from 1 to `count`, but for these, as texts.
fn numbers_without(count: usize, without: &[usize]) -> Vec<String> {
    (1..=count).filter(|number| !without.contains(number)).map(|number| number.to_string()).collect()
}

/// The ids of all stored changes with their branches, in the order of the log.
fn stored(hookd: &Hookd) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    hookd.admin().changes().iter().map(|change| (text(&change["hookd_id"]), text(&change["branch"]))).collect()
}

/// The dead letters of the sink `s`, with the answer, as the store has them.
fn dead_letters(home: &Home) -> Vec<(i64, String)> {
    let database = open(home);
    let query = "SELECT changeid, answer FROM waiting_settlements WHERE cursor = 's' AND kind = 0 ORDER BY changeid";
    let mut statement = database.prepare(query).expect("the store has settlements");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("it can be read");
    rows.map(|row| row.expect("it can be read")).collect()
}

/// How many changes were delivered to the sink `s`, as the store has noted.
fn delivered(home: &Home) -> usize {
    let query = "SELECT ifnull(sum(delivered_count), 0) FROM settlement_runs WHERE cursor = 's'";
    open(home).query_row(query, [], |row| row.get(0)).expect("the store has settlements")
}

/// Up to where all changes have ended at the sink `s`.
fn position(home: &Home) -> i64 {
    let query = "SELECT position FROM cursors WHERE name = 's'";
    open(home).query_row(query, [], |row| row.get(0)).unwrap_or_default()
}

fn open(home: &Home) -> Database {
    let path = home.path().join("hookd.db");
    Database::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the store is there")
}

/// Waits until the sink `s` has had this many changes, and the store knows.
fn wait_for_position(hookd: &Hookd, changeid: usize) {
    let changeid = i64::try_from(changeid).expect("a number of a test");
    until(&format!("the cursor is at {changeid}"), || (position(hookd.home()) == changeid).then_some(()));
}

/// Waits until a line with this text is logged, which must come once.
fn logged_once(hookd: &Hookd, text: &str) {
    let lines = until(&format!("`{text}` is logged"), || {
        let lines = hookd.log().into_iter().filter(|line| line.contains(text)).collect::<Vec<_>>();
        (!lines.is_empty()).then_some(lines)
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
}
