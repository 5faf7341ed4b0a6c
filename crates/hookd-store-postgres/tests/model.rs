//! Random histories of the store in PostgreSQL. A kill ends the store at once, whatever it writes, without a word to the server.

#![allow(clippy::unwrap_used)]

mod server;

mod postgres {
    use std::time::Duration;

    use hookd_store::Store;
    use hookd_store::contract::model::{self, Engine};
    use hookd_store_postgres::{Options, PostgresStore};
    use hookd_tests::until;

    use super::server;

    struct Postgres {
        options: Options,
        store: Option<PostgresStore>,
    }

    impl Postgres {
        fn new() -> Self {
            // Each kill may be followed by a wait for the lease.
            let options = Options { lease: Duration::from_millis(500), ..server::new_database() };
            let store = Some(PostgresStore::open(options.clone()).unwrap());
            Self { options, store }
        }

        fn open(&mut self) {
            self.store = Some(PostgresStore::open(self.options.clone()).unwrap());
        }
    }

    impl Engine for Postgres {
        fn store(&self) -> &dyn Store {
            self.store.as_ref().unwrap()
        }

        fn reopen(&mut self) {
            self.store().close();
            self.store = None;
            self.open();
        }

        fn kill(&mut self) {
            self.store.take().unwrap().abandon();
            self.open();
            // Its pending deliveries are taken over when its lease has ended.
            let store = self.store();
            until("the pending deliveries are taken over", || {
                (store.pending().unwrap().len() == store.pending_count().unwrap()).then_some(())
            });
        }
    }

    #[test]
    #[ignore = "needs PostgreSQL from cargo xtask test"]
    fn a_random_history_leaves_what_a_plain_vector_has() {
        model::a_random_history_leaves_what_a_plain_vector_has(1, Postgres::new);
    }
}
