//! Which build this is.

/// The version, and the commit that it was built from, if that is known: `0.1.0 (8994622)`.
pub(crate) const VERSION: &str = env!("HOOKD_VERSION");
