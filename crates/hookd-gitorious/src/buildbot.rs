//! What only `compat = "buildbot"` does: what Buildbot's `gitorious` hook asks of a push.

use hookd_core::{Refusal, View};

/// Checks that the parts are there which Buildbot reads, whether or not it does anything with them.
pub(crate) fn require_parts(payload: &View<'_>) -> Result<(), Refusal> {
    payload.need("repository.owner.name")?;
    payload.need("repository.name")?;
    payload.text("after").map(|_| ())
}
