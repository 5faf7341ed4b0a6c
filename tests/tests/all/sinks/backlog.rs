//! A sink that is down while changes queue: memory stays flat, and it catches up when it is back.

use std::ops::RangeInclusive;
use std::time::Instant;

use hookd_tests::http::Connection;
use hookd_tests::{Home, Hookd, Receiver, Reply, until};
use serde_json::Value;

use super::{position, webhook_sink};
use crate::push;

/// How many changes queue.
const COUNT: usize = 50_000;

/// How many commits, and so changes, a push has.
const COMMITS: usize = 100;

/// What hookd may take more than before, in MiB: the changes that a sink reads ahead, and SQLite's caches.
const MOST_MEMORY: u64 = 24;

/// A push of this number.
fn payload(number: usize) -> Value {
    let mut payload = push::payload(&number.to_string());
    let commit = payload["commits"][0].clone();
    let commits = (0..COMMITS).map(|index| {
        let mut commit = commit.clone();
        commit["id"] = format!("{number}-{index}").into();
        commit
    });
    payload["commits"] = commits.collect();
    payload["head_commit"] = payload["commits"][COMMITS - 1].clone();
    payload["after"] = payload["head_commit"]["id"].clone();
    payload
}

/// Sends pushes of these numbers.
fn send(hookd: &Hookd, numbers: RangeInclusive<usize>) {
    let mut connection = Connection::new(hookd.public());
    for number in numbers {
        let answer = connection.send(&push::webhook("push", &payload(number))).expect("hookd answers");
        assert_eq!(answer.line(), format!("202 {COMMITS} change found"));
    }
}

#[test]
fn a_sink_that_is_down_takes_no_memory_and_catches_up() {
    let receiver = Receiver::start();
    receiver.answer(|_| Reply::Status(503));
    let sink = webhook_sink(&receiver.url(), "retry_min = \"20ms\"\nretry_max = \"200ms\"");
    let tables = format!("[change_hook_dialects]\ngithub = true\n\n[[sinks]]\nname = \"s\"\n{sink}\n");
    let hookd = Home::serving(&tables).start();
    send(&hookd, 1..=20);
    until("the sink has failed", || (receiver.count() > 0).then_some(()));
    let (before, _) = hookd.memory();
    send(&hookd, 21..=COUNT / COMMITS);
    let (after, peak) = hookd.memory();
    assert_eq!(position(hookd.home()), 0);
    println!("resident: {before} MiB with {} changes, {after} MiB with {COUNT}, {peak} MiB at most", 20 * COMMITS);
    assert!(peak <= before + MOST_MEMORY, "{before} MiB before, {peak} MiB at most");

    let started = Instant::now();
    receiver.answer(|_| Reply::Status(204));
    for goal in (COUNT / 10..=COUNT).step_by(COUNT / 10) {
        let goal = i64::try_from(goal).expect("a small number");
        until(&format!("{goal} have arrived"), || (position(hookd.home()) >= goal).then_some(()));
    }
    let seconds = started.elapsed().as_secs_f64();
    let (_, peak) = hookd.memory();
    println!("caught up with {COUNT} changes in {seconds:.1} s, resident {peak} MiB at most");
    assert!(peak <= before + MOST_MEMORY, "{before} MiB before, {peak} MiB at most");
    let taken = receiver.taken();
    assert_eq!(taken.len(), COUNT);
    let numbers = (0..COUNT).map(|number| format!("{}-{}", number / COMMITS + 1, number % COMMITS));
    let wrong = taken.iter().zip(numbers).find(|(event, expected)| event.field("revision") != expected);
    assert_eq!(wrong.map(|(event, expected)| (event.field("revision").to_owned(), expected)), None);
}
