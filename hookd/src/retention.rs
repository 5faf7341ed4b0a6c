//! Deletes what has expired by `[store]`: a step at a time, in the background.

use std::sync::Arc;
use std::time::Duration;

use hookd_config::{ConfigHandle, Keep, Store};
use hookd_store::{Expired, Expiry, SharedStore, StoreError, Timestamp};

/// The time between two looks for what has expired.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Between two steps, so that webhooks are never held up by more than one.
const PAUSE: Duration = Duration::from_millis(20);

/// Expires for as long as the store is open.
pub(crate) async fn run(store: SharedStore, config: Arc<ConfigHandle>) {
    loop {
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
    Expiry {
        payloads_before: before(store.keep_payloads),
        changes_before: before(store.keep_changes),
        lagging_before: None,
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_back_from_now() {
        let store = Store { keep_payloads: Keep::For(Duration::from_secs(2)), ..Store::default() };
        let (now, before) = (Timestamp::from_micros(5_000_000), Timestamp::from_micros(3_000_000));
        let expected = Expiry { payloads_before: Some(before), now, ..Expiry::default() };
        assert_eq!(expiry(&store, now), expected);
    }
}
