//! The skip patterns.

use hookd_core::Outcome;

use crate::hook::GitHub;

impl GitHub {
    /// The outcome for a head commit with this message, where a skip pattern is found in it.
    pub(crate) fn skipped(&self, message: &str) -> Option<Outcome> {
        let pattern = self.options.skips.iter().find(|pattern| pattern.is_found_in(message))?;
        Some(Outcome::ignored(format!("head commit matches the skip pattern {}", pattern.source())))
    }
}
