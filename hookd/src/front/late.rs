//! Webhooks that come later than a poller waited for them: what it has reported meanwhile is not a second change.
//!
//! A poller that reconciles reports what no webhook has brought within its grace period. If the webhook comes after all, its
//! changes are known by their revision, and by the branch of the poller's change.

use std::collections::HashSet;
use std::sync::Arc;

use hookd_core::Change;
use hookd_pollers::{PollerSet, PollerSettings};
use hookd_store::{ChangeField, NewState, Operator, Query, SharedStore, StoreError, Value};

/// How many revisions are looked up at a time.
const REVISIONS_AT_A_TIME: usize = 100;

/// A delivery's state without the changes that a poller has reported, and what was left out, as a sentence.
///
/// # Errors
/// Where the store cannot be read.
pub(super) async fn without_reported(
    state: NewState,
    pollers: &PollerSet,
    store: &SharedStore,
) -> Result<(NewState, Option<String>), StoreError> {
    let NewState::Accepted(changes) = state else { return Ok((state, None)) };
    let waits = |poller: &&Arc<PollerSettings>| changes.iter().any(|change| poller.poller.awaits(change));
    let waiting: Vec<Arc<PollerSettings>> = pollers.0.iter().filter(waits).cloned().collect();
    if waiting.is_empty() {
        return Ok((NewState::Accepted(changes), None));
    }
    let revisions: HashSet<String> = changes.iter().filter_map(|change| change.revision.clone()).collect();
    let store = Arc::clone(store);
    let read = tokio::task::spawn_blocking(move || reported(&store, &waiting, &Vec::from_iter(revisions)));
    let reported = read.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))?;
    let before = changes.len();
    let is_new =
        |change: &Change| !change.revision.as_ref().is_some_and(|id| reported.contains(&(id.clone(), line(change))));
    let changes: Vec<Change> = changes.into_iter().filter(is_new).collect();
    if changes.len() == before {
        return Ok((NewState::Accepted(changes), None));
    }
    if changes.is_empty() {
        let reason = "a poller has reported all its changes, since the webhook came later than the poller waited";
        return Ok((NewState::Ignored(reason.to_owned()), None));
    }
    let left_out = before - changes.len();
    let note =
        format!("a poller has reported {left_out} of its changes, since the webhook came later than the poller waited");
    Ok((NewState::Accepted(changes), Some(note)))
}

/// The branch of a change without what forges leave out.
fn line(change: &Change) -> String {
    let branch = change.branch.as_deref().unwrap_or_default();
    let short = branch.strip_prefix("refs/heads/").or_else(|| branch.strip_prefix("refs/tags/"));
    short.unwrap_or(branch).to_owned()
}

/// Those of these revisions that one of these pollers has reported, with the branch.
fn reported(
    store: &SharedStore,
    pollers: &[Arc<PollerSettings>],
    revisions: &[String],
) -> Result<HashSet<(String, String)>, StoreError> {
    let mut found = HashSet::new();
    for some in revisions.chunks(REVISIONS_AT_A_TIME) {
        let values = some.iter().map(|revision| Value::Text(revision.clone()));
        let query = Query::default().filter_any(ChangeField::Revision, Operator::Eq, values);
        for record in store.changes(&query)?.rows {
            let Some(delivery) = store.delivery(record.deliveryid)? else { continue };
            // The id of a poll is the name of its poller and a version.
            let poller = delivery.forge_id.as_deref().and_then(|id| Some(id.rsplit_once('@')?.0));
            let is_by = |settings: &Arc<PollerSettings>| {
                delivery.dialect == settings.poller_type && poller == Some(settings.name.as_str())
            };
            if pollers.iter().any(is_by) {
                let line = line(&record.change);
                found.extend(record.change.revision.map(|revision| (revision, line)));
            }
        }
    }
    Ok(found)
}
