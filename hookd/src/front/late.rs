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
        for record in store.reader().changes(&query)?.rows {
            let Some(delivery) = store.reader().delivery(record.deliveryid)? else { continue };
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use hookd_pollers::{EveryPoller, Poll, PollError, Polled, Poller};
    use hookd_store::{MemoryStore, NewDelivery, Origin, Timestamp};

    use super::*;

    /// One that waits for everything.
    struct Waits;

    impl Poller for Waits {
        fn poll<'a>(&'a self, _: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
            async { Ok(Polled::default()) }.boxed()
        }

        fn repository(&self) -> String {
            "/srv/tea".to_owned()
        }

        fn awaits(&self, _: &Change) -> bool {
            true
        }
    }

    fn change(branch: &str, revision: &str) -> Change {
        Change { branch: Some(branch.to_owned()), revision: Some(revision.to_owned()), ..Change::default() }
    }

    async fn append(store: &SharedStore, dialect: &str, forge_id: &str, change: Change) {
        let delivery = NewDelivery {
            received_at: Timestamp::now(),
            dialect: dialect.to_owned(),
            event: None,
            forge_id: Some(forge_id.to_owned()),
            deduplicate: true,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            request: None,
            state: NewState::Accepted(vec![change]),
            note: None,
        };
        store.append(delivery).await.expect("the store takes it");
    }

    #[tokio::test]
    async fn what_a_poller_has_reported_is_left_out() {
        let settings = PollerSettings::new("git", "tea@x".to_owned(), Box::new(Waits), EveryPoller::default());
        let pollers = PollerSet(vec![Arc::new(settings.expect("the options are valid"))]);
        let store: SharedStore = Arc::new(MemoryStore::new());
        append(&store, "git", "tea@x@3", change("main", "reported")).await;
        append(&store, "git", "other@3", change("main", "of-another-poller")).await;
        append(&store, "github", "tea@x@3", change("main", "of-a-webhook")).await;
        let webhook = |revisions: &[(&str, &str)]| {
            NewState::Accepted(revisions.iter().map(|(branch, revision)| change(branch, revision)).collect())
        };

        let all =
            webhook(&[("main", "new"), ("main", "of-another-poller"), ("main", "of-a-webhook"), ("x", "reported")]);
        assert_eq!(without_reported(all.clone(), &pollers, &store).await, Ok((all, None)), "each is new");

        let some = webhook(&[("refs/heads/main", "reported"), ("main", "new")]);
        let (state, note) = without_reported(some.clone(), &pollers, &store).await.expect("the store can be read");
        assert_eq!(state, webhook(&[("main", "new")]));
        assert!(note.is_some_and(|note| note.starts_with("a poller has reported 1 of its changes")));

        let none = without_reported(webhook(&[("main", "reported")]), &pollers, &store).await;
        let (state, _) = none.expect("the store can be read");
        assert!(
            matches!(&state, NewState::Ignored(reason) if reason.starts_with("a poller has reported all")),
            "{state:?}"
        );

        let nobody = without_reported(some.clone(), &PollerSet::default(), &store).await;
        assert_eq!(nobody, Ok((some, None)), "no poller waits for webhooks");
    }
}
