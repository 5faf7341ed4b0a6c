//! The differences that are meant. `docs/differences.md` gives the reason of each under the same id.
//!
//! A rule says of one [`Difference`] of one [`Pair`] whether it is the one that it stands for. It looks at what was sent,
//! at what Buildbot made of it, and at what hookd did instead: a rule is an expectation, not an excuse.

mod base;
mod everywhere;
mod github;
mod gitlab;

use super::compare::{Difference, Pair};

/// A difference that is meant.
pub struct Rule {
    /// Its id, as in `docs/differences.md`.
    pub id: &'static str,
    /// The classes for which it is needed; none means that any may need it.
    pub classes: &'static [&'static str],
    /// Whether this is it.
    pub explains: fn(&Pair<'_>, Difference) -> bool,
}

/// All of them; where more than one explains a difference, the first counts.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [github::RULES, gitlab::RULES, base::RULES, everywhere::RULES].into_iter().flatten()
}
