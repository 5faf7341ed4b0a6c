//! Options that take effect after a restart only.
//!
//! Each section decides beside its fields. It destructures itself without `..`, so that the compiler asks for every new
//! option.

/// The names of the options that have changed.
pub(super) fn changed<const N: usize>(options: [(&'static str, bool); N]) -> Vec<&'static str> {
    options.into_iter().filter(|(_, has_changed)| *has_changed).map(|(name, _)| name).collect()
}
