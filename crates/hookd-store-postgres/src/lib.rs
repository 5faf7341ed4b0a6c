//! The store of hookd in PostgreSQL: deliveries and changes as rows.
//!
//! It keeps the laws of [`hookd_store::Log`]. One task writes: it takes all that waits as one transaction and then answers all
//! of it. Every transaction first locks one row, the [head](head): so numbers have no gaps and follow the order of commits,
//! whoever writes. Several hookds may share one database: what must be done by one at a time has a [lease](leases). What is answered with success is committed: after a lost
//! connection the row of this hookd tells whether a commit took place.
//!
//! Invariants: no state of a session is relied on, so that a pooler may give each transaction another one; texts are compared by
//! their bytes; nothing that the server says about data is shown.

#![forbid(unsafe_code)]

mod batch;
mod changes;
mod conditions;
mod copy;
mod cursors;
mod deliveries;
mod error;
mod head;
mod health;
mod leases;
mod notices;
mod options;
mod pending;
mod pool;
mod positions;
mod preflight;
mod reader;
mod replica;
mod requests;
mod retention;
mod schema;
mod session;
mod settlements;
mod store;
mod text;
mod threads;
mod tls;
mod writer;

pub use copy::{PostgresExport, PostgresImport};
pub use error::OpenError;
pub use options::{Options, Protection};
pub use preflight::Preflight;
pub use reader::{Reader, Stats};
pub use store::PostgresStore;
