//! The load balancer of the page on several machines, before two hookds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use hookd_tests::peers::root;
use hookd_tests::{Home, Hookd, Nginx, Postgres, Receiver, until};

use super::revisions;
use super::several::{home, webhook_sink};
use crate::faults::numbered;

/// The block of this language on the page.
fn block(language: &str) -> String {
    let page = fs::read_to_string(root().join("docs/several-machines.md")).expect("the page is there");
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("the page has such a block");
    rest.split("```").next().expect("it ends").to_owned()
}

/// The nginx of the page, before these.
fn balancer(hookds: &[&Hookd; 2]) -> Nginx {
    let text = block("nginx")
        .replace("10.0.0.11:8010", &hookds[0].public().to_string())
        .replace("10.0.0.12:8010", &hookds[1].public().to_string());
    let (upstream, server) = text.split_once("server {").expect("an upstream, and a server");
    let location = &server[server.find("location").expect("a location")..];
    // Without the end of the server.
    Nginx::with_upstream(upstream, location.trim_end().strip_suffix('}').expect("it ends"))
}

#[test]
#[ignore = "needs PostgreSQL and nginx from cargo xtask test"]
fn no_webhook_fails_while_one_of_two_is_killed_and_started() {
    const COUNT: usize = 300;
    let (server, receiver) = (Postgres::start(), Receiver::start());
    server.query("postgres", &block("sql"));
    let url = server.url(&server.new_database());
    let start = || -> Home { home(&url, "true", &webhook_sink(&receiver)) };
    let [first, second] = [start().start(), start().start()];
    let nginx = balancer(&[&first, &second]);
    let (host, answered) = (second.public(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for number in 1..=COUNT {
                let answer = nginx.answer(&numbered(number, 0).header("Connection", "close").to_bytes(host));
                assert!(answer.starts_with("HTTP/1.1 202"), "webhook {number}: {answer}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        let reached = |count| {
            until("some are answered", || {
                assert!(!sender.is_finished() || count == COUNT, "the sender has failed");
                (answered.load(Ordering::Relaxed) >= count).then_some(())
            });
        };
        reached(COUNT / 3);
        drop(first.kill_9());
        reached(COUNT);
    });
    assert_eq!(revisions(&second).len(), COUNT);
    until("everything has arrived", || (receiver.taken().len() == COUNT).then_some(()));
}
