//! The store in PostgreSQL keeps the contract through a pooler that gives each transaction another session.

#![allow(clippy::unwrap_used)]

mod server;

mod postgres {
    use std::sync::{Arc, OnceLock};

    use hookd_store::SharedStore;
    use hookd_store_postgres::{Options, PostgresStore};
    use hookd_tests::{Pgbouncer, Postgres};

    use super::server;

    /// Opens one store again and again.
    fn opener() -> impl FnMut() -> SharedStore {
        static POOLER: OnceLock<Pgbouncer> = OnceLock::new();
        let pooler = POOLER.get_or_init(|| Pgbouncer::start(Postgres::shared()));
        let options = Options { host: pooler.host(), port: pooler.port(), ..server::new_database() };
        move || Arc::new(PostgresStore::open(options.clone()).unwrap())
    }

    hookd_store::contract_tests!(opener(), ignore = "needs PostgreSQL and pgbouncer from cargo xtask test");
}
