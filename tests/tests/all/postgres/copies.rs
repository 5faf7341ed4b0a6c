//! `hookd store copy`: from SQLite to PostgreSQL and back, killed in the middle, and what it refuses.

use std::fs;
use std::process::{Child, Command, Stdio};

use hookd_tests::http::Connection;
use hookd_tests::{Finished, GithubApi, Home, Hookd, Postgres, binary, until};

use super::{config, delivered, revisions};
use crate::api_retries::pull_request;
use crate::faults::numbered;
use crate::push;

const SQLITE: &str = "sqlite:hookd.db";

fn home_with_sqlite() -> Home {
    Home::with_config(&config(&format!("url = \"{SQLITE}\"")))
}

/// Has the configuration name another store.
fn point_at(home: &Home, url: &str) {
    home.write("hookd.toml", config(&format!("url = \"{url}\"")));
}

fn copy(home: &Home, from: &str, to: &str) -> Finished {
    home.run(&["store", "copy", "--from", from, "--to", to])
}

/// The lines of the digest, without the first line.
fn digest(finished: &Finished) -> Vec<String> {
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    finished.stdout.lines().skip(1).map(str::to_owned).collect()
}

/// Sends these pushes; each delivery has an id of its own.
fn send(hookd: &Hookd, numbers: std::ops::RangeInclusive<usize>, padding: usize) {
    let mut connection = Connection::new(hookd.public());
    for number in numbers {
        let answer = connection.send(&numbered(number, padding)).expect("hookd answers");
        assert_eq!(answer.line(), "202 1 change found");
    }
}

