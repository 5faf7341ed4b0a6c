//! Deletes what has expired by `[store]`: a step at a time, in the background.

use std::sync::Arc;
use std::time::Duration;

use hookd_config::{ConfigHandle, Keep, Store};
use hookd_store::{Expired, Expiry, Part, SharedStore, StoreError, Timestamp};

/// The time between two looks for what has expired.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Between two steps, so that webhooks are never held up by more than one.
const PAUSE: Duration = Duration::from_millis(20);

/// Expires for as long as the store is open. Of several hookds that share it one does; each step looks at what
/// is there, so that a lead that is lost meanwhile does no harm.
pub(crate) async fn run(store: SharedStore, config: Arc<ConfigHandle>) {
    let mut leadership = store.lead(Part::Expiry);
    loop {
        leadership.gained().await;
        match expire(&store, &config).await {
            Ok(expired) if expired.is_empty() => {}
            Ok(Expired { requests, deliveries, changes, .. }) => {
                tracing::info!(requests, deliveries, changes, "deleted expired data");
            }
            Err(StoreError::Closed) => return,
            // The store itself reports once what is wrong with it, and this would come each minute.
            Err(error) if error.is_temporary() => {
                tracing::debug!("cannot delete expired data: {error}");
            }
            Err(error) => tracing::error!("cannot delete expired data: {error}"),
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Takes steps until nothing is left to delete.
async fn expire(store: &SharedStore, config: &ConfigHandle) -> Result<Expired, StoreError> {
    let expiry = expiry(&config.current().store, Timestamp::now());
    let mut expired = Expired::default();
    if expiry.payloads_before.is_none() && expiry.changes_before.is_none() {
        return Ok(expired);
    }
    loop {
        expired += store.expire(expiry).await?;
        if !expired.has_more {
            return Ok(expired);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn expiry(store: &Store, now: Timestamp) -> Expiry {
    let before = |keep| match keep {
        Keep::Forever => None,
        Keep::For(duration) => Some(now.saturating_sub(duration)),
    };
    Expiry { payloads_before: before(store.keep_payloads), changes_before: before(store.keep_changes), now }
}

#[cfg(test)]
mod tests {
    use hookd_core::HookRequest;
    use hookd_store::{Log, MemoryStore, NewDelivery, NewState, Origin, Store as _, StoredRequest};

    use super::*;
    use crate::scripted;

    #[test]
    fn counts_back_from_now() {
        let store = Store { keep_payloads: Keep::For(Duration::from_secs(2)), ..Store::default() };
        let (now, before) = (Timestamp::from_micros(5_000_000), Timestamp::from_micros(3_000_000));
        let expected = Expiry { payloads_before: Some(before), now, ..Expiry::default() };
        assert_eq!(expiry(&store, now), expected);
    }

    #[tokio::test]
    async fn deletes_what_is_older_than_the_configuration_keeps() {
        let store = Arc::new(MemoryStore::new());
        let now = Timestamp::now();
        for age in [Duration::from_secs(7200), Duration::from_secs(3600), Duration::ZERO] {
            let delivery = NewDelivery {
                received_at: now.saturating_sub(age),
                dialect: "base".to_owned(),
                event: None,
                forge_id: None,
                deduplicate: true,
                origin: Origin::NONE,
                replay: None,
                positions: None,
                note: None,
                request: Some(StoredRequest::new(&HookRequest::post("/"), &[])),
                state: NewState::Ignored("nothing in it".to_owned()),
            };
            store.append(delivery).await.unwrap();
        }
        let shared = Arc::clone(&store) as SharedStore;
        let has_request = |number| store.reader().request(number).unwrap().is_some();

        let forever = scripted::config("[store]\nkeep_payloads = 'forever'\n", None);
        assert!(expire(&shared, &forever).await.unwrap().is_empty());
        let some_hours = scripted::config("[store]\nkeep_payloads = '90m'\n", None);
        assert_eq!(expire(&shared, &some_hours).await.unwrap().requests, 1);
        assert_eq!([has_request(1), has_request(2), has_request(3)], [false, true, true]);
        let all = scripted::config("[store]\nkeep_payloads = '90m'\nkeep_changes = '30m'\n", None);
        assert_eq!(expire(&shared, &all).await.unwrap().deliveries, 2);
        assert_eq!((store.reader().delivery(2).unwrap().is_some(), has_request(3)), (false, true));
    }
}
