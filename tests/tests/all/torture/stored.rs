//! Checks that hookd has stored what was sent.

use std::collections::{BTreeMap, HashMap};

use hookd_tests::Admin;
use serde_json::Value;

use super::webhook::{Expected, Kind, Webhook};

/// Records per request to the API.
const PAGE: usize = 5000;

/// Deliveries and their changes, as the REST API shows them.
pub(crate) struct Stored {
    deliveries: Vec<Value>,
    changes: BTreeMap<i64, Value>,
    /// Indexes in `deliveries` by the forge's id, or by revision for `base`, which has no ids.
    places: HashMap<String, Vec<usize>>,
}

impl Stored {
    /// All deliveries from this number on, with their changes.
    pub(crate) fn read(admin: Admin, first: i64) -> Self {
        let deliveries = all(admin, "deliveries", "deliveryid", first, "");
        // Without a lower bound the API does not have to filter the changes.
        let filter = if first > 1 { format!("&deliveryid__ge={first}") } else { String::new() };
        let changes = all(admin, "changes", "changeid", 1, &filter);
        let changes: BTreeMap<i64, Value> =
            changes.into_iter().map(|change| (number(&change, "changeid"), change)).collect();
        let mut places = HashMap::<String, Vec<usize>>::new();
        for (place, delivery) in deliveries.iter().enumerate() {
            let name = match delivery["forge_id"].as_str() {
                Some(id) => id.to_owned(),
                None => {
                    let change = ids(delivery).first().and_then(|id| changes.get(id)).expect("base has one change");
                    change["revision"].as_str().expect("the change has a revision").to_owned()
                }
            };
            places.entry(name).or_default().push(place);
        }
        Self { deliveries, changes, places }
    }

    /// The number of deliveries.
    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.len()
    }

    /// The number of changes.
    pub(crate) fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Checks that an acknowledged webhook is stored once, with all of its changes and nothing else. A pull request may
    /// still wait for its changes, unless `is_settled`.
    pub(crate) fn check(&self, webhook: &Webhook, is_settled: bool) {
        let id = &webhook.id;
        let name = if webhook.kind == Kind::Base { format!("{id}-1") } else { id.clone() };
        let places = self.places.get(&name).unwrap_or_else(|| panic!("{id} was acknowledged, but is not stored"));
        // `base` cannot recognize redeliveries; each attempt may be stored.
        let most = if webhook.kind == Kind::Base { webhook.attempts } else { 1 };
        assert!(places.len() <= most, "{id} was sent {} times, and stored {} times", webhook.attempts, places.len());
        let acknowledged = webhook.deliveryid.expect("it was acknowledged");
        assert!(
            places.iter().any(|place| number(&self.deliveries[*place], "deliveryid") == acknowledged),
            "{id} is not stored as the acknowledged delivery {acknowledged}"
        );
        for place in places {
            self.check_delivery(webhook, &self.deliveries[*place], is_settled);
        }
    }

    /// Checks that the numbers of deliveries have no gaps, and that each delivery is one of the webhooks.
    pub(crate) fn check_all<'w>(&self, webhooks: impl Iterator<Item = &'w Webhook>) {
        let mut deliveries = 0;
        let mut changes = 0;
        for webhook in webhooks {
            self.check(webhook, true);
            let name = if webhook.kind == Kind::Base { format!("{}-1", webhook.id) } else { webhook.id.clone() };
            deliveries += self.places[&name].len();
            changes += self.places[&name].len() * webhook.changes.len();
        }
        assert_eq!((self.deliveries(), self.changes()), (deliveries, changes), "only what was sent is stored");
        for (expected, delivery) in (1..).zip(&self.deliveries) {
            assert_eq!(number(delivery, "deliveryid"), expected, "numbers have no gaps");
        }
        assert!(self.changes.keys().copied().eq(1..=i64::try_from(changes).expect("it is small")));
    }

    fn check_delivery(&self, webhook: &Webhook, delivery: &Value, is_settled: bool) {
        if webhook.kind == Kind::Pull && !is_settled && delivery["state"] == "pending" {
            assert!(ids(delivery).is_empty(), "{delivery}");
            return;
        }
        assert_eq!(delivery["state"], "accepted", "{delivery}");
        assert_eq!(delivery["reason"], Value::Null, "{delivery}");
        let changes: Vec<Expected> = ids(delivery)
            .iter()
            .map(|id| self.changes.get(id).unwrap_or_else(|| panic!("change {id} is missing: {delivery}")))
            .map(|change| {
                assert_eq!(change["deliveryid"], delivery["deliveryid"]);
                Expected {
                    revision: change["revision"].as_str().expect("each has one").to_owned(),
                    files: serde_json::from_value(change["files"].clone()).expect("files are texts"),
                }
            })
            .collect();
        assert_eq!(changes, webhook.changes, "{delivery}");
    }
}

/// All records from this id on, page by page.
fn all(admin: Admin, collection: &str, id: &str, first: i64, filter: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut from = first;
    loop {
        let path = format!("/api/v2/{collection}?order={id}&limit={PAGE}&{id}__ge={from}{filter}");
        let page = admin.list(&path, collection);
        let is_last = page.len() < PAGE;
        records.extend(page);
        match records.last() {
            Some(last) if !is_last => from = number(last, id) + 1,
            _ => return records,
        }
    }
}

fn number(record: &Value, field: &str) -> i64 {
    record[field].as_i64().unwrap_or_else(|| panic!("{field} is a number: {record}"))
}

fn ids(delivery: &Value) -> Vec<i64> {
    serde_json::from_value(delivery["changeids"].clone()).expect("changes have numbers")
}
