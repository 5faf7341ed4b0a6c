//! What is known of a pending delivery without its request.

use hookd_core::Outcome;
use reqwest::Url;

/// Whom a delivery waits for, and whom it asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// What its calls are about, such as a pull request; `None` waits for no other.
    pub(crate) line: Option<String>,
    /// Scheme, host and port of its first call; empty where it makes none.
    pub(crate) endpoint: String,
}

impl Route {
    /// That of a delivery with this outcome; `None` where it needs no call.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        let Outcome::Calls { calls, line, .. } = outcome else { return None };
        let url = calls.first().and_then(|call| Url::parse(&call.url).ok());
        Some(Self {
            line: line.clone(),
            endpoint: url.map_or_else(String::new, |url| url.origin().ascii_serialization()),
        })
    }
}
