//! One case: a request, and what is known about it.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::dialects::{Served, served};
use crate::http::Request;

/// A request to both sides, under a name that says what is special about it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name, such as ``github push: `commits.0.author` null``.
    pub name: String,
    /// The request.
    pub request: Request,
}

impl Case {
    /// A case of this name.
    pub fn new(name: impl Into<String>, request: Request) -> Self {
        Self { name: name.into(), request }
    }

    /// The dialect that the path names, as Buildbot reads it.
    pub fn dialect(&self) -> &str {
        let rest = self.request.target.strip_prefix("/change_hook").unwrap_or_default();
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 { "base" } else { &rest[..end] }
    }

    /// That dialect's entry in the table; `None` if it is not served.
    pub fn served(&self) -> Option<&'static Served> {
        served(self.dialect())
    }

    /// The class that serves it; empty if none does.
    pub fn class(&self) -> &'static str {
        self.served().map_or("", |served| served.class)
    }

    /// An option of the dialect; null if it is not set.
    pub fn option(&self, name: &str) -> Value {
        self.served().map_or(Value::Null, |served| served.options()[name].take())
    }

    /// The last value of a header as text, which is the one that Buildbot uses; empty if it is not sent.
    pub fn header(&self, name: &str) -> String {
        String::from_utf8_lossy(self.request.last(name).unwrap_or_default()).into_owned()
    }

    /// The query of the target, without `?`.
    pub fn query(&self) -> &str {
        self.request.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first value of an argument of the query or of an urlencoded body.
    pub fn argument(&self, name: &str) -> Option<String> {
        let is_form = self.header("Content-Type").to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        let body = if is_form { String::from_utf8_lossy(&self.request.body) } else { "".into() };
        let find = |text: &str| {
            let pairs = text.split(['&', ';']).filter_map(|pair| pair.split_once('='));
            pairs.map(|(key, value)| (unquoted(key), unquoted(value))).find(|(key, _)| key == name).map(|pair| pair.1)
        };
        find(&body).or_else(|| find(self.query()))
    }

    /// The payload if the body or the argument `payload` is JSON; otherwise null.
    pub fn payload(&self) -> Value {
        let body = serde_json::from_slice(&self.request.body).ok();
        body.or_else(|| serde_json::from_str(&self.argument("payload")?).ok()).unwrap_or_default()
    }
}

fn unquoted(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
