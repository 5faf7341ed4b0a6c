//! Letting the store forget what `[store]` says need not be kept: a step at a time, in the background.

use std::sync::Arc;
use std::time::Duration;

use hookd_config::{ConfigHandle, Keep, Store};
use hookd_store::{Expiry, SharedStore, StoreError};

use crate::delivery::now;

/// How often it is looked whether something has expired.
const EVERY: Duration = Duration::from_secs(60);

/// Between two steps, so that webhooks are never held up by more than one.
const PAUSE: Duration = Duration::from_millis(20);

/// Forgets for as long as the store is open.
pub(crate) async fn run(store: SharedStore, config: Arc<ConfigHandle>) {
    loop {
        match forget(&store, &config).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "let go of what is no longer kept"),
            Err(StoreError::Closed) => return,
            // The store itself tells once what is wrong with it, and this would come each minute.
            Err(error @ (StoreError::Fault { .. } | StoreError::Overloaded)) => {
                tracing::debug!("what is no longer kept could not be let go of: {error}");
            }
            Err(error) => tracing::error!("what is no longer kept could not be let go of: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Takes steps until there is nothing left to let go of; gives how many rows went.
async fn forget(store: &SharedStore, config: &ConfigHandle) -> Result<u64, StoreError> {
    let expiry = expiry(&config.current().store, now());
    let mut gone = 0;
    if expiry.payloads_before.is_none() && expiry.changes_before.is_none() {
        return Ok(gone);
    }
    loop {
        match store.expire(expiry).await? {
            0 => return Ok(gone),
            rows => gone += rows,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn expiry(store: &Store, now: i64) -> Expiry {
    let before = |keep| match keep {
        Keep::Forever => None,
        Keep::For(duration) => Some(now.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))),
    };
    Expiry { payloads_before: before(store.keep_payloads), changes_before: before(store.keep_changes), now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_back_from_now() {
        let store = Store { keep_payloads: Keep::For(Duration::from_secs(2)), ..Store::default() };
        assert_eq!(
            expiry(&store, 5_000_000),
            Expiry { payloads_before: Some(3_000_000), changes_before: None, now: 5_000_000 }
        );
    }
}
