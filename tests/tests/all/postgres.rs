//! hookd with its store in PostgreSQL: a real server, which is stopped, killed and cut off while webhooks come.

mod balanced;
mod commands;
mod copies;
mod cut;
mod protection;
mod several;
mod whoever;

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use hookd_tests::{Home, Hookd, Postgres, until};
use serde_json::Value;

use crate::faults::{Sender, numbered};
use crate::push;

/// A configuration with this store.
fn config(store: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\n{store}\n\
         [change_hook_dialects]\ngithub = true\n[[sinks]]\nname = \"file\"\ntype = \"file\"\npath = \"changes.jsonl\"\n"
    )
}

/// A folder with a configuration that has this URL.
fn home(url: &str) -> Home {
    Home::with_config(&config(&format!("url = \"{url}\"")))
}

/// The revisions that the sink has written, once these are all. A line that it is writing has no end yet.
fn delivered(hookd: &Hookd, count: usize) -> Vec<String> {
    until("the sink has delivered everything", || {
        let text = fs::read_to_string(hookd.home().path().join("changes.jsonl")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        let revision = |line: &Value| line["revision"].as_str().unwrap_or_default().to_owned();
        (lines.len() >= count).then(|| lines.iter().map(revision).collect())
    })
}

fn revisions(hookd: &Hookd) -> Vec<String> {
    let changes = hookd.admin().changes();
    changes.iter().map(|change| change["revision"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_push_is_stored_and_reaches_a_sink_also_after_kill_9() {
    let server = Postgres::start();
    let hookd = home(&server.url(&server.new_database())).start();
    let sent = push::request("1").header("X-GitHub-Delivery", "d1");
    assert_eq!(hookd.send(&sent).line(), "202 1 change found");
    assert_eq!(delivered(&hookd, 1), ["1"]);
    let delivery = hookd.admin().deliveries().remove(0);
    assert_eq!((&delivery["state"], &delivery["forge_id"]), (&"accepted".into(), &"d1".into()));
    assert!(hookd.admin().get("/").text().contains("o/r"));

    let hookd = hookd.kill_9().start();
    assert_eq!(hookd.send(&sent).line(), "202 1 change found");
    assert_eq!(hookd.send(&push::request("2")).line(), "202 1 change found");
    assert_eq!((delivered(&hookd, 2), revisions(&hookd)), (vec!["1".into(), "2".into()], vec!["1".into(), "2".into()]));
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    let hookd = home.start();
    assert_eq!(revisions(&hookd), ["1", "2"]);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn while_the_database_is_away_webhooks_are_503_and_nothing_is_stored() {
    let mut server = Postgres::start();
    let hookd = home(&server.url(&server.new_database())).start();
    let mut sender = Sender::new();
    for _ in 0..5 {
        assert_eq!(sender.send(&hookd, 0).status, 202);
    }
    server.stop();
    sender.send_in_vain(&hookd, "connect");
    server.start_again();
    until("the store works again", || (hookd.admin().get("/readyz").status == 200).then_some(()));
    sender.send_again(&hookd);
    sender.check(&hookd);
    let log = until("the end of the outage is logged", || {
        Some(hookd.log().join("\n")).filter(|log| log.contains("the store works again"))
    });
    assert_eq!(log.matches("the store fails").count(), 1, "{log}");
    assert!(log.contains("see whether PostgreSQL runs"), "{log}");
    assert_eq!(delivered(&hookd, revisions(&hookd).len()), revisions(&hookd));
}

/// Senders that send again what was not acknowledged, while the server is restarted and killed.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_server_that_restarts_under_load_loses_nothing_that_was_acknowledged() {
    const SENDERS: usize = 4;
    const RESTARTS: usize = 8;
    let mut server = Postgres::start();
    let hookd = home(&server.url(&server.new_database())).start();
    let is_over = AtomicBool::new(false);
    let acknowledged: Vec<Vec<usize>> = thread::scope(|scope| {
        let (hookd, is_over) = (&hookd, &is_over);
        let send = move |sender: usize| {
            let mut acknowledged = Vec::new();
            for number in (sender..).step_by(SENDERS) {
                // The same id again, as a forge does it.
                while hookd.send(&numbered(number, 0)).status != 202 {
                    thread::park_timeout(std::time::Duration::from_millis(20));
                }
                acknowledged.push(number);
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            acknowledged
        };
        let senders: Vec<_> = (1..=SENDERS).map(|sender| scope.spawn(move || send(sender))).collect();
        let mut stored = 0;
        for restart in 0..RESTARTS {
            until("some more are stored", || {
                let now = server.query("test0", "SELECT next_changeid FROM hookd.head").parse::<usize>().unwrap_or(0);
                (now >= stored + 20).then(|| stored = now)
            });
            if restart % 2 == 0 {
                server.stop()
            } else {
                server.kill()
            }
            server.start_again();
        }
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().expect("the sender has sent")).collect()
    });
    let mut expected: Vec<String> = acknowledged.concat().iter().map(usize::to_string).collect();
    expected.sort();
    let stored = revisions(&hookd);
    let mut found = stored.clone();
    found.sort();
    assert_eq!(found, expected, "everything acknowledged is there once, and nothing else");
    assert_eq!(delivered(&hookd, stored.len()), stored, "each once, in order");
}
