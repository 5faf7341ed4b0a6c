//! The names of the sections and options at the top of `hookd.toml`.

/// The public listener.
pub(crate) const SERVER: &str = "server";

/// The private listener.
pub(crate) const ADMIN: &str = "admin";

/// Where deliveries and changes are kept.
pub(crate) const STORE: &str = "store";

/// The whitelist of dialects.
pub(crate) const DIALECTS: &str = "change_hook_dialects";

/// The sinks, an array of tables.
pub(crate) const SINKS: &str = "sinks";

/// HTTP Basic authentication: an option at the top of the file, of `[admin]` and of each dialect.
pub(crate) const AUTH: &str = "change_hook_auth";
