//! Copies between the two engines: everything arrives, from one to the other and back again.

#![allow(clippy::unwrap_used)]

mod copying;
mod server;

mod postgres {
    use hookd_store::copy::{CopyError, Found, Import as _, copy};
    use hookd_store::{Expiry, Log as _, NewState, Timestamp};
    use hookd_store_postgres::{OpenError, PostgresExport, PostgresImport, PostgresStore, Reader};
    use hookd_store_sqlite::{SqliteExport, SqliteImport, SqliteStore, maintenance};

    use super::copying::comparison::assert_same;
    use super::copying::filling::{accepted, append, delivery, fill};
    use super::copying::{Place, Stores};
    use super::server;

    /// Opens both, and holds one against the other.
    fn compare(one: &Place, other: &Place) {
        let (one, other) = (one.open(), other.open());
        assert_same(one.as_ref(), other.as_ref());
        one.close();
        other.close();
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn everything_arrives_and_comes_back() {
        let stores = Stores::new();
        let (first, second, third) = (stores.sqlite("first.db"), stores.postgres(), stores.sqlite("third.db"));
        let store = first.open();
        fill(store.as_ref());
        store.close();
        drop(store);
        let copied = first.copy_to(&second).unwrap();
        assert!(!copied.was_continued);
        compare(&first, &second);
        assert_eq!(second.copy_to(&third).unwrap().digest, copied.digest);
        compare(&first, &third);
        assert_eq!(maintenance::check(third.path()).unwrap().problems, [""; 0]);
        let fourth = stores.postgres();
        assert_eq!(third.copy_to(&fourth).unwrap().digest, copied.digest);
        compare(&third, &fourth);
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_copy_goes_on_as_the_source_would_have() {
        let stores = Stores::new();
        let (first, second, third) = (stores.sqlite("first.db"), stores.postgres(), stores.sqlite("third.db"));
        let store = first.open();
        let filled = fill(store.as_ref());
        store.close();
        drop(store);
        first.copy_to(&second).unwrap();
        second.copy_to(&third).unwrap();
        for place in [first, second, third] {
            let store = place.open();
            for (sent, receipt) in &filled.duplicates {
                let again = store.append(sent.clone()).wait().unwrap();
                assert!(again.is_duplicate, "{place:?}: {again:?}");
                assert_eq!((again.deliveryid, again.state), (receipt.deliveryid, receipt.state), "{place:?}");
            }
            for sent in &filled.new {
                assert!(!append(store.as_ref(), sent.clone()).is_duplicate, "{place:?}");
            }
            // None of the numbers that were given.
            let next = append(store.as_ref(), delivery("next", accepted("next")));
            assert_eq!(next.deliveryid, filled.newest_deliveryid + filled.new.len() as i64 + 1, "{place:?}");
            assert!(*store.tail().borrow() > filled.newest_changeid, "{place:?}");
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn numbers_go_on_where_everything_has_expired() {
        let stores = Stores::new();
        let (first, second, third) = (stores.postgres(), stores.sqlite("second.db"), stores.postgres());
        let store = first.open();
        for number in 0..5 {
            append(store.as_ref(), delivery(&number.to_string(), accepted("r")));
        }
        append(store.as_ref(), delivery("x", NewState::Ignored("no".to_owned())));
        let now = Timestamp::now();
        let all = Expiry { changes_before: Some(now), now, ..Expiry::default() };
        while store.expire(all).wait().unwrap().has_more {}
        assert_eq!(store.reader().deliveries(&hookd_store::Query::default()).unwrap().total, 0);
        store.close();
        drop(store);
        first.copy_to(&second).unwrap();
        second.copy_to(&third).unwrap();
        for place in [first, second, third] {
            let store = place.open();
            assert_eq!((store.read_on(0, 9).unwrap().len(), *store.tail().borrow()), (0, 5), "{place:?}");
            let next = append(store.as_ref(), delivery("next", accepted("next")));
            assert_eq!((next.deliveryid, store.read_on(0, 9).unwrap()[0].changeid), (7, 6), "{place:?}");
            store.close();
            drop(store);
            if let Place::Sqlite(path) = &place {
                assert_eq!(maintenance::check(path).unwrap().problems, [""; 0]);
            }
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn an_empty_store_can_be_copied() {
        let stores = Stores::new();
        let (first, second, third) = (stores.sqlite("first.db"), stores.postgres(), stores.sqlite("third.db"));
        first.open().close();
        first.copy_to(&second).unwrap();
        second.copy_to(&third).unwrap();
        compare(&first, &third);
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_copy_that_was_interrupted_anywhere_is_continued() {
        for is_to_postgres in [true, false] {
            let stores = Stores::new();
            let (sqlite, postgres) = (stores.sqlite("sqlite.db"), stores.postgres());
            let (from, to) = if is_to_postgres { (sqlite, postgres) } else { (postgres, sqlite) };
            let store = from.open();
            fill(store.as_ref());
            for number in 0..1200 {
                drop(store.append(delivery(&format!("many {number}"), accepted("many"))));
            }
            store.close();
            drop(store);
            let mut interruptions: usize = 0;
            let copied = loop {
                // Further each time: first by one step, then by many.
                let mut steps = 1 + interruptions + usize::pow(interruptions, 2) / 2;
                let copied = from.copy_watched(&to, &mut |_| {
                    steps -= 1;
                    steps > 0
                });
                match copied {
                    Ok(copied) => break copied,
                    Err(CopyError::Interrupted) => interruptions += 1,
                    Err(other) => panic!("{other}"),
                }
                let opened = to.try_open().err().unwrap();
                assert!(
                    opened.contains("is an unfinished copy of another store: run the `hookd store copy`"),
                    "{opened}"
                );
            };
            assert!(interruptions >= 6 && copied.was_continued, "{interruptions}");
            compare(&from, &to);
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn what_is_no_place_for_a_copy_is_refused() {
        let stores = Stores::new();
        let (from, to) = (stores.sqlite("from.db"), stores.postgres());
        let store = from.open();
        append(store.as_ref(), delivery("1", accepted("1")));
        store.close();
        drop(store);
        from.copy_to(&to).unwrap();
        assert!(matches!(from.copy_to(&to), Err(CopyError::Same)));
        assert!(matches!(to.copy_to(&from), Err(CopyError::Same)));
        let other = stores.sqlite("other.db");
        append(other.open().as_ref(), delivery("1", accepted("1")));
        assert!(matches!(other.copy_to(&to), Err(CopyError::NotEmpty)));
        assert!(matches!(to.copy_to(&other), Err(CopyError::NotEmpty)));

        // Unfinished copies.
        for unfinished in [stores.postgres(), stores.sqlite("unfinished.db")] {
            assert!(matches!(from.copy_watched(&unfinished, &mut |_| false), Err(CopyError::Interrupted)));
            assert!(matches!(other.copy_to(&unfinished), Err(CopyError::OtherSource)));
            let store = from.open();
            append(store.as_ref(), delivery("2", accepted("2")));
            store.close();
            drop(store);
            assert!(matches!(from.copy_to(&unfinished), Err(CopyError::SourceChanged)));
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_store_that_is_in_use_is_neither_read_out_nor_filled() {
        let options = server::new_database();
        let store = PostgresStore::open(options.clone()).unwrap();
        assert!(matches!(PostgresExport::open(options.clone()), Err(OpenError::InUse { .. })));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        drop(SqliteStore::open(&path).unwrap());
        let mut export = SqliteExport::open(&path).unwrap();
        let mut import = PostgresImport::open(options.clone()).unwrap();
        let refused = copy(&mut export, &mut import, &mut |_| true).unwrap_err();
        let cause = std::error::Error::source(&refused).unwrap().to_string();
        assert!(cause.contains("uses it"), "{cause}");
        drop(import);
        store.close();
        drop(store);
        // And nobody opens what is being read out.
        let held = PostgresExport::open(options.clone()).unwrap();
        assert!(PostgresImport::open(options.clone()).unwrap().found().is_ok_and(|found| found == Found::Empty));
        drop(held);
        let store = SqliteStore::open(&path).err().unwrap();
        assert!(store.to_string().contains("is in use"), "{store}");
        assert!(SqliteImport::open(&path).is_err());
        drop(export);
        drop(SqliteStore::open(&path).unwrap());
        let _ = Reader::open(options).unwrap();
    }
}
