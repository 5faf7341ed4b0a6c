//! Deliveries as people see them.

use hookd_core::Proof;
use serde_json::{Value, json};

use crate::{ApiCalls, Origin, State, Timestamp};

/// A stored delivery, without its request.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRecord {
    /// Its number.
    pub deliveryid: i64,
    /// When it was received.
    pub received_at: Timestamp,
    /// The dialect that took it.
    pub dialect: String,
    /// The forge's own id of the delivery.
    pub forge_id: Option<String>,
    /// The forge's name for the kind of event.
    pub event: Option<String>,
    /// Where it came from, and what verified it.
    pub origin: Origin,
    /// The delivery that it replays, if it does.
    pub replay_of: Option<i64>,
    /// The calls to the forge's API that it took; `None` where it needed none, or is still pending.
    pub api_calls: Option<ApiCalls>,
    /// Its state.
    pub state: State,
    /// Why there is no change, or what could not be fetched.
    pub reason: Option<String>,
    /// The changes that it produced, consecutive numbers.
    pub changeids: Vec<i64>,
    /// The size of the request's body in bytes, even if it is no longer kept; zero if there was no request.
    pub size: u64,
}

/// The event of a delivery that a poll made.
pub const POLL_EVENT: &str = "poll";

impl DeliveryRecord {
    /// The poller that made this delivery, if one did: no request came from anywhere, and its id is `POLLER@VERSION`.
    pub fn polled_by(&self) -> Option<&str> {
        let is_poll =
            self.event.as_deref() == Some(POLL_EVENT) && self.origin.peer.is_none() && self.replay_of.is_none();
        let (poller, _) = self.forge_id.as_deref().filter(|_| is_poll)?.rsplit_once('@')?;
        Some(poller)
    }

    /// The delivery as the REST API shows it.
    pub fn to_json(&self) -> Value {
        let Self { deliveryid, received_at, dialect, forge_id, event, origin, replay_of, api_calls, .. } = self;
        let Self { state, reason, changeids, size, .. } = self;
        let (verified, key) = match origin.proof {
            Proof::Verified { key } => (true, key),
            Proof::NotRequired => (false, None),
        };
        let api_calls = api_calls.as_ref().map(
            |ApiCalls { made, failed, last_error }| json!({ "made": made, "failed": failed, "last_error": last_error }),
        );
        json!({
            "api_calls": api_calls,
            "changeids": changeids,
            "deliveryid": deliveryid,
            "dialect": dialect,
            "event": event,
            "forge_id": forge_id,
            "key": key,
            "peer": origin.peer,
            "reason": reason,
            "received_at": received_at.as_seconds_f64(),
            "replay_of": replay_of,
            "size": size,
            "state": state.name(),
            "user": origin.user,
            "verified": verified,
        })
    }
}
