//! The changes that a delivery became, as a fixture shows them: what a dialect has made, without what the store adds.

use hookd_core::Change;
use serde_json::{Map, Value};

use super::secrets;
use crate::cli::admin::Admin;

/// The changes of a delivery, without secrets. `None` where they are not known: the delivery was refused, waits for an API,
/// or has more of them than one answer.
///
/// # Errors
/// Why hookd could not be asked.
pub(super) fn changes(admin: &Admin, id: i64, removed: &mut Vec<String>) -> Result<Option<Value>, String> {
    let answer = admin.get(&format!("/api/v2/deliveries/{id}"))?.success()?;
    let delivery = &answer["deliveries"][0];
    if !["accepted", "ignored"].iter().any(|state| delivery["state"] == *state) {
        return Ok(None);
    }
    let answer = admin.get(&format!("/api/v2/changes?deliveryid={id}&order=changeid&limit=1000"))?.success()?;
    let Some(changes) = answer["changes"].as_array() else { return Ok(None) };
    if answer["meta"]["total"].as_u64() != Some(changes.len() as u64) {
        return Ok(None);
    }
    let changes: Vec<Value> = changes.iter().map(|change| change_of(change, &delivery["received_at"])).collect();
    let text = secrets::without_in_body(&Value::from(changes).to_string(), "", removed);
    Ok(serde_json::from_str(&text).ok())
}

/// A change as a dialect has made it: the fields that say something. One without a time of its own has that of the delivery.
fn change_of(change: &Value, received_at: &Value) -> Value {
    let received_at = received_at.as_f64().map(|seconds| seconds.floor());
    let says_something = |name: &str, value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        number => name != "when_timestamp" || number.as_f64() != received_at,
    };
    let mut fields = Map::new();
    for name in Change::FIELDS {
        let value = &change[name];
        if says_something(name, value) {
            let value = if name == "properties" { properties(value) } else { value.clone() };
            fields.insert(name.to_owned(), value);
        }
    }
    Value::Object(fields)
}

/// Properties without their sources, which Buildbot's API pairs them with.
fn properties(pairs: &Value) -> Value {
    let pairs = pairs.as_object().into_iter().flatten();
    pairs.map(|(name, pair)| (name.clone(), pair[0].clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_what_the_dialect_has_made() {
        let stored = json!({
            "changeid": 3, "author": "Ada", "branch": null, "codebase": "", "files": [], "revision": "1f3a", "src": "git",
            "properties": {"event": ["push", "Change"]}, "when_timestamp": 1_795_176_300, "sourcestamp": {"ssid": 3},
        });
        let expected = json!({
            "author": "Ada", "revision": "1f3a", "properties": {"event": "push"}, "src": "git",
            "when_timestamp": 1_795_176_300,
        });
        assert_eq!(change_of(&stored, &json!(1_795_176_301.5)), expected);
        assert_eq!(change_of(&stored, &json!(1_795_176_300.5)).get("when_timestamp"), None);
    }
}
