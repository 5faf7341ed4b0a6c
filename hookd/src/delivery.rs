//! What is stored of a webhook, whether its changes came of it alone or after calls to the forge's API.

use hookd_core::{Change, Outcome};
use hookd_store::NewState;

/// What is stored of an outcome.
pub(crate) fn state_of(outcome: Outcome) -> NewState {
    match outcome {
        Outcome::Changes(mut changes) if !changes.is_empty() => {
            changes.iter_mut().for_each(Change::fill_revlink);
            NewState::Accepted(changes)
        }
        Outcome::Changes(_) => NewState::Ignored("there is no change in it".to_owned()),
        Outcome::Ignored(reason) => NewState::Ignored(reason),
        Outcome::Calls { expected, .. } => NewState::Pending { reported_changes: expected },
    }
}
