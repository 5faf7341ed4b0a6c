//! Changes as they are read: from the log, and one by one for people.

use std::fmt::Write as _;
use std::sync::Arc;

use hookd_core::{Change, FieldValue};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::Timestamp;

/// A change as it is in the log, for sinks that read onward.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedChange {
    /// Its number.
    pub changeid: i64,
    /// The delivery that produced it.
    pub deliveryid: i64,
    /// When that was received.
    pub received_at: Timestamp,
    /// The dialect that took it.
    pub dialect: Arc<str>,
    /// Its id that is unique among all stores and never changes; see [`hookd_id`].
    pub hookd_id: String,
    /// The change. Its `when_timestamp` is set: to the time of receipt if the dialect gave none.
    pub change: Change,
}

impl LoggedChange {
    /// The same as a record for people, with its parent.
    pub fn into_record(self, parent_changeid: Option<i64>) -> ChangeRecord {
        let Self { changeid, deliveryid, received_at, dialect: _, hookd_id, change } = self;
        ChangeRecord { changeid, deliveryid, received_at, hookd_id, parent_changeid, change }
    }
}

/// The longest number of a change and time of receipt in an id, each with its hyphen.
const MAX_ID_SUFFIX_BYTES: usize = 2 + 20 + 16;

/// The id of a change that is unique among all stores: the random name of the store, the number of the change, and the
/// time of receipt in microseconds since 1970, in hexadecimal. The time tells apart changes with the same number in a
/// store and in a restored copy of it.
pub fn hookd_id(instance: &str, changeid: i64, received_at: Timestamp) -> String {
    let mut id = String::with_capacity(instance.len() + MAX_ID_SUFFIX_BYTES);
    write!(id, "{instance}-{changeid}-{:x}", received_at.as_micros()).expect("writing to a String does not fail");
    id
}

/// Whether two changes are of the same branch, repository, project and codebase. The parent of a change is the last one
/// before it for which this is true.
pub fn is_same_line(one: &Change, other: &Change) -> bool {
    one.branch == other.branch
        && one.repository == other.repository
        && one.project == other.project
        && one.codebase == other.codebase
}

/// A change as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRecord {
    /// Its number.
    pub changeid: i64,
    /// The delivery that produced it.
    pub deliveryid: i64,
    /// When that was received.
    pub received_at: Timestamp,
    /// Its id that is unique among all stores and never changes.
    pub hookd_id: String,
    /// The last change before it of the same branch, repository, project and codebase, as far as
    /// [`Browse::change`](crate::Browse::change) finds it. Lists leave it out.
    pub parent_changeid: Option<i64>,
    /// The change; its `when_timestamp` is set.
    pub change: Change,
}

impl ChangeRecord {
    /// The change as Buildbot's REST API shows it, with `deliveryid`, `hookd_id` and `src` besides.
    pub fn to_json(&self) -> Value {
        let Self { changeid, deliveryid, received_at, hookd_id, parent_changeid, change } = self;
        let mut json: Map<String, Value> =
            change.fields().into_iter().map(|(name, value)| (name.to_owned(), json!(Shown(value)))).collect();
        // Every change of hookd has a source stamp of its own, with the change's number.
        let sourcestamp = json!({
            "branch": change.branch,
            "codebase": change.codebase,
            "created_at": received_at.as_seconds(),
            "patch": null,
            "project": change.project,
            "repository": change.repository,
            "revision": change.revision,
            "ssid": changeid,
        });
        let others = [
            ("changeid", json!(changeid)),
            ("deliveryid", json!(deliveryid)),
            ("hookd_id", json!(hookd_id)),
            ("parent_changeids", json!(parent_changeid.iter().collect::<Vec<_>>())),
            ("sourcestamp", sourcestamp),
        ];
        json.extend(others.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(json)
    }
}

/// The value of a field as Buildbot's REST API shows it: each property with its source.
#[derive(Debug)]
pub struct Shown<'c>(pub FieldValue<'c>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldValue::Text(text) => serializer.serialize_str(text),
            FieldValue::OptionalText(text) => text.serialize(serializer),
            FieldValue::Texts(texts) => texts.serialize(serializer),
            FieldValue::Properties(properties) => {
                serializer.collect_map(properties.iter().map(|(name, value)| (name, (value, "Change"))))
            }
            FieldValue::Seconds(seconds) => seconds.serialize(serializer),
        }
    }
}
