//! What is read: changes and deliveries as the REST API shows them.

use hookd_core::Change;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::State;

/// A stored change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRecord {
    /// Its number, which only grows.
    pub changeid: i64,
    /// The delivery that it came of.
    pub deliveryid: i64,
    /// When that was received, in microseconds since 1970.
    pub received_at: i64,
    /// The last change before it of the same branch, repository, project and codebase.
    pub parent_changeid: Option<i64>,
    /// The id that is unique among all stores and never changes.
    pub hookd_id: String,
    /// The change; its `when_timestamp` is set.
    pub change: Change,
}

impl ChangeRecord {
    /// The change as Buildbot's REST API shows it, with `deliveryid`, `hookd_id` and `src` besides.
    pub fn to_json(&self) -> Value {
        let Self { changeid, deliveryid, received_at, parent_changeid, hookd_id, change } = self;
        let properties: Map<String, Value> =
            change.properties.iter().map(|(name, value)| (name.clone(), json!([value, "Change"]))).collect();
        json!({
            "author": change.author,
            "branch": change.branch,
            "category": change.category,
            "changeid": changeid,
            "codebase": change.codebase,
            "comments": change.comments,
            "committer": change.committer,
            "deliveryid": deliveryid,
            "files": change.files,
            "hookd_id": hookd_id,
            "parent_changeids": parent_changeid.iter().collect::<Vec<_>>(),
            "project": change.project,
            "properties": properties,
            "repository": change.repository,
            "revision": change.revision,
            "revlink": change.revlink,
            // Every change of hookd has a source stamp of its own, with the change's number.
            "sourcestamp": {
                "branch": change.branch,
                "codebase": change.codebase,
                "created_at": received_at.div_euclid(1_000_000),
                "patch": null,
                "project": change.project,
                "repository": change.repository,
                "revision": change.revision,
                "ssid": changeid,
            },
            "src": change.src,
            "when_timestamp": change.when_timestamp,
        })
    }
}

/// A stored delivery, without its request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeliveryRecord {
    /// Its number, which only grows.
    pub deliveryid: i64,
    /// When it was received, in seconds since 1970 with a fraction.
    pub received_at: f64,
    /// The dialect that took it.
    pub dialect: String,
    /// The forge's own id of the delivery.
    pub forge_id: Option<String>,
    /// The forge's name for the kind of event.
    pub event: Option<String>,
    /// Its state.
    pub state: State,
    /// Why there is no change, or what could not be had.
    pub reason: Option<String>,
    /// The changes that came of it.
    pub changeids: Vec<i64>,
    /// The size of the body in bytes.
    pub size: i64,
}

impl DeliveryRecord {
    /// The delivery as the REST API shows it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a record is plain data")
    }
}
