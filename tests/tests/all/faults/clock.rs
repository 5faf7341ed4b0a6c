//! The clock is set while hookd runs.

use std::fs;
use std::process::Command;

use hookd_tests::{GithubApi, Home, Hookd, until};
use serde_json::Value;

use super::{check_store, numbered};
use crate::api_retries::pull_request;
use crate::push;

/// hookd with a clock that [`set`] changes.
pub(crate) fn start(tables: &str) -> Hookd {
    let preload =
        Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().expect("faketime runs");
    let preload = String::from_utf8(preload.stdout).expect("it prints a path");
    let home = Home::serving(tables)
        .with_variable("FAKETIME_NO_CACHE", "1")
        .with_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let clock = home.path().join("clock").display().to_string();
    home.write("clock", "+0\n");
    let preload = format!("LD_PRELOAD={}", preload.trim());
    home.with_variable("FAKETIME_TIMESTAMP_FILE", &clock).within(&["env", &preload]).start()
}

/// Sets hookd's clock to this offset from the right time: `-2d`.
pub(crate) fn set(hookd: &Hookd, offset: &str) {
    // Atomically: hookd may read it at any time.
    hookd.home().write("clock.new", format!("{offset}\n"));
    let path = hookd.home().path();
    fs::rename(path.join("clock.new"), path.join("clock")).expect("the test's folder is writable");
}

fn received_at(delivery: &Value) -> f64 {
    delivery["received_at"].as_f64().expect("it is a number")
}

#[test]
#[ignore = "needs faketime from cargo xtask test"]
fn numbers_determine_the_order_when_the_clock_is_set_back() {
    let hookd = start("[change_hook_dialects]\ngithub = true");
    let first = hookd.send(&numbered(1, 0));
    set(&hookd, "-2d");
    for number in 2..=3 {
        assert_eq!(hookd.send(&numbered(number, 0)).line(), "202 1 change found");
    }
    let again = hookd.send(&numbered(1, 0));
    assert_eq!(again.header("X-Hookd-Delivery"), first.header("X-Hookd-Delivery"));
    let deliveries = hookd.admin().deliveries();
    let ids: Vec<_> = deliveries.iter().map(|delivery| delivery["forge_id"].as_str().unwrap_or_default()).collect();
    assert_eq!(ids, ["d1", "d2", "d3"]);
    let [before, after] = [&deliveries[0], &deliveries[1]].map(received_at);
    assert!(before - after > 86_400.0, "the clock was set back: {before}, {after}");
    // Newest first, unless the query names an order.
    let newest = hookd.admin().list("/api/v2/changes?limit=1", "changes").remove(0);
    assert_eq!((&newest["revision"], &newest["changeid"]), (&"3".into(), &3.into()));
    check_store(hookd.home());
}

#[test]
#[ignore = "needs faketime from cargo xtask test"]
fn the_budget_for_api_calls_does_not_grow_when_the_clock_is_set_back() {
    let api = GithubApi::start();
    api.set_down(true);
    let github =
        format!("[change_hook_dialects.github]\napi_budget = '3s'\ngithub_api_endpoint = {:?}", api.endpoint());
    let hookd = start(&github);
    let answer = hookd.send(&push::webhook("pull_request", &pull_request()));
    assert_eq!(answer.line(), "202 1 change found");
    until("the API was asked", || (!api.calls().is_empty()).then_some(()));
    set(&hookd, "-2d");
    let delivery = until("hookd gives up", || {
        let delivery = hookd.admin().deliveries().pop()?;
        (delivery["state"] != "pending").then_some(delivery)
    });
    assert!(delivery["reason"].as_str().is_some_and(|reason| reason.contains("given up after")), "{delivery}");
}
