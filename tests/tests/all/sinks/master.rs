//! A real Buildbot master as the sink: it has each change exactly once and in order, whatever happens on the way.
//!
//! `cargo xtask torture --sinks 10000` runs the tests with kills with as many changes.

mod faults;

use std::net::TcpListener;

use hookd_tests::{Buildbot, Home, LISTENERS, until};
use serde_json::{Value, json};

use super::kills::{Load, check_arrived};
use super::{change, dead_letters, logged_once, numbers_without, position, send, stored, tables, wait_for_position};
use crate::torture::setting;

/// How many changes a test with kills sends at least, unless `HOOKD_TORTURE_CHANGES` is set.
const COUNT: u64 = 300;

/// How many of them there are for each round of kills.
const COUNT_PER_ROUND: usize = 75;

/// A port outside of the range from which the system chooses, so that it is still free after the master was killed.
pub(crate) fn port() -> u16 {
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    ports.take(100).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("one of a hundred is free")
}

/// What a master is made from, with these keys beside the usual ones.
pub(crate) fn peer(port: u16, more: Value) -> Value {
    let mut peer = json!({"dialects": {"base": {"class": "base", "options": {}}}, "pollers": [], "port": port});
    for (key, value) in more.as_object().expect("it is a table") {
        peer[key] = value.clone();
    }
    peer
}

/// The configuration of hookd for a master at this port.
fn config(port: u16, more: &str) -> String {
    tables(&format!("type = \"buildbot\"\nurl = \"http://127.0.0.1:{port}/change_hook/base\"\nproxy = false\n{more}"))
}

/// The changes that a master has, in its order; its API lists the youngest first, whatever it is asked for.
fn changes(master: &Buildbot) -> Vec<Value> {
    let mut changes = master.list("changes", "changes");
    changes.sort_by_key(|change| change["changeid"].as_i64());
    changes
}

/// The ids and branches of the changes that a master has, in its order.
fn arrived(master: &Buildbot) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pair = |change: &Value| (text(&change["properties"]["hookd_id"][0]), text(&change["branch"]));
    changes(master).iter().map(pair).collect()
}

/// The revisions of the changes that a master has, in its order.
pub(crate) fn revisions(master: &Buildbot) -> Vec<String> {
    let revision = |change: &Value| change["revision"].as_str().unwrap_or_default().to_owned();
    changes(master).iter().map(revision).collect()
}

