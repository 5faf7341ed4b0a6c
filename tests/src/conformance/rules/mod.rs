//! The intended differences. `docs/differences.md` explains each under the same id.
//!
//! A rule decides whether it explains one [`Difference`] of one [`Pair`]. It looks at the request, at Buildbot's result,
//! and at hookd's: a rule is an expectation, not an excuse.

mod base;
mod everywhere;
mod github;
mod gitlab;

use super::compare::{Difference, Pair};

/// An intended difference.
pub struct Rule {
    /// Its id, as in `docs/differences.md`.
    pub id: &'static str,
    /// The classes that need it; empty if any may.
    pub classes: &'static [&'static str],
    /// Whether it explains this difference.
    pub explains: fn(&Pair<'_>, Difference) -> bool,
}

/// All rules; if several explain a difference, the first counts.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [github::RULES, gitlab::RULES, base::RULES, everywhere::RULES].into_iter().flatten()
}
