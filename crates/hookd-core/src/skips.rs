//! The option `skips`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Change, Outcome, Pattern};

/// Regular expressions that, found in the message of a head commit, keep it from being built.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Skips(Vec<Pattern>);

impl Skips {
    /// These patterns.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn new(sources: &[&str]) -> Result<Self, String> {
        sources.iter().map(|source| Pattern::new(source)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is ever skipped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The outcome for a head commit with this message, where a pattern is found in it.
    pub fn outcome(&self, message: &str) -> Option<Outcome> {
        let pattern = self.0.iter().find(|pattern| pattern.is_found_in(message))?;
        Some(Outcome::ignored(format!("head commit matches the skip pattern {}", pattern.source())))
    }

    /// A sentence for each pattern with which nothing is ever built.
    pub fn warnings(&self) -> Vec<String> {
        let everywhere = self.0.iter().filter(|pattern| pattern.is_found_everywhere());
        let warning = |pattern: &Pattern| {
            format!("`skips`: `{}` is found in every message, so that nothing is ever built", pattern.source())
        };
        everywhere.map(warning).collect()
    }

    /// The outcome for the changes of one branch or tag, of which the last is the head.
    pub fn outcome_of(&self, changes: &[Change]) -> Option<Outcome> {
        self.outcome(&changes.last()?.comments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_found_everywhere_is_named() {
        let warnings = Skips::new(&["no build", ".*"]).unwrap().warnings();
        assert_eq!(warnings, ["`skips`: `.*` is found in every message, so that nothing is ever built"]);
    }

    #[test]
    fn the_message_of_the_head_counts() {
        let skips = Skips::new(&["(?i)no build", "WIP$"]).unwrap();
        let change = |comments: &str| Change { comments: comments.to_owned(), ..Change::default() };
        let reason = Outcome::ignored("head commit matches the skip pattern WIP$");
        assert_eq!(skips.outcome_of(&[change("a"), change("b WIP")]), Some(reason));
        assert_eq!(skips.outcome_of(&[change("No Build"), change("b")]), None);
        assert_eq!(skips.outcome_of(&[]), None);
        assert!(skips.outcome("No Build").is_some() && Skips::default().outcome("No Build").is_none());
        assert!(Skips::default().is_empty() && Skips::new(&["("]).is_err());
    }
}