fn has_each_change_exactly_once(order: &str) {
    let count = usize::try_from(setting("HOOKD_TORTURE_CHANGES").unwrap_or(COUNT)).expect("a number of changes");
    let port = port();
    let mut master = Buildbot::start(&peer(port, json!({})));
    let mut load = Load::new();
    let mut hookd = Home::serving(&config(port, &format!("order = {order:?}\n"))).start();
    let mut kills = [0, 0];
    for round in 0..count.div_ceil(COUNT_PER_ROUND) {
        // hookd, the master, hookd, both; the rest is random.
        if round % 4 != 1 {
            let home = load.send_and_kill(hookd);
            kills[0] += 1;
            if round % 4 == 3 {
                master.kill_9();
                kills[1] += 1;
                master.restart();
            }
            hookd = home.start();
            if round % 4 == 3 {
                wait_for_position(&hookd, stored(&hookd).len());
            }
        } else {
            let count = usize::try_from(load.random(60)).expect("a small number");
            load.send(&hookd, count);
            master.kill_9();
            kills[1] += 1;
            load.send(&hookd, 20);
            master.restart();
        }
    }
    let mut missing = count.saturating_sub(stored(&hookd).len());
    while missing > 0 {
        load.send(&hookd, missing.min(500));
        wait_for_position(&hookd, stored(&hookd).len());
        missing = missing.saturating_sub(500);
    }
    load.check(&hookd);
    let stored = stored(&hookd);
    wait_for_position(&hookd, stored.len());
    check_arrived(&arrived(&master), &stored, order);
    assert!(dead_letters(hookd.home()).is_empty());
    println!(
        "acknowledged {}, stored {}, kills of hookd and of the master {kills:?}",
        load.acknowledged(),
        stored.len()
    );
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_has_each_change_exactly_once_in_the_order_of_the_log_whoever_is_killed() {
    has_each_change_exactly_once("all");
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_has_each_change_exactly_once_in_the_order_of_its_branch_whoever_is_killed() {
    has_each_change_exactly_once("branch");
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_builds_what_hookd_received() {
    let port = port();
    let master = Buildbot::start(&peer(port, json!({"scheduled_project": "tea", "has_worker": true})));
    let hookd = Home::serving(&config(port, "")).start();
    for number in 1..=10 {
        let mut request = change("main", &number.to_string());
        request.body.extend(b"&project=tea");
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    wait_for_position(&hookd, 10);
    assert_eq!(revisions(&master), numbers_without(10, &[]));
    let builds = until("all is built", || {
        let builds = master.list("builds", "builds");
        (builds.len() == 10 && builds.iter().all(|build| build["complete"] == true)).then_some(builds)
    });
    assert!(builds.iter().all(|build| build["results"] == 0), "{builds:?}");
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_without_the_dialect_base_gets_everything_after_it_was_reconfigured() {
    let port = port();
    let master = Buildbot::start(&peer(port, json!({"dialects": {"other": {"class": "base", "options": {}}}})));
    let hookd = Home::serving(&config(port, "")).start();
    send(hookd.public(), 20);
    logged_once(&hookd, "misconfigured, nothing more is sent: 400");
    assert_eq!(position(hookd.home()), 0);
    master.reconfigure(&peer(port, json!({})));
    wait_for_position(&hookd, 20);
    assert_eq!(revisions(&master), numbers_without(20, &[]));
    assert!(dead_letters(hookd.home()).is_empty());
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_wrong_password_gives_nothing_up_and_a_reload_with_the_right_one_delivers() {
    let port = port();
    let master = Buildbot::start(&peer(port, json!({"passwords": ["hookd:right"]})));
    let with = |password: &str| config(port, &format!("user = \"hookd\"\npassword = \"{password}\"\n"));
    let hookd = Home::serving(&with("wrong")).start();
    send(hookd.public(), 20);
    logged_once(&hookd, "misconfigured, nothing more is sent: 401");
    assert_eq!((position(hookd.home()), revisions(&master).len()), (0, 0));
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{}\n", with("right")));
    hookd.signal("HUP");
    wait_for_position(&hookd, 20);
    assert_eq!(revisions(&master), numbers_without(20, &[]));
    assert!(dead_letters(hookd.home()).is_empty());
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_that_is_down_gets_everything_when_it_is_back() {
    let port = port();
    let mut master = Buildbot::start(&peer(port, json!({})));
    master.kill_9();
    let hookd = Home::serving(&config(port, "")).start();
    send(hookd.public(), 100);
    logged_once(&hookd, "refused the connection: is it running?");
    assert_eq!(position(hookd.home()), 0);
    master.restart();
    wait_for_position(&hookd, 100);
    assert_eq!(revisions(&master), numbers_without(100, &[]));
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_master_that_answers_after_hookd_gave_up_has_no_change_twice() {
    let port = port();
    let master = Buildbot::start(&peer(port, json!({})));
    let hookd = Home::serving(&config(port, "timeout = \"1s\"\n")).start();
    send(hookd.public(), 10);
    wait_for_position(&hookd, 10);
    // It takes connections and requests, and reads none of them before it continues.
    master.signal("STOP");
    send(hookd.public(), 10);
    logged_once(&hookd, "did not answer within 1s");
    master.signal("CONT");
    wait_for_position(&hookd, 20);
    let expected = [numbers_without(10, &[]), numbers_without(10, &[])].concat();
    assert_eq!(revisions(&master), expected);
    check_arrived(&arrived(&master), &stored(&hookd), "all");
}
