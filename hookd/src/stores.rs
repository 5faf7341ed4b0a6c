//! The stores that `[store]` can name, and how each is opened.

use std::sync::Arc;

use hookd_config::{PostgresUrl, SslMode, Store, StoreUrl};
use hookd_store::copy::{Export, Import};
use hookd_store::{Browse, Observer, SharedStore};
use hookd_store_postgres::{Options, PostgresExport, PostgresImport, PostgresStore, Protection};
use hookd_store_sqlite::{SqliteExport, SqliteImport, SqliteStore};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Sqlite(#[from] hookd_store_sqlite::OpenError),
    #[error(transparent)]
    Postgres(#[from] hookd_store_postgres::OpenError),
}

/// What was found where a store is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It can be opened.
    Free,
    /// A hookd is at work on it.
    InUse,
}

/// Opens the store, with an observer of its transactions. It may wait for a hookd that has just ended.
pub(crate) fn open(store: &Store, observer: Arc<dyn Observer>) -> Result<SharedStore, OpenError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open_observed(path, observer)?),
        StoreUrl::Postgres(url) => Arc::new(PostgresStore::open_observed(postgres(store, url), observer)?),
    })
}

/// Opens the store to read only, whether a hookd is at work on it or not.
pub(crate) fn open_reader(store: &Store) -> Result<Box<dyn Browse>, OpenError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Box::new(hookd_store_sqlite::Reader::open(path)?),
        StoreUrl::Postgres(url) => Box::new(hookd_store_postgres::Reader::open(postgres(store, url))?),
    })
}

/// Opens the store to read it out: no hookd may be at work on it, and none can be for as long.
pub(crate) fn open_export(store: &Store) -> Result<Box<dyn Export>, OpenError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Box::new(SqliteExport::open(path)?),
        StoreUrl::Postgres(url) => Box::new(PostgresExport::open(postgres(store, url))?),
    })
}

/// The same beside a hookd that may be at work.
pub(crate) fn open_export_beside(store: &Store) -> Result<Box<dyn Export>, OpenError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Box::new(SqliteExport::beside(path)?),
        StoreUrl::Postgres(url) => Box::new(PostgresExport::beside(postgres(store, url))?),
    })
}

/// Opens the store to fill it, and makes it where there is none.
pub(crate) fn open_import(store: &Store) -> Result<Box<dyn Import>, OpenError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Box::new(SqliteImport::open(path)?),
        StoreUrl::Postgres(url) => Box::new(PostgresImport::open(postgres(store, url))?),
    })
}

/// Looks whether the store could be opened, without changing anything.
pub(crate) fn look(store: &Store) -> Result<Found, OpenError> {
    let is_free = match &store.url {
        StoreUrl::Sqlite(path) => hookd_store_sqlite::preflight(path)? == hookd_store_sqlite::Preflight::Free,
        StoreUrl::Postgres(url) => {
            hookd_store_postgres::Preflight::look(postgres(store, url))? == hookd_store_postgres::Preflight::Free
        }
    };
    Ok(if is_free { Found::Free } else { Found::InUse })
}

/// How to reach the database of a section.
pub(crate) fn postgres(store: &Store, url: &PostgresUrl) -> Options {
    let PostgresUrl { user, password, host, port, database } = url.clone();
    let protection = match store.sslmode {
        Some(SslMode::Disable) => Protection::Plain,
        Some(SslMode::Require) => Protection::Encrypted,
        Some(SslMode::VerifyFull) => Protection::Verified,
        None => Options::default_protection(&host),
    };
    let root_certificates = store.sslrootcert.clone();
    Options { host, port, user, password, database, protection, root_certificates, lease: Options::LEASE }
}
