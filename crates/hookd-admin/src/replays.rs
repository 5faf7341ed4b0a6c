//! Translating stored deliveries anew, at the request of an operator.
//!
//! Nothing here calls a dialect: what does is handed over with [`AppState`](crate::AppState).

use futures_util::future::BoxFuture;
use hookd_store::StoreError;
use serde_json::Value as Json;

/// What translates stored deliveries anew.
pub trait Replays: Send + Sync {
    /// Translates the request of a delivery, and says what would be different from its first translation. Stores nothing,
    /// and calls no API.
    fn preview(&self, deliveryid: i64) -> BoxFuture<'_, Result<Json, CannotReplay>>;

    /// Translates the request of a delivery, and stores the result as a new one. Of one name of a `request`, each delivery
    /// is replayed once, if that makes a change.
    fn replay(&self, deliveryid: i64, request: String) -> BoxFuture<'_, Result<Json, CannotReplay>>;
}

/// Why a delivery was not translated anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotReplay {
    /// There is none with this number, or no longer.
    NoDelivery,
    /// It cannot be, for this reason.
    Refused(String),
    /// The store cannot be read or written.
    Unavailable(StoreError),
}

impl From<StoreError> for CannotReplay {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}
