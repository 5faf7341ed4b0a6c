//! Deliveries as people see them.

use serde_json::{Value, json};

use crate::{State, Timestamp};

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
    /// Its state.
    pub state: State,
    /// Why there is no change, or what could not be fetched.
    pub reason: Option<String>,
    /// The changes that it produced, consecutive numbers.
    pub changeids: Vec<i64>,
    /// The size of the request's body in bytes, even if it is no longer kept; zero if there was no request.
    pub size: u64,
}

impl DeliveryRecord {
    /// The delivery as the REST API shows it.
    pub fn to_json(&self) -> Value {
        let Self { deliveryid, received_at, dialect, forge_id, event, state, reason, changeids, size } = self;
        json!({
            "changeids": changeids,
            "deliveryid": deliveryid,
            "dialect": dialect,
            "event": event,
            "forge_id": forge_id,
            "reason": reason,
            "received_at": received_at.as_seconds_f64(),
            "size": size,
            "state": state.name(),
        })
    }
}
