//! A flood of unverified requests costs no commit and no disk, and leaves verified senders their share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::{Connection, Request};
use hookd_tests::{Home, Hookd, sha256_signature, until};
use serde_json::Value;

use crate::push;

const SECRET: &str = "a secret of the tests";
const COMMITS: &str = "hookd_store_commit_seconds_count";
const UNVERIFIED: &str = "hookd_requests_total{dialect=\"github\",outcome=\"unverified\"}";

fn start() -> Hookd {
    Home::serving(&format!("[change_hook_dialects]\ngithub = {{ secret = '{SECRET}', strict = true }}\n")).start()
}

fn signed(secret: &str, revision: &str) -> Request {
    let request = push::request(revision);
    let signature = sha256_signature(secret, &request.body);
    request.header("X-Hub-Signature-256", signature)
}

/// Sends bad signatures on one connection as fast as they are answered, while `is_wanted` returns true.
fn flood(hookd: &Hookd, is_wanted: impl Fn() -> bool) {
    let forged = signed("another secret", "forged");
    let mut connection = Connection::new(hookd.public());
    while is_wanted() {
        assert_eq!(connection.send(&forged).expect("hookd answers").line(), "400 Hash mismatch");
    }
}

#[test]
fn a_flood_of_bad_signatures_costs_no_commit_no_disk_and_few_log_lines() {
    const COUNT: usize = 20_000;
    let hookd = start();
    let admin = hookd.admin();
    let state = || (admin.metric(COMMITS), admin.metric("hookd_store_size_bytes"), admin.deliveries().len());
    let before = state();
    let lines_before = hookd.log().len();
    let left = AtomicUsize::new(COUNT);
    let since = Instant::now();
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| flood(&hookd, take));
        }
    });
    let took = since.elapsed();
    assert_eq!(admin.metric(UNVERIFIED), COUNT as f64);
    assert_eq!(state(), before);
    let kept: Value = serde_json::from_slice(&admin.get("/api/v2/unverified").body).expect("the API answers JSON");
    assert_eq!(kept["unverified"].as_array().map(Vec::len), Some(256));

    // One line for each of the first, and then the number of the others.
    let lines = until("the log lines account for all of them", || {
        let log = hookd.log();
        let fields =
            log.iter().map(|line| serde_json::from_str::<Value>(line).expect("lines are JSON")["fields"].take());
        let accounted = fields.map(|fields| match fields["message"].as_str() {
            Some("refused") => 1,
            Some("more requests were refused within a second") => fields["more"].as_u64().expect("a number"),
            _ => 0,
        });
        (accounted.sum::<u64>() == COUNT as u64).then_some(log.len() - lines_before)
    });
    println!("{COUNT} bad signatures in {took:?}, {lines} lines");
    let most = (took.as_secs() as usize + 2) * 12;
    assert!(lines <= most, "{lines} lines in {took:?}");
}

/// How long each of this many verified webhooks took, sorted.
fn times(hookd: &Hookd, name: &str) -> Vec<Duration> {
    let mut sender = Connection::new(hookd.public());
    let mut times: Vec<_> = (0..300)
        .map(|number| {
            let request = signed(SECRET, &format!("{name}{number}"));
            let since = Instant::now();
            assert_eq!(sender.send(&request).expect("hookd answers").line(), "202 1 change found");
            since.elapsed()
        })
        .collect();
    times.sort();
    times
}

#[test]
fn verified_senders_get_their_share_during_a_flood() {
    let hookd = start();
    let alone = times(&hookd, "alone");
    let is_over = AtomicBool::new(false);
    let during = thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| flood(&hookd, || !is_over.load(Ordering::Relaxed)));
        }
        until("there is a flood", || (hookd.admin().metric(UNVERIFIED) > 1000.0).then_some(()));
        let during = times(&hookd, "during");
        is_over.store(true, Ordering::Relaxed);
        during
    });
    let flooded = hookd.admin().metric(UNVERIFIED);
    println!(
        "usual and worst time alone {:?} {:?}, during the flood {:?} {:?}; {flooded} were refused meanwhile",
        alone[150], alone[299], during[150], during[299]
    );
    // One of 33 connections gets about a 33rd; a factor of ten leaves room for a busy machine.
    assert!(during[150] < alone[150] * 330 + Duration::from_millis(100), "{:?}", during[150]);
    assert!(during[299] < Duration::from_secs(5), "{:?}", during[299]);
    assert_eq!(hookd.admin().changes().len(), 600);
}
