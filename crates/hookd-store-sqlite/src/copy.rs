//! Reading a store out, and filling one; see [`hookd_store::copy`].

mod export;
mod import;

pub use export::SqliteExport;
pub use import::SqliteImport;
