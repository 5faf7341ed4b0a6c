//! Rules of the GitLab dialect.

use super::Rule;
use crate::conformance::compare::{Difference, Pair};
use crate::conformance::dialects::SECRET;

pub(super) const RULES: &[Rule] =
    &[Rule { id: "repeated-tokens-are-all-valid", classes: &["gitlab"], explains: repeated_tokens_are_all_valid }];

/// Buildbot looks at the last token alone.
fn repeated_tokens_are_all_valid(pair: &Pair<'_>, difference: Difference) -> bool {
    let tokens = pair.case.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("X-Gitlab-Token"));
    let is_wrong = tokens.into_iter().any(|(_, token)| token != SECRET.as_bytes());
    difference == Difference::Answer
        && pair.case.option("secret") == SECRET
        && (is_wrong && pair.buildbot.is_success() && pair.hookd.is_refused_with(&["Invalid secret"]))
}
