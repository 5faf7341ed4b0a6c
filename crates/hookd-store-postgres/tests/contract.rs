//! The store in PostgreSQL keeps the contract.

#![allow(clippy::unwrap_used)]

mod server;

mod postgres {
    use std::sync::Arc;

    use hookd_store::SharedStore;
    use hookd_store_postgres::PostgresStore;

    use super::server;

    /// Opens one store again and again.
    fn opener() -> impl FnMut() -> SharedStore {
        let options = server::new_database();
        move || Arc::new(PostgresStore::open(options.clone()).unwrap())
    }

    hookd_store::contract_tests!(opener(), ignore = "needs PostgreSQL from cargo xtask test");
}
