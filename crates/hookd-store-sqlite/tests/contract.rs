//! The store in SQLite keeps the contract.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hookd_store::SharedStore;
use hookd_store_sqlite::SqliteStore;
use tempfile::TempDir;

/// Opens one store again and again.
fn opener() -> impl FnMut() -> SharedStore {
    let folder = TempDir::new().unwrap();
    move || Arc::new(SqliteStore::open(&folder.path().join("hookd.db")).unwrap())
}

hookd_store::contract_tests!(opener());
