//! What can go wrong with a store in PostgreSQL, and what an operator can do about it.

use std::error::Error as _;
use std::path::PathBuf;

use hookd_store::StoreError;
use tokio_postgres::error::{DbError, Severity, SqlState};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// TLS cannot be set up.
    #[error("TLS to the database cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The certificates of authorities cannot be used.
    #[error("the certificates in `{path}` cannot be used: {why}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A thread of the store could not be started.
    #[error("cannot start a thread of the store")]
    Thread(#[source] std::io::Error),
    /// The database cannot be used now.
    #[error("cannot use {place}: {cause}: {remedy}")]
    Unavailable {
        /// The database.
        place: String,
        /// Why not.
        cause: String,
        /// What an operator can do.
        remedy: String,
    },
    /// Its tables were written by a newer hookd.
    #[error(
        "{place} has schema version {found}, and this hookd knows versions up to {known}: run the hookd that has written \
         it, or a newer one"
    )]
    Newer {
        /// The database.
        place: String,
        /// The oldest version that can be used with it.
        found: i64,
        /// The version of this build.
        known: i64,
    },
    /// There is no store yet.
    #[error("{place} has no store: `hookd serve` makes it when it starts")]
    Missing {
        /// The database.
        place: String,
    },
    /// Its tables were written by an older hookd, and may not be changed now.
    #[error(
        "{place} has schema version {found}, and this hookd writes version {known}: `hookd serve` brings it up to date \
         when it starts"
    )]
    Older {
        /// The database.
        place: String,
        /// Its version.
        found: i64,
        /// The version of this build.
        known: i64,
    },
    /// It is an unfinished copy of another store.
    #[error(
        "{place} is an unfinished copy of another store: run the `hookd store copy` again that was interrupted, or remove \
         it with `DROP SCHEMA hookd CASCADE`"
    )]
    Unfinished {
        /// The database.
        place: String,
    },
    /// A hookd is at work on a store that nobody may use meanwhile.
    #[error("{place} is in use by the hookd on {holder}: stop all that use it first")]
    InUse {
        /// The database.
        place: String,
        /// Host and process of the hookd.
        holder: String,
    },
}

/// Why something failed, within this crate.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The connection could not be made, or is lost.
    #[error("{cause}")]
    Connection {
        /// What the client library or the system says.
        cause: String,
        remedy: &'static str,
    },
    /// The database answered with an error.
    #[error("{message}")]
    Database {
        message: String,
        remedy: &'static str,
        /// Whether what was written is at fault, so that other writes may succeed.
        is_of_data: bool,
    },
    /// It is not known whether a transaction was committed.
    #[error("the connection to PostgreSQL was lost during a commit, and it is not known whether it took place")]
    Unknown,
    /// The database holds a different store than the one that was opened.
    #[error(
        "the database holds a different store than when this hookd was started: it was copied there, or created anew"
    )]
    Replaced,
    /// What was read is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// The contract's own error.
    #[error("{0}")]
    Store(StoreError),
}

impl Failure {
    /// Whether the connection is at fault, so that another one may do.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }

    /// What an operator can do.
    pub(crate) fn remedy(&self) -> &str {
        match self {
            Self::Connection { remedy, .. } | Self::Database { remedy, .. } => remedy,
            Self::Unknown => "have the forge send it again: what was stored is recognised",
            Self::Replaced => "restart this hookd",
            Self::Damaged(_) | Self::Store(_) => "see the cause",
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            // The library's own words name the layer, and its source what happened.
            let mut cause = error.to_string();
            let mut source = error.source();
            while let Some(deeper) = source {
                let text = deeper.to_string();
                if !cause.contains(&text) {
                    cause = format!("{cause}: {text}");
                }
                source = deeper.source();
            }
            let remedy = if cause.contains(hookd_tls::NO_AUTHORITIES) {
                "`sslrootcert` of `[store]` can name the server's authority instead"
            } else if cause.contains("certificate") {
                "see `sslmode` and `sslrootcert` of `[store]`"
            } else if cause.contains("server does not support TLS") {
                "set up TLS at the server, or see `sslmode` of `[store]`"
            } else if cause.contains("password missing") {
                "set `password` of `[store]`"
            } else {
                "see whether PostgreSQL runs and can be reached; hookd continues by itself"
            };
            return Self::Connection { cause, remedy };
        };
        let message = match database.detail() {
            // A detail may quote what was stored.
            Some(detail) if !is_of_data(database) => format!("{}: {detail}", database.message()),
            _ => database.message().to_owned(),
        };
        let remedy = remedy(database.code());
        if is_end_of_session(database) {
            return Self::Connection { cause: message, remedy };
        }
        Self::Database { message, remedy, is_of_data: is_of_data(database) }
    }
}

/// Whether the server ends the connection with this error, so that it does not tell what became of a commit.
fn is_end_of_session(error: &DbError) -> bool {
    let is_fatal = matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    is_fatal || error.code().code().starts_with("57P") || error.code().code().starts_with("08")
}

/// Data exceptions, violated constraints, and limits of the server.
fn is_of_data(error: &DbError) -> bool {
    ["22", "23", "54"].iter().any(|class| error.code().code().starts_with(class))
}

fn remedy(code: &SqlState) -> &'static str {
    match code.code() {
        "53100" => "free some space on the disk of PostgreSQL; hookd continues by itself",
        "53300" => "raise `max_connections` of PostgreSQL, or close other connections; hookd continues by itself",
        "28000" | "28P01" => "see the user and `password` of `[store]`, and `pg_hba.conf` of PostgreSQL",
        "3D000" => "create the database (`createdb`), or name another one",
        "42501" => {
            "let the user of `[store]` create a schema in the database, or make it the owner of the schema `hookd`"
        }
        "25006" => "name the primary: a standby can only be read; hookd continues by itself",
        "55P03" | "40P01" | "40001" => "see which other transaction holds locks; hookd continues by itself",
        other if other.starts_with("57P") || other.starts_with("08") => {
            "see whether PostgreSQL runs and can be reached; hookd continues by itself"
        }
        _ => "see the cause; hookd retries with each webhook",
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database { message, is_of_data: true, .. } | Failure::Damaged(message) => Self::Failed(message),
            Failure::Store(error) => error,
            other => Self::Unavailable { cause: other.to_string(), remedy: other.remedy().to_owned() },
        }
    }
}
