//! Rules of the Bitbucket dialects.

use super::Rule;
use super::everywhere::is_crash;
use crate::conformance::compare::{Difference, Pair};

pub(super) const RULES: &[Rule] = &[Rule {
    id: "scm-is-a-text-or-unknown",
    classes: &["bitbucketcloud", "bitbucketserver"],
    explains: scm_or_unknown,
}];

/// Buildbot fails over a kind of version control system that is no text; it is of no use for a change but as `src`.
fn scm_or_unknown(pair: &Pair<'_>, difference: Difference) -> bool {
    let repository = &pair.case.payload()["repository"];
    let scm = if pair.case.class() == "bitbucketserver" { &repository["scmId"] } else { &repository["scm"] };
    let is_unknown = pair.hookd.changes.iter().all(|change| change["src"].is_null());
    difference == Difference::Answer
        && (is_crash(pair) && !scm.is_string() && !scm.is_null())
        && (pair.hookd.status == 202 && !pair.hookd.changes.is_empty() && is_unknown)
}
