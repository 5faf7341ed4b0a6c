//! Overload: the queue is bounded, in number and in bytes, and whatever exceeds it is refused with 503.

use std::thread;
use std::time::Duration;

use hookd_tests::http::{Answer, send};
use hookd_tests::{Home, Hookd, until};

use crate::push;
use crate::raw::Raw;

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\ngithub = true\n"
    );
    Home::with_config(&config).start()
}

/// Prevents hookd from storing anything until this is dropped.
fn stall(hookd: &Hookd) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(hookd.home().path().join("hookd.db")).expect("the store is there");
    connection.busy_timeout(Duration::from_secs(30)).expect("SQLite waits");
    connection.execute_batch("BEGIN IMMEDIATE").expect("nobody else has the lock");
    connection
}

/// Whether the webhook was stored; otherwise checks that the answer asks to try again.
fn is_stored(answer: &Answer) -> bool {
    if answer.status == 202 {
        return true;
    }
    assert_eq!(answer.status, 503, "{}", answer.line());
    assert!(answer.text().contains("nothing was stored"), "{}", answer.line());
    assert!(answer.header("Retry-After").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    false
}

#[test]
fn at_most_4096_writes_wait_and_the_others_are_503_at_once() {
    const COUNT: usize = 5000;
    rlimit::increase_nofile_limit(u64::MAX).expect("the hard limit may be taken");
    let hookd = start("");
    let lock = stall(&hookd);
    let mut senders: Vec<_> = (0..COUNT)
        .map(|number| {
            let mut connection = Raw::open(hookd.public());
            connection.write(push::request(&format!("a{number}")).to_bytes(hookd.public()));
            connection
        })
        .collect();
    let overloaded = "hookd_requests_total{dialect=\"github\",outcome=\"unstored\"}";
    let refused = until("some are refused", || Some(hookd.admin().metric(overloaded)).filter(|refused| *refused > 0.0));
    drop(lock);
    let stored = senders.iter_mut().filter_map(Raw::answer).filter(is_stored).count();
    println!("{stored} of {COUNT} were stored; {refused} were refused before anything was");
    assert!(stored < COUNT);
    assert_eq!(hookd.admin().metric("hookd_requests_total{dialect=\"github\",outcome=\"accepted\"}"), stored as f64);
    let (_, home) = hookd.terminate();
    let listed = home.start().admin().get("/api/v2/changes?limit=1");
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).expect("the API answers JSON");
    assert_eq!(listed["meta"]["total"], stored);
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let hookd = start("max_buffered = '32MiB'");
    let before = hookd.memory().0;
    let lock = stall(&hookd);
    let address = hookd.public();
    let answers: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..30)
            .map(|number| {
                scope.spawn(move || {
                    let mut payload = push::payload(&format!("a{number}"));
                    payload["padding"] = "x".repeat(4 << 20).into();
                    send(address, &push::webhook("push", &payload)).expect("hookd answers")
                })
            })
            .collect();
        until("the bytes are used up", || (hookd.admin().metric("hookd_buffered_bytes") > 28e6).then_some(()));
        drop(lock);
        senders.into_iter().map(|sender| sender.join().expect("it has its answer")).collect()
    });
    let stored = answers.iter().filter(|answer| is_stored(answer)).count();
    println!("{stored} of 30 were stored; {before} MiB before, {:?} MiB after and at most", hookd.memory());
    assert!(stored >= 7, "{stored}");
    assert_eq!(hookd.admin().changes().len(), stored);
    until("all memory is released", || (hookd.admin().metric("hookd_buffered_bytes") == 0.0).then_some(()));
}
