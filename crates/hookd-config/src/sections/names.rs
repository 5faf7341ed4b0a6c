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

/// The pollers, an array of tables.
pub(crate) const POLLERS: &str = "pollers";

/// The sections that are lists of tables, which several files may add to.
pub(crate) const LISTS: [&str; 2] = [SINKS, POLLERS];

/// HTTP Basic authentication: an option at the top of the file, of `[admin]` and of each dialect.
pub(crate) const AUTH: &str = "change_hook_auth";

/// More files of the configuration: an option at the top of the file.
pub(crate) const INCLUDE: &str = "include";

/// The certificate and key of a listener, in `[server]` and `[admin]`.
pub(crate) const TLS: &str = "tls";

/// The password for the database, in `[store]`.
pub(crate) const PASSWORD: &str = "password";

/// Whether an option of the sections, or of every dialect, may hold a secret, in its right place or in a wrong one (a key
/// instead of the path of its file). No message repeats a value of it.
pub(crate) fn may_hold_secret(option: &str) -> bool {
    [AUTH, PASSWORD, TLS].contains(&option)
}
