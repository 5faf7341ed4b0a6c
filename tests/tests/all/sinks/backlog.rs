//! A sink that is down while changes queue: memory stays flat, and it catches up when it is back.

use std::time::Instant;

use hookd_tests::{Home, Receiver, Reply};

use super::{numbers_without, revisions, send, tables, wait_for_position, webhook_sink};

const COUNT: usize = 2000;

/// What hookd may take more than before, in MiB: the changes that a sink reads ahead, and SQLite's caches.
const MOST_MEMORY: u64 = 24;

#[test]
fn a_sink_that_is_down_takes_no_memory_and_catches_up() {
    let receiver = Receiver::start();
    receiver.answer(|_| Reply::Status(503));
    let hookd = Home::serving(&tables(&webhook_sink(&receiver.url(), ""))).start();
    send(hookd.public(), 50);
    let (before, _) = hookd.memory();
    for _ in 0..COUNT / 50 - 1 {
        send(hookd.public(), 50);
    }
    let (after, peak) = hookd.memory();
    assert_eq!(super::position(hookd.home()), 0);
    assert!(peak <= before + MOST_MEMORY, "{before} MiB with 50 changes, {after} MiB with {COUNT}, {peak} MiB at most");

    let started = Instant::now();
    receiver.answer(|_| Reply::Status(204));
    wait_for_position(&hookd, COUNT);
    let seconds = started.elapsed().as_secs_f64();
    let expected: Vec<String> = (0..COUNT / 50).flat_map(|_| numbers_without(50, &[])).collect();
    assert_eq!(revisions(&receiver.taken()), expected);
    println!("resident: {before} MiB with 50 changes, {after} MiB with {COUNT}, {peak} MiB at most");
    println!("caught up with {COUNT} changes in {seconds:.1} s");
}
