//! Stores of both engines, and copies between them.

pub(crate) mod comparison;
pub(crate) mod filling;

use std::path::{Path, PathBuf};

use hookd_store::SharedStore;
use hookd_store::copy::{Copied, CopyError, Export, Import, Watch, copy};
use hookd_store_postgres::{Options, PostgresExport, PostgresImport, PostgresStore};
use hookd_store_sqlite::{SqliteExport, SqliteImport, SqliteStore};
use tempfile::TempDir;

use crate::server;

/// Where stores are.
pub(crate) struct Stores(TempDir);

/// Where a store is.
#[derive(Debug)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Options),
}

impl Stores {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn sqlite(&self, name: &str) -> Place {
        Place::Sqlite(self.0.path().join(name))
    }

    #[expect(clippy::unused_self, reason = "as the other one")]
    pub(crate) fn postgres(&self) -> Place {
        Place::Postgres(server::new_database())
    }
}

impl Place {
    pub(crate) fn open(&self) -> SharedStore {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<SharedStore, String> {
        Ok(match self {
            Self::Sqlite(path) => std::sync::Arc::new(SqliteStore::open(path).map_err(|error| error.to_string())?),
            Self::Postgres(options) => {
                std::sync::Arc::new(PostgresStore::open(options.clone()).map_err(|error| error.to_string())?)
            }
        })
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path,
            Self::Postgres(options) => panic!("{options:?} is no file"),
        }
    }

    pub(crate) fn copy_to(&self, to: &Self) -> Result<Copied, CopyError> {
        self.copy_watched(to, &mut |_| true)
    }

    pub(crate) fn copy_watched(&self, to: &Self, watch: Watch<'_>) -> Result<Copied, CopyError> {
        let mut source: Box<dyn Export> = match self {
            Self::Sqlite(path) => Box::new(SqliteExport::open(path).unwrap()),
            Self::Postgres(options) => Box::new(PostgresExport::open(options.clone()).unwrap()),
        };
        let mut to: Box<dyn Import> = match to {
            Self::Sqlite(path) => Box::new(SqliteImport::open(path).unwrap()),
            Self::Postgres(options) => Box::new(PostgresImport::open(options.clone()).unwrap()),
        };
        copy(source.as_mut(), to.as_mut(), watch)
    }
}
