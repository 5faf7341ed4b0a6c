//! Sends the cases to one side, in order, and reads what it stored for each.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Case;
use crate::http::{Answer, Connection, Request};
use crate::wait::until;

/// The result of a case on one side.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The status of its answer.
    pub status: u16,
    /// The text of its answer.
    pub text: String,
    /// The changes that it stored, oldest first.
    pub changes: Vec<Value>,
    /// hookd's record of the delivery; null if there is none, as always for Buildbot.
    pub delivery: Value,
    /// When it was sent, in seconds since 1970.
    pub sent_at: i64,
}

impl Seen {
    /// Whether it was accepted.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it was refused with a message that starts with one of these, and nothing was stored.
    pub fn is_refused_with(&self, messages: &[&str]) -> bool {
        self.is_refused() && messages.iter().any(|message| self.text.starts_with(message))
    }

    /// Whether it was refused, and nothing was stored.
    pub fn is_refused(&self) -> bool {
        self.status == 400 && self.changes.is_empty()
    }

    /// Whether it was accepted with nothing to build.
    pub fn is_ignored(&self) -> bool {
        self.is_success() && self.text == "no change found" && self.changes.is_empty()
    }
}

/// Sends the cases to Buildbot.
pub fn buildbot<'c>(address: SocketAddr, cases: impl Iterator<Item = &'c Case>) -> Vec<Seen> {
    let mut side = Side::new(address, address, "changeid__gt");
    cases.map(|case| side.send(case, |_, _| Value::Null)).collect()
}

/// Sends the cases to hookd, whose changes are read from the admin listener.
pub fn hookd<'c>(public: SocketAddr, admin: SocketAddr, cases: impl Iterator<Item = &'c Case>) -> Vec<Seen> {
    let mut side = Side::new(public, admin, "order=changeid&changeid__gt");
    cases.map(|case| side.send(case, settled)).collect()
}

struct Side {
    hooks: Connection,
    api: Connection,
    newer_than: &'static str,
    last_change: i64,
}

impl Side {
    fn new(hooks: SocketAddr, api: SocketAddr, newer_than: &'static str) -> Self {
        Self { hooks: Connection::new(hooks), api: Connection::new(api), newer_than, last_change: 0 }
    }

    fn send(&mut self, case: &Case, delivery: fn(&mut Connection, &Answer) -> Value) -> Seen {
        let sent_at = now();
        let answer = self.hooks.send(&case.request).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let delivery = delivery(&mut self.api, &answer);
        let path = format!("/api/v2/changes?{}={}", self.newer_than, self.last_change);
        let mut changes = list(&mut self.api, &path, "changes");
        changes.sort_by_key(id);
        self.last_change = changes.last().map_or(self.last_change, id);
        Seen { status: answer.status, text: answer.text(), changes, delivery, sent_at }
    }
}

/// The delivery that hookd's answer names, once it is no longer pending.
fn settled(api: &mut Connection, answer: &Answer) -> Value {
    let Some(id) = answer.header("X-Hookd-Delivery") else { return Value::Null };
    let path = format!("/api/v2/deliveries/{id}");
    until("the delivery is no longer pending", || {
        let delivery = list(api, &path, "deliveries").pop().unwrap_or_default();
        (delivery["state"] != "pending").then_some(delivery)
    })
}

fn list(api: &mut Connection, path: &str, key: &str) -> Vec<Value> {
    let answer = api.send(&Request::get(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let envelope =
        serde_json::from_str(&with_exact_integers(&answer.text())).map(|mut envelope: Value| envelope[key].take());
    match envelope {
        Ok(Value::Array(items)) => items,
        Err(_) if answer.status == 200 => ids_alone(&answer.text()),
        _ => panic!("{path}: {}", answer.line()),
    }
}

/// JSON in which integers that a double would round are strings, so that a comparison sees all their digits.
fn with_exact_integers(json: &str) -> String {
    let mut exact = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        exact.push_str(&rest[..start]);
        rest = &rest[start..];
        let is_text = rest.starts_with('"');
        let end = if is_text { end_of_text(rest) } else { rest.find([',', ']', '}', ' ', '\n']).unwrap_or(rest.len()) };
        let (token, after) = rest.split_at(end);
        let is_long = token.len() > 16 && token.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        if is_long && !is_text {
            exact.push_str(&format!("\"{token}\""));
        } else {
            exact.push_str(token);
        }
        rest = after;
    }
    exact + rest
}

/// The end of the string literal that `json` starts with.
fn end_of_text(json: &str) -> usize {
    let mut is_escaped = false;
    let ends = |(_, c): &(usize, char)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    };
    json.char_indices().skip(1).find(ends).map_or(json.len(), |(index, _)| index + 1)
}

/// The ids of the changes in an answer that is not JSON, as Buildbot's is once NaN or half a surrogate is stored.
fn ids_alone(text: &str) -> Vec<Value> {
    let ids = text.split("\"changeid\":").skip(1).map(|rest| rest.split(',').next().unwrap_or_default().trim());
    ids.filter_map(|id| id.parse::<i64>().ok()).map(|id| json!({"changeid": id})).collect()
}

fn id(change: &Value) -> i64 {
    change["changeid"].as_i64().expect("every change has an id")
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    since.as_secs().try_into().expect("it is not that late")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit_of_an_integer() {
        let json = r#"{"a": 12345678901234567890123, "b\\\"1234567890123456789": [-98765432109876543], "c": 1.2345678901234567}"#;
        let exact = r#"{"a": "12345678901234567890123", "b\\\"1234567890123456789": ["-98765432109876543"], "c": 1.2345678901234567}"#;
        assert_eq!(with_exact_integers(json), exact);
        assert_eq!(with_exact_integers("[1, \"2\", null]"), "[1, \"2\", null]");
    }

    #[test]
    fn finds_the_ids_in_json_that_is_none() {
        let ids = ids_alone(r#"{"changes": [{"a": NaN, "changeid": 7, "b": 1}, {"changeid": 8}]}"#);
        assert_eq!(ids, [json!({"changeid": 7})]);
    }
}
