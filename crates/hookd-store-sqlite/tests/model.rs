//! Random histories of the store in SQLite. A kill is a copy of the files, taken while the writer is at work, that is opened
//! again.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use hookd_store::Store;
use hookd_store::contract::model::{self, Engine};
use hookd_store_sqlite::{SqliteStore, maintenance};
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
    store: Option<SqliteStore>,
}

impl Sqlite {
    fn new() -> Self {
        let mut new = Self { folder: TempDir::new().unwrap(), store: None };
        new.open();
        new
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hookd.db")
    }

    fn open(&mut self) {
        self.store = Some(SqliteStore::open(&self.path()).unwrap());
    }
}

impl Engine for Sqlite {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.store().close();
        self.store = None;
        let problems = maintenance::check(&self.path()).unwrap().problems;
        assert!(problems.is_empty(), "{problems:#?}");
        self.open();
    }

    fn kill(&mut self) {
        // No checkpoint takes place in a store of this size: the file stays as it is, and the WAL only grows.
        let copy = TempDir::new().unwrap();
        for name in ["hookd.db", "hookd.db-wal"] {
            fs::copy(self.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        self.store = None;
        self.folder = copy;
        self.open();
    }
}

#[test]
fn a_random_history_leaves_what_a_plain_vector_has() {
    model::a_random_history_leaves_what_a_plain_vector_has(6, Sqlite::new);
}