fn stopped(hookd: Hookd) -> Home {
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    home
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn sinks_and_redeliveries_go_on_in_the_copy_and_in_the_copy_of_the_copy() {
    let server = Postgres::start();
    let url = server.url(&server.new_database());
    let hookd = home_with_sqlite().start();
    send(&hookd, 1..=5, 100);
    let first = hookd.send(&numbered(1, 100));
    let first = first.header("X-Hookd-Delivery").expect("it names the delivery").to_owned();
    assert_eq!(delivered(&hookd, 5), ["1", "2", "3", "4", "5"]);
    let ids = |hookd: &Hookd| -> Vec<String> {
        hookd.admin().changes().iter().map(|change| change["hookd_id"].to_string()).collect()
    };
    let before = ids(&hookd);
    let home = stopped(hookd);
    let copied = copy(&home, SQLITE, &url);
    let line = copied.stdout.lines().next().unwrap_or_default();
    assert!(line.starts_with("postgresql://") && line.ends_with(" is a complete copy of sqlite:hookd.db:"), "{line}");
    let copied = digest(&copied);

    // Each by itself says the same.
    let check = digest(&home.run(&["store", "check", "--digest"]));
    assert_eq!(check, copied);
    point_at(&home, &url);
    assert_eq!(digest(&home.run(&["store", "check", "--digest"])), copied);
    assert!(copied.iter().any(|line| line.starts_with("deliveries            5  ")), "{copied:?}");

    let hookd = home.start();
    assert_eq!(ids(&hookd), before);
    let again = hookd.send(&numbered(1, 100));
    assert_eq!((again.line().as_str(), again.header("X-Hookd-Delivery")), ("202 1 change found", Some(&*first)));
    send(&hookd, 6..=8, 100);
    assert_eq!(delivered(&hookd, 8), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    let home = stopped(hookd);

    digest(&copy(&home, &url, "sqlite:back.db"));
    point_at(&home, "sqlite:back.db");
    let hookd = home.start();
    send(&hookd, 9..=9, 100);
    for number in 1..=9 {
        assert_eq!(hookd.send(&numbered(number, 100)).line(), "202 1 change found");
    }
    assert_eq!(revisions(&hookd).len(), 9, "all are known");
    let all: Vec<String> = (1..=9).map(|number: usize| number.to_string()).collect();
    assert_eq!(delivered(&hookd, 9), all, "each once, in order");
    assert_eq!(ids(&hookd)[..5], before);
}

/// What waits for a forge's API goes on where it was, and so does its identity.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn calls_to_an_api_go_on_in_the_copy() {
    let (server, api) = (Postgres::start(), GithubApi::start());
    api.set_down(true);
    let url = server.url(&server.new_database());
    let endpoint = format!("github = {{ github_api_endpoint = {:?} }}", api.endpoint());
    let configured = |url: &str| config(&format!("url = \"{url}\"")).replace("github = true", &endpoint);
    let hookd = Home::with_config(&configured(SQLITE)).start();
    let pull_request = push::webhook("pull_request", &pull_request()).header("X-GitHub-Delivery", "p1");
    assert_eq!(hookd.send(&pull_request).line(), "202 1 change found");
    send(&hookd, 1..=1, 0);
    until("an attempt has failed", || (!api.calls().is_empty()).then_some(()));
    let home = stopped(hookd);
    digest(&copy(&home, SQLITE, &url));
    home.write("hookd.toml", configured(&url));
    let before = api.calls().len();
    let hookd = home.start();
    until("the API is asked again", || (api.calls().len() > before).then_some(()));
    let again = hookd.send(&pull_request);
    assert_eq!((again.line().as_str(), hookd.admin().deliveries().len()), ("202 1 change found", 2));
    api.set_down(false);
    assert_eq!(hookd.admin().settled_delivery(&again)["state"], "accepted");
    assert_eq!(delivered(&hookd, 2), ["1", "f00f"]);

    // And back again, where it is one that was pending once.
    let home = stopped(hookd);
    digest(&copy(&home, &url, "sqlite:back.db"));
    home.write("hookd.toml", configured("sqlite:back.db"));
    let hookd = home.start();
    assert_eq!(hookd.send(&pull_request).line(), "202 1 change found");
    assert_eq!(hookd.admin().deliveries().len(), 2);
    assert_eq!(delivered(&hookd, 2), ["1", "f00f"]);
}

/// A hookd that is stopped for longer than its lease is not at work, and the copy takes its empty database. When it goes on, it
/// has opened another store than there is.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_hookd_that_slept_through_a_copy_stores_nothing_until_it_is_restarted() {
    let server = Postgres::start();
    let url = server.url(&server.new_database());
    let hookd = home_with_sqlite().start();
    send(&hookd, 1..=3, 100);
    let home = stopped(hookd);
    // Without a sink, whose cursor would be something in the store.
    let sleeper = Home::with_config(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"{url}\"\n\
         [change_hook_dialects]\ngithub = true\n"
    ))
    .start();
    sleeper.signal("STOP");
    let copied = digest(&copy(&home, SQLITE, &url));
    sleeper.signal("CONT");
    // It sees for itself, without a webhook.
    let cause = "the database holds a different store than when this hookd was started";
    until("the log says why", || {
        let log = sleeper.log();
        log.iter().any(|line| line.contains(cause) && line.contains("restart this hookd")).then_some(())
    });
    let answer = sleeper.send(&numbered(4, 100));
    assert_eq!((answer.status, answer.header("X-Hookd-Delivery")), (503, None), "{}", answer.text());
    point_at(&home, &url);
    assert_eq!(digest(&home.run(&["store", "check", "--digest"])), copied, "nothing has changed");
    let sleeper = stopped(sleeper).start();
    assert_eq!(sleeper.send(&numbered(1, 100)).line(), "202 1 change found");
    assert_eq!(sleeper.send(&numbered(4, 100)).line(), "202 1 change found");
    let known: Vec<i64> = sleeper.admin().deliveries().iter().filter_map(|one| one["deliveryid"].as_i64()).collect();
    assert_eq!(known, [1, 2, 3, 4], "the first is known, by the identities of the copy");
}

