//! The sections of `hookd.toml`, a file each: type, defaults, documentation, checks, and which options need a restart.

pub(crate) mod admin;
pub(crate) mod change_hook_auth;
pub(crate) mod class_options;
pub(crate) mod dialect;
pub(crate) mod dialects;
pub(crate) mod include;
pub(crate) mod names;
pub(crate) mod pollers;
mod restart;
pub(crate) mod server;
pub(crate) mod sinks;
pub(crate) mod store;
pub(crate) mod tls;
pub(crate) mod typed_table;
