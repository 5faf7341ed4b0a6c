//! Several hookds with one database: all receive, and one at a time delivers.

use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::Connection;
use hookd_tests::{GithubApi, Home, Hookd, Postgres, Receiver, until};
use serde_json::{Value, json};

use super::revisions;
use crate::api_retries::pull_request;
use crate::faults::numbered;
use crate::push;

/// A hookd with this store, these tables, and the sink `s`.
pub(super) fn home(url: &str, github: &str, sink: &str) -> Home {
    Home::with_config(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"{url}\"\n\
         [change_hook_dialects]\ngithub = {github}\n[[sinks]]\nname = \"s\"\nfrom = \"beginning\"\n\
         retry_min = \"20ms\"\nretry_max = \"200ms\"\nproxy = false\n{sink}\n"
    ))
}

pub(super) fn webhook_sink(receiver: &Receiver) -> String {
    format!("type = \"webhook\"\nurl = \"{}\"", receiver.url())
}

fn taken(receiver: &Receiver, count: usize) -> Vec<String> {
    until("everything has arrived", || {
        let taken = receiver.taken();
        (taken.len() >= count).then(|| taken.iter().map(|event| event.field("revision").to_owned()).collect())
    })
}

/// The hookds as this one sees them: process, whether it is this one, whether it is alive, and what it leads.
fn replicas(hookd: &Hookd) -> Vec<(String, bool, bool, String)> {
    let replica = |one: &Value| {
        let name = one["name"].as_str().expect("it has a name").to_owned();
        let leads: Vec<&str> = one["leads"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        (name, one["this"] == true, one["alive"] == true, leads.join(", "))
    };
    hookd.admin().list("/api/v2/replicas", "replicas").iter().map(replica).collect()
}

fn state(hookd: &Hookd) -> String {
    let sink = hookd.admin().list("/api/v2/sinks/s", "sinks").remove(0);
    sink["state"].as_str().expect("a state").to_owned()
}

fn is_standby(hookd: &Hookd) {
    until("it stands by", || (state(hookd) == "standby").then_some(()));
}

/// Two hookds, of which the first serves the sink.
fn leader_and_standby(home: impl Fn() -> Home) -> (Hookd, Hookd) {
    let first = home().start();
    until("it leads", || (state(&first) == "idle").then_some(()));
    let second = home().start();
    is_standby(&second);
    (first, second)
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn both_receive_and_one_delivers_until_it_is_killed() {
    let (server, receiver) = (Postgres::start(), Receiver::start());
    let url = server.url(&server.new_database());
    let home = || home(&url, "true", &webhook_sink(&receiver));
    let (first, second) = leader_and_standby(home);
    for number in 1..=20 {
        let hookd = if number % 2 == 0 { &first } else { &second };
        assert_eq!(hookd.send(&numbered(number, 0)).line(), "202 1 change found");
    }
    let expected = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(taken(&receiver, 20), expected(20));
    let seen = replicas(&second);
    let process = |hookd: &Hookd| format!("(process {})", hookd.pid());
    assert!(seen[0].0.ends_with(&process(&first)) && seen[1].0.ends_with(&process(&second)), "{seen:?}");
    let shown: Vec<_> =
        seen.iter().map(|(_, is_this, is_alive, leads)| (*is_this, *is_alive, leads.as_str())).collect();
    assert_eq!(shown, [(false, true, "expiry, sink s"), (true, true, "")]);
    let page = second.admin().get("/replicas").text();
    assert!(page.contains("expiry, sink s") && page.contains("this one"), "{page}");
    let unverified = second.admin().get("/unverified").text();
    assert!(unverified.contains(&format!("came to the hookd {}", seen[1].0)), "{unverified}");
    assert!(second.admin().get("/metrics").text().contains(&format!("hookd_replica_info{{name=\"{}\"}} 1", seen[1].0)));
    // What only the one at work can do is refused with its name.
    let paused =
        second.home().run(&["sinks", "pause", "s", "--admin", &format!("http://{}", second.admin().address())]);
    assert_eq!(paused.code, Some(1), "{}", paused.stderr);
    assert!(paused.stderr.contains(&process(&first)), "{}", paused.stderr);
    // Nor does one whose configuration lacks the sink take its place in the log from the one that serves it.
    let third = Home::with_config(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"{url}\"\n\
         [change_hook_dialects]\nbase = true\n"
    ))
    .start();
    let refused =
        third.home().run(&["sinks", "forget", "s", "--admin", &format!("http://{}", third.admin().address())]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains(&process(&first)), "{}", refused.stderr);
    assert_eq!(third.terminate().0.code(), Some(0));
    // It looks how far the other one has come.
    until("it shows no lag", || (second.admin().list("/api/v2/sinks/s", "sinks")[0]["lag_changes"] == 0).then_some(()));

    let home = first.kill_9();
    for number in 21..=30 {
        assert_eq!(second.send(&numbered(number, 0)).line(), "202 1 change found");
    }
    assert_eq!(taken(&receiver, 30), expected(30));
    let first = home.start();
    is_standby(&first);
    // One that ends in order leaves at once.
    let ended = Instant::now();
    assert_eq!(second.terminate().0.code(), Some(0));
    assert_eq!(first.send(&numbered(31, 0)).line(), "202 1 change found");
    assert_eq!(taken(&receiver, 31), expected(31));
    assert!(ended.elapsed() < Duration::from_secs(8), "it did not wait for the lease: {:?}", ended.elapsed());
    assert_eq!(receiver.count(), 31, "nothing was sent twice");
}

/// One that was stopped past its lease delivers nothing that it no longer leads.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn one_that_was_stopped_past_its_lease_stands_by() {
    let (server, receiver) = (Postgres::start(), Receiver::start());
    let url = server.url(&server.new_database());
    let home = || home(&url, "true", &webhook_sink(&receiver));
    let (first, second) = leader_and_standby(home);
    assert_eq!(first.send(&numbered(1, 0)).status, 202);
    taken(&receiver, 1);
    first.signal("STOP");
    for number in 2..=20 {
        assert_eq!(second.send(&numbered(number, 0)).status, 202);
    }
    taken(&receiver, 20);
    first.signal("CONT");
    is_standby(&first);
    for number in 21..=40 {
        let hookd = if number % 2 == 0 { &first } else { &second };
        assert_eq!(hookd.send(&numbered(number, 0)).status, 202);
    }
    let expected: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    assert_eq!(taken(&receiver, 40), expected);
    assert_eq!(receiver.count(), 40, "nothing was sent twice");
    assert_eq!(revisions(&first), expected);
}

