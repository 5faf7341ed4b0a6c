//! What the commands of hookd say of a store in PostgreSQL.

use hookd_tests::{Home, Postgres};

use super::{config, home};
use crate::push;

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn store_stats_counts_store_check_reads_and_the_others_name_the_programs_of_postgresql() {
    let server = Postgres::start();
    let database = server.new_database();
    let home = home(&server.url(&database));
    let none = home.run(&["store", "stats", "--config", "hookd.toml"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("has no store: `hookd serve` makes it when it starts"), "{}", none.stderr);

    let hookd = home.start();
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    let run = |arguments: &[&str]| hookd.home().run(&[arguments, &["--config", "hookd.toml"]].concat());
    let stats = run(&["store", "stats"]);
    assert_eq!(stats.code, Some(0), "{}", stats.stderr);
    assert!(stats.stdout.contains("deliveries  1, 0 of them pending, 1 with their request"), "{}", stats.stdout);
    let stats = run(&["store", "stats", "--json"]);
    let stats: serde_json::Value = serde_json::from_str(&stats.stdout).expect("JSON");
    assert_eq!((&stats["deliveries"], &stats["changes"]), (&1.into(), &1.into()));
    assert!(stats["table_bytes"].as_u64().is_some_and(|bytes| bytes > 8192), "{stats}");
    let check = run(&["store", "check"]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    for (arguments, instead) in
        [(&["store", "backup", "x.db"][..], "pg_dump --schema=hookd"), (&["store", "vacuum"], "VACUUM FULL")]
    {
        let refused = run(arguments);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.starts_with("error: the store is in PostgreSQL: "), "{}", refused.stderr);
        assert!(refused.stderr.contains(instead), "{}", refused.stderr);
    }
    // Stored deliveries are compared with the configuration, from another process.
    let replayed = run(&["check", "--replay", "1d"]);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    assert!(replayed.stdout.contains("0 of 1 deliveries would change"), "{}", replayed.stdout);
}

/// What `pg_dump` has copied is a store.
#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_dump_that_was_restored_is_a_store() {
    let server = Postgres::start();
    let (database, copy) = (server.new_database(), server.new_database());
    let hookd = home(&server.url(&database)).start();
    let sent = push::request("1").header("X-GitHub-Delivery", "d1");
    assert_eq!(hookd.send(&sent).line(), "202 1 change found");
    server.copy(&database, &copy);
    let restored = home(&server.url(&copy)).start();
    assert_eq!(restored.send(&sent).line(), "202 1 change found");
    assert_eq!(restored.send(&push::request("2")).line(), "202 1 change found");
    assert_eq!(super::revisions(&restored), ["1", "2"]);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn what_cannot_be_opened_is_named_with_a_remedy() {
    let server = Postgres::start();
    for (store, parts) in [
        (
            format!("url = \"{}\"", server.url("nowhere")),
            &["cannot use database `nowhere` at", "does not exist", "createdb"][..],
        ),
        (
            "url = \"postgresql://me:hunter2@127.0.0.1:1/hookd\"".to_owned(),
            &["cannot use database `hookd` at 127.0.0.1:1", "refused", "see whether PostgreSQL runs"],
        ),
        (
            "url = \"postgresql://me@/hookd?host=/nowhere\"".to_owned(),
            &["`/nowhere/.s.PGSQL.5432`", "No such file", "see whether PostgreSQL runs"],
        ),
    ] {
        let home = Home::with_config(&config(&store));
        for command in ["serve", "check"] {
            let failed = home.run(&[command, "--config", "hookd.toml"]);
            assert_ne!(failed.code, Some(0), "{store}");
            for part in parts {
                assert!(failed.stderr.contains(part), "{command}: {}", failed.stderr);
            }
            assert!(!failed.stderr.contains("hunter2"), "{}", failed.stderr);
        }
    }
}
