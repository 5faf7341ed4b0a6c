//! Reading many records of a running hookd: in windows of their numbers, each of which is one request that is answered soon,
//! however many records there are and however few of them match.

use hookd_store::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::admin::Admin;
use super::revision;

/// How many numbers a window has: as many as the REST API returns records at once, by default.
pub(super) const WINDOW: i64 = 1000;

/// How many records one request returns at most.
pub(super) const MAX_LIMIT: usize = 5000;

/// One kind of records.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// Its name in the REST API.
    name: &'static str,
    /// The field with the number.
    number: &'static str,
}

pub(super) const DELIVERIES: Kind = Kind { name: "deliveries", number: "deliveryid" };
pub(super) const CHANGES: Kind = Kind { name: "changes", number: "changeid" };

/// Conditions of a query to the REST API.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions(String);

impl Conditions {
    /// The same, and the field has this value.
    #[must_use]
    pub(super) fn with(mut self, parameter: &str, value: &str) -> Self {
        self.0.push_str(&format!("&{parameter}={}", escaped(value)));
        self
    }

    /// The same, for each of these values: any of them.
    #[must_use]
    pub(super) fn with_any(self, parameter: &str, values: &[String]) -> Self {
        values.iter().fold(self, |conditions, value| conditions.with(parameter, value))
    }

    /// The same, and it was received between these moments.
    #[must_use]
    pub(super) fn received(self, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let bounds = [("received_at__ge", since), ("received_at__le", until)];
        bounds.into_iter().fold(self, |conditions, (parameter, at)| match at {
            Some(at) => conditions.with(parameter, &at.as_seconds_f64().to_string()),
            None => conditions,
        })
    }

    /// The same, and the revision begins so.
    #[must_use]
    pub(super) fn of_revision(mut self, beginning: &str) -> Self {
        self.0.push_str(&format!("&{}", revision::parameters(beginning)));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The records of an answer.
///
/// # Errors
/// What the answer says, or why there is none.
pub(super) fn get(admin: &Admin, path: &str, name: &str) -> Result<Vec<Value>, String> {
    match admin.get(path)?.success()?[name].take() {
        Value::Array(records) => Ok(records),
        _ => Ok(Vec::new()),
    }
}

/// The number of a record.
pub(super) fn number(kind: Kind, record: &Value) -> i64 {
    record[kind.number].as_i64().unwrap_or_default()
}

/// The numbers of the first and the last record that are kept; `None` if there are none.
///
/// # Errors
/// As [`get`].
pub(super) fn ends(admin: &Admin, kind: Kind) -> Result<Option<(i64, i64)>, String> {
    let end = |order: &str| -> Result<Option<i64>, String> {
        let Kind { name, number: field } = kind;
        let records = get(admin, &format!("/api/v2/{name}?limit=1&field={field}&order={order}{field}"), name)?;
        Ok(records.first().map(|record| number(kind, record)))
    };
    Ok(end("")?.zip(end("-")?))
}

/// The records from one number to another that match, ascending. At most [`WINDOW`] numbers.
///
/// # Errors
/// As [`get`].
pub(super) fn window(
    admin: &Admin,
    kind: Kind,
    first: i64,
    last: i64,
    conditions: &Conditions,
) -> Result<Vec<Value>, String> {
    let Kind { name, number } = kind;
    let Conditions(conditions) = conditions;
    let path =
        format!("/api/v2/{name}?{number}__ge={first}&{number}__le={last}&order={number}&limit={WINDOW}{conditions}");
    get(admin, &path, name)
}

/// The newest records that match conditions which an index answers, newest first, at most so many: [`MAX_LIMIT`] or fewer.
///
/// # Errors
/// As [`get`].
pub(super) fn some(admin: &Admin, kind: Kind, conditions: &Conditions, limit: usize) -> Result<Vec<Value>, String> {
    let Conditions(conditions) = conditions;
    get(admin, &format!("/api/v2/{}?limit={limit}{conditions}", kind.name), kind.name)
}

/// The newest records that match, newest first, at most so many. `keep` may drop some of a window.
///
/// # Errors
/// As [`get`].
pub(super) fn newest(
    admin: &Admin,
    kind: Kind,
    conditions: &Conditions,
    limit: usize,
    mut keep: impl FnMut(Vec<Value>) -> Result<Vec<Value>, String>,
) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let Some((first, mut last)) = ends(admin, kind)? else { return Ok(found) };
    while last >= first && found.len() < limit {
        let begin = first.max(last.saturating_sub(WINDOW - 1));
        let records = keep(window(admin, kind, begin, last, conditions)?)?;
        found.extend(records.into_iter().rev().take(limit - found.len()));
        last = begin - 1;
    }
    Ok(found)
}
