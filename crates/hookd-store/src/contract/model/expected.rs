//! What a store must have after a history: a plain vector.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Cursor, NewDelivery, NewState, Receipt, Settlement, State, Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) received_at: Timestamp,
    pub(super) forge_id: Option<String>,
    pub(super) body: Option<String>,
    pub(super) state: State,
    pub(super) receipt: Receipt,
    pub(super) changeids: Vec<i64>,
    /// Whether its request is still there, if it had one.
    pub(super) is_request_kept: bool,
}

/// What the store must have: everything that was ever committed, and what of it is still there.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) deliveries: Vec<Delivery>,
    /// The delivery and the revision of each.
    pub(super) changes: Vec<(i64, String)>,
    pub(super) first_delivery: usize,
    pub(super) first_change: usize,
    /// How many attempts each pending delivery has had.
    pub(super) pending: BTreeMap<i64, u32>,
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// How changes ended, by cursor and change.
    pub(super) settlements: BTreeMap<(String, i64), Settlement>,
    pub(super) versions: BTreeSet<u64>,
    /// Until when requests were ever due: those of a delivery that was pending then go when it is completed.
    pub(super) payloads_before: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl Model {
    pub(super) fn add_changes(&mut self, deliveryid: i64, revisions: &[String]) -> Vec<i64> {
        let first = self.changes.len() as i64 + 1;
        self.changes.extend(revisions.iter().map(|revision| (deliveryid, revision.clone())));
        (first..first + revisions.len() as i64).collect()
    }

    /// Appends a delivery; gives the receipt that it must get.
    pub(super) fn append(&mut self, delivery: &NewDelivery) -> Receipt {
        let body = delivery.request.as_ref().map(|request| String::from_utf8(request.body.to_vec()).unwrap());
        let state = delivery.state.state();
        let earlier = self.deliveries[self.first_delivery..].iter().rfind(|earlier| {
            delivery.forge_id.is_some()
                && earlier.forge_id == delivery.forge_id
                && earlier.body == body
                && earlier.receipt.state.may_have_changes()
        });
        if let Some(earlier) = earlier.filter(|earlier| earlier.state.may_have_changes()) {
            return Receipt { is_duplicate: true, ..earlier.receipt.clone() };
        }
        let deliveryid = self.deliveries.len() as i64 + 1;
        let changeids = self.add_changes(deliveryid, &revisions(&delivery.state));
        let receipt = Receipt {
            deliveryid,
            state,
            reported_changes: delivery.state.reported_changes(),
            reason: delivery.reason().map(str::to_owned),
            is_duplicate: false,
        };
        if state == State::Pending {
            self.pending.insert(deliveryid, 0);
        }
        self.deliveries.push(Delivery {
            received_at: delivery.received_at,
            forge_id: delivery.forge_id.clone(),
            is_request_kept: body.is_some(),
            body,
            state,
            receipt: receipt.clone(),
            changeids,
        });
        receipt
    }

    pub(super) fn newest(&self) -> i64 {
        self.changes.len() as i64
    }

    pub(super) fn is_awaited(&self, changeid: i64) -> bool {
        self.cursors.values().any(|cursor| changeid >= cursor.first_not_done())
    }
}

pub(super) fn revisions(state: &NewState) -> Vec<String> {
    state.changes().iter().map(|change| change.revision.clone().unwrap()).collect()
}