fn start_copy(home: &Home, from: &str, to: &str) -> Child {
    let mut command = Command::new(binary());
    command.args(["store", "copy", "--from", from, "--to", to]).current_dir(home.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hookd runs")
}

/// How far a copy has come.
fn mark(server: &Postgres, database: &str) -> String {
    let has =
        server.query(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'hookd' AND tablename = 'copy'");
    if has == "1" { server.query(database, "SELECT mark FROM hookd.copy") } else { String::new() }
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_copy_that_is_killed_ten_times_is_whole_in_the_end() {
    const KILLS: usize = 10;
    let server = Postgres::start();
    let (database, random) = (server.new_database(), &mut fastrand::Rng::new());
    let url = server.url(&database);
    let hookd = home_with_sqlite().start();
    send(&hookd, 1..=3000, 6000);
    delivered(&hookd, 3000);
    let home = stopped(hookd);
    for kill in 0..KILLS {
        let before = mark(&server, &database);
        let mut child = start_copy(&home, SQLITE, &url);
        // Until it has written something, and then anywhere.
        let mut looks = random.u32(0..4);
        until("the copy goes on", || {
            let now = mark(&server, &database);
            assert!(child.try_wait().expect("it is our child").is_none(), "kill {kill}: it has ended, at {now}");
            let goes_on = now != before || now.contains("comparison");
            looks = if goes_on { looks.saturating_sub(1) } else { looks };
            (goes_on && looks == 0).then_some(())
        });
        child.kill().expect("it runs");
        child.wait().expect("it is our child");
    }
    // Nobody takes it for a store.
    point_at(&home, &url);
    for command in [&["serve"][..], &["store", "check"], &["store", "stats"]] {
        let refused = home.run(command);
        assert_ne!(refused.code, Some(0));
        let expected = "is an unfinished copy of another store: run the `hookd store copy` again that was interrupted";
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    let copied = digest(&copy(&home, SQLITE, &url));
    let check = home.run(&["store", "check", "--digest"]);
    assert_eq!(digest(&check), copied);
    assert!(check.stdout.contains(": ok, 3000 deliveries, 3000 of them with their request"), "{}", check.stdout);
    let hookd = home.start();
    assert_eq!(hookd.send(&numbered(7, 6000)).line(), "202 1 change found");
    send(&hookd, 3001..=3001, 0);
    assert_eq!(revisions(&hookd).len(), 3001);
    let all: Vec<String> = (1..=3001).map(|number: usize| number.to_string()).collect();
    assert_eq!(delivered(&hookd, 3001), all, "each once, in order");
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_copy_into_a_file_that_is_killed_is_continued_too() {
    const KILLS: usize = 5;
    let server = Postgres::start();
    let (url, random) = (server.url(&server.new_database()), &mut fastrand::Rng::new());
    let hookd = super::home(&url).start();
    send(&hookd, 1..=2000, 6000);
    delivered(&hookd, 2000);
    let home = stopped(hookd);
    let place = home.path().join("new.db");
    // Of what is being written, or is not there yet, nothing may be read now and then.
    let mark = || {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = rusqlite::Connection::open_with_flags(&place, flags).ok()?;
        file.query_row("SELECT value FROM facts WHERE name = 'copy'", [], |row| row.get::<_, String>(0)).ok()
    };
    for kill in 0..KILLS {
        let before = mark();
        let mut child = start_copy(&home, &url, "sqlite:new.db");
        let mut looks = random.u32(0..20);
        until("the copy goes on", || {
            let now = mark();
            assert!(child.try_wait().expect("it is our child").is_none(), "kill {kill}: it has ended, at {now:?}");
            let goes_on = now.is_some() && (now != before || now.is_some_and(|now| now.contains("comparison")));
            looks = if goes_on { looks.saturating_sub(1) } else { looks };
            (goes_on && looks == 0).then_some(())
        });
        child.kill().expect("it runs");
        child.wait().expect("it is our child");
    }
    point_at(&home, "sqlite:new.db");
    let refused = home.run(&["serve"]);
    assert!(refused.stderr.contains("new.db` is an unfinished copy of another store"), "{}", refused.stderr);
    let copied = digest(&copy(&home, &url, "sqlite:new.db"));
    let check = home.run(&["store", "check", "--digest"]);
    assert_eq!(digest(&check), copied);
    let hookd = home.start();
    send(&hookd, 2001..=2001, 0);
    let all: Vec<String> = (1..=2001).map(|number: usize| number.to_string()).collect();
    assert_eq!(delivered(&hookd, 2001), all, "each once, in order");
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_place_that_will_not_do_is_refused_with_the_reason() {
    let server = Postgres::start();
    let (database, newer, foreign) = (server.new_database(), server.new_database(), server.new_database());
    let (url, newer_url) = (server.url(&database), server.url(&newer));
    let hookd = home_with_sqlite().start();
    send(&hookd, 1..=3, 0);
    let other = super::home(&newer_url).start();
    send(&other, 1..=1, 0);
    let home = hookd.home();
    home.write("text.db", "precious text, but no database ".repeat(100));
    let refused = |home: &Home, from: &str, to: &str, code: i32, message: &str| {
        let finished = copy(home, from, to);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), ""), "{from} to {to}: {}", finished.stderr);
        assert!(finished.stderr.contains(message), "{from} to {to}: {}", finished.stderr);
        assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    };
    // While a hookd is at work.
    refused(home, SQLITE, &url, 1, "`hookd.db` is in use by another hookd; stop that one first");
    refused(home, &newer_url, "sqlite:new.db", 1, "is in use by the hookd on ");
    drop(other);
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));

    for (from, to, code, message) in [
        (SQLITE, SQLITE, 1, "`--from` and `--to` name the same store"),
        (SQLITE, "sqlite:./hookd.db", 1, "`--from` and `--to` name the same store"),
        (&url, &url, 1, "`--from` and `--to` name the same store"),
        ("sqlite:none.db", &url, 1, "there is no store `none.db`"),
        (&url, "sqlite:new.db", 1, "has no store"),
        (SQLITE, "sqlite:text.db", 1, "`text.db` is damaged, or no database"),
        (SQLITE, "sqlite:none/new.db", 1, "its folder does not exist"),
        (SQLITE, &server.url("nowhere"), 1, "create the database (`createdb`)"),
        (SQLITE, &newer_url, 1, "the destination is a store already: name an empty one"),
        (
            "mysql://me:hunter2@db/x",
            &url,
            2,
            "error: `--from`: this build has no store `mysql`, expected `sqlite:PATH`",
        ),
        (SQLITE, "postgresql://me:hunter2@", 2, "error: `--to`: "),
    ] {
        refused(&home, from, to, code, message);
    }
    let both = ["store", "copy", "--from", SQLITE, "--to", "sqlite:new.db", "--sslmode", "disable"];
    let finished = home.run(&both);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{}", finished.stderr);
    assert!(finished.stderr.contains("passwords and TLS are for PostgreSQL"), "{}", finished.stderr);
    let finished = home.run(&[&both[..6], &["--file", "x.db"]].concat());
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("`--file` names one store, and `copy` needs two"), "{}", finished.stderr);
    assert!(fs::read_to_string(home.path().join("text.db")).expect("it is there").starts_with("precious"));
    assert_eq!(server.query(&foreign, "SELECT count(*) FROM pg_tables WHERE schemaname = 'hookd'"), "0");
    assert_eq!(server.query(&database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'hookd'"), "0");

    server.query(&newer, "UPDATE hookd.versions SET readable_from = 99");
    refused(&home, SQLITE, &newer_url, 1, "has schema version 99, and this hookd knows versions up to");
    refused(&home, &newer_url, "sqlite:new.db", 1, "has schema version 99");
    digest(&copy(&home, SQLITE, &url));
    refused(&home, SQLITE, &url, 1, "the destination is the same store, or a complete copy of it");

    // What is unfinished belongs to its source, in the state that this was in.
    let database = server.new_database();
    let url = server.url(&database);
    digest(&copy(&home, SQLITE, &url));
    server.query(&database, "CREATE TABLE hookd.copy (mark text COLLATE \"C\" NOT NULL)");
    let instance = "'{\"instance\":\"other\",\"state\":\"\",\"step\":\"log\",\"deliveryid\":0,\"changeid\":0,\"name\":\"\",\"settled\":0}'";
    server.query(&database, &format!("INSERT INTO hookd.copy VALUES ({instance})"));
    refused(&home, SQLITE, &url, 1, "the destination is an unfinished copy of another store: name an empty one");
    let own = server.query(&database, "SELECT instance FROM hookd.store");
    server.query(&database, &format!("UPDATE hookd.copy SET mark = replace(mark, '\"other\"', '\"{own}\"')"));
    refused(&home, SQLITE, &url, 1, "the source was used since this copy was begun");
    refused(&home, SQLITE, &url, 1, "`DROP SCHEMA hookd CASCADE` in postgresql://");
    server.query(&database, "DROP SCHEMA hookd CASCADE");
    digest(&copy(&home, SQLITE, &url));
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_store_in_postgresql_is_checked_for_what_its_records_must_be() {
    let server = Postgres::start();
    let database = server.new_database();
    let hookd = super::home(&server.url(&database)).start();
    send(&hookd, 1..=6, 10);
    assert_eq!(delivered(&hookd, 6).len(), 6);
    let check = hookd.home().run(&["store", "check"]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""), "beside a hookd at work");
    assert!(check.stdout.ends_with(": ok, 6 deliveries, 6 of them with their request\n"), "{}", check.stdout);
    assert_eq!(hookd.send(&push::request("7")).line(), "202 1 change found");
    let home = stopped(hookd);
    for (damage, problem) in [
        ("DELETE FROM hookd.changes WHERE changeid = 3", "change 4 stands where 3 is expected"),
        ("DELETE FROM hookd.deliveries WHERE deliveryid = 3", "delivery 4 stands where 3 is expected"),
        ("DELETE FROM hookd.deliveries WHERE deliveryid > 6", "delivery 7 is missing"),
        (
            "UPDATE hookd.deliveries SET change_count = 2 WHERE deliveryid = 3",
            "delivery 3 was accepted, and lacks changes",
        ),
        ("UPDATE hookd.changes SET deliveryid = 3 WHERE changeid = 4", "delivery 3 was accepted, and lacks changes"),
        (
            "UPDATE hookd.requests SET data = set_byte(data, 20, 255 - get_byte(data, 20)) WHERE deliveryid = 5",
            "delivery 5",
        ),
        (
            "UPDATE hookd.deliveries SET forge_id = 'x' WHERE deliveryid = 2",
            "delivery 2 would not be found if it were sent again",
        ),
        (
            "UPDATE hookd.deliveries SET size = 1 WHERE deliveryid = 2",
            "the request of delivery 2 has another size than it says",
        ),
        ("UPDATE hookd.cursors SET position = 99", "cursor file is beyond the newest change"),
        ("UPDATE hookd.cursors SET version = 99999", "cursor file has a version that was never given"),
        (
            "UPDATE hookd.settlements SET changeid = 99 WHERE changeid = 6",
            "cursor file has settled change 99, which is not there",
        ),
        (
            "UPDATE hookd.deliveries SET state = 0, was_pending = true, first_changeid = NULL, change_count = 0 WHERE deliveryid = 7",
            "delivery 7 is pending, and has neither its outcome nor a next attempt",
        ),
        (
            "INSERT INTO hookd.pending VALUES (99, 'github', 0, 0, 0, NULL, '', NULL, NULL, 0, false)",
            "0 deliveries are pending, and 1 of them have a next attempt",
        ),
    ] {
        let damaged = server.new_database();
        server.copy(&database, &damaged);
        server.query(&damaged, damage);
        point_at(&home, &server.url(&damaged));
        let check = home.run(&["store", "check"]);
        assert_eq!((check.code, check.stdout.as_str()), (Some(1), ""), "{damage}: {}", check.stderr);
        assert!(check.stderr.contains(problem), "{damage}: {}", check.stderr);
        assert!(check.stderr.contains("error: the store is damaged"), "{damage}: {}", check.stderr);
    }
}
