//! `hookd.toml`: read as a whole, and either valid or rejected with one [`Report`] of all its problems.
//!
//! - [`Config`] is a valid configuration. [`ConfigHandle`] holds the current one and replaces it on a reload; a request
//!   keeps one snapshot until it ends.
//! - Each section is a file: its type, its defaults, the documentation of its options, and which of them need a restart.
//! - [`reference`] turns the documentation of the fields into the manual's reference, the JSON Schema, and what
//!   `hookd dialects` prints.
//! - [`Checkers`], [`Networks`] and [`Certificate`] are what the options about access become.
//! - [`Places`] are for what turns out wrong only where hookd runs.
//!
//! ```
//! use std::path::Path;
//!
//! let text = "[server]\nmax_body = '1MuB'\n";
//! let report = hookd_config::Config::parse("hookd.toml", text, Path::new("/etc/hookd")).unwrap_err();
//! assert_eq!(
//!     report.to_string(),
//!     "hookd.toml:2:12: section `server`: `max_body`: bad size `1MuB`, expected a number of bytes, or one with a unit \
//!      such as `25MiB` or `500kB`"
//! );
//! ```
//!
//! Invariants: this is the only crate that reads TOML. Every option is documented on its field and nowhere else. Every
//! problem has its `file:line:column`. No message and no `Debug` output contains a secret. Nothing here listens, knows an
//! HTTP library, a store's engine, or the name of a dialect.

#![forbid(unsafe_code)]

mod access;
mod config;
mod handle;
mod io_error;
mod places;
mod reading;
pub mod reference;
mod sections;
mod values;

pub use access::{Access, Certificate, Checkers, Networks, Validity, Validness, senders};
pub use config::{Config, Files};
pub use handle::{ConfigHandle, LastReload, Reloaded};
pub use places::{Place, Places};
pub use reading::report::{Finding, Report, Warning};
pub use sections::admin::Admin;
pub use sections::change_hook_auth::Auth;
pub use sections::dialect::{EveryDialect, ServedDialect};
pub use sections::dialects::Dialects;
pub use sections::server::Server;
pub use sections::sinks::Sinks;
pub use sections::store::{Login, SslMode, Store};
pub use sections::tls::Tls;
pub use values::host::Host;
pub use values::keep::Keep;
pub use values::postgres_url::PostgresUrl;
pub use values::size::format as format_size;
pub use values::store_url::StoreUrl;

#[cfg(test)]
mod tests;
