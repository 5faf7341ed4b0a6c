//! The embedded store of hookd: deliveries and changes in one SQLite file.
//!
//! It keeps the laws of [`hookd_store::Log`]. One thread writes: it takes all that waits as one transaction (WAL,
//! `synchronous=FULL`) and then answers all of it. Readers have connections of their own and never wait for the writer.
//!
//! What a transaction stores is one row of the table `blocks`, or a few; their numbers, and those of the deliveries and
//! changes in them, have no gaps, so that a binary search finds the block of a number. What lies in a block has a format
//! with a version of its own, which knows nothing of the types of other crates but how to convert them. Deliveries are found
//! by the hash of their forge id, changes by that of their revision: the recent ones in memory, the others in sorted runs.

#![forbid(unsafe_code)]

mod blocks;
mod checkpoint;
mod copy;
mod cursors;
mod error;
mod fault;
mod format;
mod fresh;
mod health;
mod index;
mod intake;
pub mod maintenance;
mod onward;
mod packer;
mod parent;
mod paths;
mod positions;
mod preflight;
mod reader;
mod retention;
mod schema;
mod search;
mod settlements;
mod store;
#[cfg(test)]
mod tests;
mod texts;
mod wal;
mod writer;

pub use copy::{SqliteExport, SqliteImport};
pub use error::OpenError;
pub use fault::Fault;
pub use preflight::{Preflight, preflight};
pub use reader::Reader;
pub use store::SqliteStore;