/// The same delivery at both at once.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_delivery_that_comes_to_both_at_once_is_stored_and_delivered_once() {
    const COUNT: usize = 1000;
    let (server, receiver) = (Postgres::start(), Receiver::start());
    let url = server.url(&server.new_database());
    let [first, second] = [(); 2].map(|()| home(&url, "true", &webhook_sink(&receiver)).start());
    thread::scope(|scope| {
        for hookd in [&first, &second] {
            scope.spawn(|| {
                let mut connection = Connection::new(hookd.public());
                for number in 1..=COUNT {
                    let answer = connection.send(&numbered(number, 0)).expect("hookd answers");
                    assert_eq!(answer.line(), "202 1 change found");
                }
            });
        }
    });
    let stored = revisions(&first);
    assert_eq!(stored.len(), COUNT);
    assert_eq!(taken(&receiver, COUNT), stored);
    assert_eq!(receiver.count(), COUNT);
}

/// Pull requests wait for the API of the forge; whoever has one is killed, and another one completes it.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn pending_deliveries_of_one_that_died_are_completed_by_another() {
    const COUNT: usize = 12;
    let (server, receiver, api) = (Postgres::start(), Receiver::start(), GithubApi::start());
    let url = server.url(&server.new_database());
    let github = format!("{{ github_api_endpoint = {:?} }}", api.endpoint());
    let [first, second] = [(); 2].map(|()| home(&url, &github, &webhook_sink(&receiver)).start());
    until("they know of each other", || (replicas(&first).len() == 2).then_some(()));
    api.set_down(true);
    for number in 0..COUNT {
        let mut payload = pull_request();
        payload["repository"]["full_name"] = json!(format!("o/r{number}"));
        let hookd = if number % 2 == 0 { &first } else { &second };
        assert_eq!(hookd.send(&push::webhook("pull_request", &payload)).status, 202);
    }
    let _ = first.kill_9();
    api.set_down(false);
    until("all are completed", || {
        let pending = second.admin().list("/api/v2/deliveries?state=pending", "deliveries");
        pending.is_empty().then_some(())
    });
    assert_eq!(taken(&receiver, COUNT).len(), COUNT);
}
