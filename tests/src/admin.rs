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
        self.list("/api/v2/changes?order=changeid", "changes")
    }

    /// All deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<Value> {
        self.list("/api/v2/deliveries?order=deliveryid", "deliveries")
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
