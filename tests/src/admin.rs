//! The admin listener: reads what is stored, through the REST API.

use std::net::SocketAddr;

use serde_json::Value;

use crate::http::{self, Answer, Request};
use crate::wait::until;

/// hookd's REST API.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The API at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The answer to a `GET` of this path.
    pub fn get(&self, path: &str) -> Answer {
        http::send(self.address, &Request::get(path)).expect("the admin listener answers")
    }

    /// All changes, oldest first.
    pub fn changes(&self) -> Vec<Value> {
        self.all("changes", "changeid")
    }

    /// All deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<Value> {
        self.all("deliveries", "deliveryid")
    }

    /// The delivery that an answer's `X-Hookd-Delivery` names, once its state is no longer `pending`.
    pub fn settled_delivery(&self, answer: &Answer) -> Value {
        let id = answer.header("X-Hookd-Delivery").expect("the answer names its delivery");
        until("the delivery is no longer pending", || {
            let delivery = self.list(&format!("/api/v2/deliveries/{id}"), "deliveries").pop().expect("it was answered");
            (delivery["state"] != "pending").then_some(delivery)
        })
    }

    /// The value of a metric with its labels, if any: `hookd_requests_total{dialect="base",outcome="accepted"}`. A metric
    /// that does not exist yet is 0.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// All records of a collection, which are numbered by this field, in that order; a page has some of them.
    fn all(&self, key: &str, number: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(0, |last| last[number].as_i64().expect("records have a number"));
            let page = self.list(&format!("/api/v2/{key}?{number}__gt={after}&order={number}"), key);
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// The records of a collection: `list("/api/v2/changes?limit=1", "changes")`.
    pub fn list(&self, path: &str, key: &str) -> Vec<Value> {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let mut envelope: Value = serde_json::from_slice(&answer.body).expect("the API answers JSON");
        match envelope[key].take() {
            Value::Array(items) => items,
            other => panic!("{path} has no list {key:?}, but {other}"),
        }
    }
}
