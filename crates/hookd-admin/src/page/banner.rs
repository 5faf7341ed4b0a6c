//! The banner of every page while hookd cannot store webhooks.

use std::time::Duration;

use hookd_store::{SharedStore, StoreError};
use maud::{Markup, html};
use tokio::time::timeout;

/// How long a page waits for a commit.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nothing can be stored now; empty if something could be. A commit is tried, as for `/readyz`: the last webhook may have
/// been long ago.
pub(super) async fn of(store: &SharedStore) -> Markup {
    let Some((cause, remedy)) = problem(store).await else { return html! {} };
    html! {
        div.banner role="alert" {
            strong { "hookd cannot store webhooks." }
            " They are answered with 503, so that their senders try again. Cause: " (cause) "."
            @if let Some(remedy) = remedy { " " (remedy) "." }
        }
    }
}

/// The cause, and what an operator can do about it.
async fn problem(store: &SharedStore) -> Option<(String, Option<String>)> {
    match timeout(COMMIT_TIMEOUT, store.probe()).await {
        Ok(Ok(())) => None,
        Ok(Err(StoreError::Unavailable { cause, remedy })) => Some((cause, Some(capitalised(&remedy)))),
        Ok(Err(error)) => Some((error.to_string(), None)),
        Err(_) => Some(("the store takes too long".to_owned(), None)),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
