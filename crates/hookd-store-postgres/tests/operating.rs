//! What only this engine has: versions of its tables, limits of what it reads, and what the database does not take.

#![allow(clippy::unwrap_used)]

mod server;

mod postgres {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use hookd_core::Change;
    use hookd_store::{
        ChangeField, Log as _, NewDelivery, NewState, Operator, Origin, Query, ReadLimits, Store as _, StoreError,
        Timestamp, bounded,
    };
    use hookd_store_postgres::{OpenError, Options, PostgresStore, Preflight, Reader};
    use hookd_tests::{Postgres, until};

    use super::server;

    fn sql(options: &Options, sql: &str) -> String {
        Postgres::shared().query(&options.database, sql)
    }

    fn delivery(event: &str, changes: usize) -> NewDelivery {
        let change = |number: usize| Change { revision: Some(format!("{event}{number}")), ..Change::default() };
        NewDelivery {
            received_at: Timestamp::now(),
            dialect: "github".to_owned(),
            event: Some(event.to_owned()),
            forge_id: None,
            deduplicate: true,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            note: None,
            request: None,
            state: NewState::Accepted((0..changes).map(change).collect()),
        }
    }

    /// An older one, as long as the newer tables allow it.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_hookd_works_with_the_tables_of_the_version_after_it() {
        let options = server::new_database();
        let missing = Reader::open(options.clone()).err().unwrap();
        assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
        assert_eq!(Preflight::look(options.clone()).unwrap(), Preflight::Free);
        drop(PostgresStore::open(options.clone()).unwrap());
        let known: i64 = sql(&options, "SELECT max(version) FROM hookd.versions").parse().unwrap();
        let next = known + 1;
        sql(&options, &format!("INSERT INTO hookd.versions VALUES ({next}, {known})"));
        let store = PostgresStore::open(options.clone()).unwrap();
        store.append(delivery("push", 1)).wait().unwrap();
        assert_eq!(Preflight::look(options.clone()).unwrap(), Preflight::InUse);
        drop(store);
        sql(&options, &format!("UPDATE hookd.versions SET readable_from = {next} WHERE version = {next}"));
        let newer = PostgresStore::open(options.clone()).err().unwrap().to_string();
        assert!(
            newer.contains(&format!("has schema version {next}, and this hookd knows versions up to {known}")),
            "{newer}"
        );
        assert!(Reader::open(options).is_err());
    }

    /// One makes the tables, and all share the store.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn several_may_start_at_once_on_an_empty_database() {
        let options = server::new_database();
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| PostgresStore::open(options.clone()));
            let threads: Vec<_> = (0..4).map(|_| open()).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let opened: Vec<PostgresStore> = opened.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened[3].reader().replicas().unwrap().len(), 4);
        assert_eq!(sql(&options, "SELECT count(*) FROM hookd.store"), "1");
    }

    /// Whoever reads gets an answer in time, and the server gives up as well.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn reading_ends_at_its_limits_also_in_the_server() {
        let options = server::new_database();
        let store = PostgresStore::open(options.clone()).unwrap();
        store.append(delivery("push", 1)).wait().unwrap();
        // A view that never ends stands in for a table with very much in it.
        sql(&options, "ALTER TABLE hookd.changes RENAME TO few");
        sql(
            &options,
            "CREATE VIEW hookd.changes AS SELECT few.* FROM hookd.few, generate_series(1, 100000000000) AS endless",
        );
        let query = Query::default().filter(ChangeField::Author, Operator::Contains, "nobody");
        let begun = Instant::now();
        let limits = |time| ReadLimits { deadline: Instant::now() + time, cancelled: Arc::<AtomicBool>::default() };
        let read = bounded(limits(Duration::from_millis(300)), || store.reader().changes(&query));
        assert_eq!(read.err(), Some(StoreError::TimedOut));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        until("the server has given up", || {
            let active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%strpos%' \
                AND pid <> pg_backend_pid()";
            (sql(&options, active) == "0").then_some(())
        });
        sql(&options, "DROP VIEW hookd.changes; ALTER TABLE hookd.few RENAME TO changes");
        assert_eq!(store.reader().changes(&query).unwrap().total, 0);
    }

    /// Those that were queued with it are stored.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn what_the_database_does_not_take_fails_alone() {
        let options = server::new_database();
        let store = PostgresStore::open(options.clone()).unwrap();
        sql(&options, "ALTER TABLE hookd.deliveries ADD CONSTRAINT no_poison CHECK (event <> 'poison')");
        let events = (0..40).map(|number| if number % 7 == 3 { "poison" } else { "push" });
        let replies: Vec<_> = events.clone().map(|event| store.append(delivery(event, 2))).collect();
        let mut stored = 0;
        for (event, reply) in events.zip(replies) {
            match reply.wait() {
                Ok(receipt) => {
                    stored += 1;
                    assert_eq!((event, receipt.deliveryid), ("push", stored), "numbers have no gaps");
                }
                Err(StoreError::Failed(why)) => assert!(event == "poison" && why.contains("no_poison"), "{why}"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(stored, 34);
        assert_eq!(*store.tail().borrow(), 68);
    }

    /// Where the server acknowledges before it has written, hookd's transactions do not.
    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_commit_is_on_disk_also_where_the_server_would_not_wait_for_it() {
        let options = server::new_database();
        sql(&options, &format!("ALTER DATABASE {} SET synchronous_commit = off", options.database));
        let store = PostgresStore::open(options.clone()).unwrap();
        // Says with each delivery how its transaction is committed.
        sql(
            &options,
            "CREATE TABLE hookd.noted (setting text); CREATE FUNCTION hookd.note() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO hookd.noted VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; \
             CREATE TRIGGER note AFTER INSERT ON hookd.deliveries EXECUTE FUNCTION hookd.note()",
        );
        store.append(delivery("push", 1)).wait().unwrap();
        assert_eq!(sql(&options, "SELECT DISTINCT setting FROM hookd.noted"), "on");
        assert_eq!(sql(&options, "SHOW synchronous_commit"), "off", "elsewhere it stays as it is");
    }
}
