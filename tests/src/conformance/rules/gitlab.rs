//! Rules of the GitLab dialect.

use super::Rule;
use crate::conformance::compare::{Difference, Pair};
use crate::conformance::dialects::SECRET;

pub(super) const RULES: &[Rule] =
    &[Rule { id: "every-token-must-hold", classes: &["gitlab"], explains: every_token_must_hold }];

/// Buildbot looks at the last token alone.
fn every_token_must_hold(pair: &Pair<'_>, difference: Difference) -> bool {
    let tokens = pair.case.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("X-Gitlab-Token"));
    let is_wrong = tokens.into_iter().any(|(_, token)| token != SECRET.as_bytes());
    difference == Difference::Answer
        && pair.case.option("secret") == SECRET
        && (is_wrong && pair.buildbot.is_success() && pair.hookd.is_refused_with(&["Invalid secret"]))
}
