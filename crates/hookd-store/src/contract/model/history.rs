//! One random history: what is done to the store, and to the model.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use hookd_core::{Change, HookRequest, Subject};

use super::Engine;
use super::expected::{Model, revisions};
use crate::{
    ApiCalls, Completion, Cursor, CursorMove, CursorPlace, DeliveryField, Due, Expiry, Moved, NewDelivery, NewState,
    Origin, Query, Settlement, SettlementKind, State, Store, StoredRequest, Timestamp,
};

/// A store, what it must have, and what happens next.
pub(super) struct History<E> {
    pub(super) rng: Rng,
    pub(super) engine: E,
    pub(super) model: Model,
    /// How many changes were made up.
    pub(super) revisions: u64,
}

impl<E: Engine> History<E> {
    pub(super) fn new(seed: u64, engine: E) -> Self {
        let model = Model { now: Timestamp::from_micros(1_700_000_000_000_000), ..Model::default() };
        Self { rng: Rng::with_seed(seed), engine, model, revisions: 0 }
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.engine.store()
    }

    pub(super) fn step(&mut self) {
        self.model.now = self.model.now.saturating_add(Duration::from_secs(self.rng.u64(0..100)));
        match self.rng.u32(0..100) {
            0..40 => self.append(),
            40..55 => self.complete(),
            55..60 => self.postpone(),
            60..75 => self.move_cursor(),
            75..82 => self.expire(),
            82..92 => self.read_on(),
            92..96 => self.reopen(),
            _ => self.kill(),
        }
    }

    fn changes(&mut self) -> NewState {
        let count = self.rng.usize(1..4);
        let change = |number: u64| Change {
            revision: Some(format!("r{number}")),
            branch: Some(format!("b{}", number % 3)),
            author: format!("x{}", number % 7),
            comments: "x".repeat(usize::try_from(number % 50).unwrap()),
            ..Change::default()
        };
        let first = self.revisions;
        self.revisions += count as u64;
        NewState::Accepted((first..self.revisions).map(change).collect())
    }

    fn new_delivery(&mut self) -> NewDelivery {
        let state = match self.rng.u32(0..6) {
            0 => NewState::Ignored("no reason".to_owned()),
            1 => NewState::Refused("wrong".to_owned()),
            2 => {
                let about = Subject { repository: "here".to_owned(), ..Subject::default() };
                NewState::Pending { reported_changes: self.rng.usize(0..3), about }
            }
            _ => self.changes(),
        };
        let body = Bytes::from(format!("body {}", self.rng.u32(0..3)));
        let has_request = self.rng.u32(0..4) > 0;
        let request = HookRequest::post("/change_hook/github").with_body(body);
        NewDelivery {
            received_at: self.model.now,
            dialect: "github".to_owned(),
            event: None,
            forge_id: (self.rng.u32(0..3) > 0).then(|| format!("id {}", self.rng.u32(0..40))),
            deduplicate: true,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            note: None,
            request: has_request.then(|| StoredRequest::new(&request, &[])),
            state,
        }
    }

    /// Appends some deliveries, which are queued together.
    fn append(&mut self) {
        let count = self.rng.usize(1..8);
        let new: Vec<_> = (0..count).map(|_| self.new_delivery()).collect();
        let replies: Vec<_> = new.iter().map(|delivery| self.store().append(delivery.clone())).collect();
        for (delivery, reply) in new.iter().zip(replies) {
            assert_eq!(reply.wait().unwrap(), self.model.append(delivery));
        }
    }

    /// Some delivery, mostly a pending one.
    fn any_delivery(&mut self) -> i64 {
        let pending: Vec<i64> = self.model.pending.keys().copied().collect();
        match self.rng.choice(pending) {
            Some(deliveryid) if self.rng.u32(0..5) > 0 => deliveryid,
            _ => self.rng.i64(0..=self.model.deliveries.len() as i64 + 1),
        }
    }

    fn complete(&mut self) {
        let deliveryid = self.any_delivery();
        let state = match self.rng.u32(0..4) {
            0 => NewState::Ignored("closed".to_owned()),
            1 => NewState::Refused("gone".to_owned()),
            _ => self.changes(),
        };
        let completion = Completion { deliveryid, state: state.clone(), note: None, api_calls: ApiCalls::default() };
        let was_pending = self.model.pending.remove(&deliveryid).is_some();
        assert_eq!(self.store().complete(completion).wait().unwrap(), was_pending);
        if was_pending {
            let changeids = self.model.add_changes(deliveryid, &revisions(&state));
            let delivery = &mut self.model.deliveries[usize::try_from(deliveryid).unwrap() - 1];
            (delivery.state, delivery.changeids) = (state.state(), changeids);
        }
    }

    fn postpone(&mut self) {
        let deliveryid = self.any_delivery();
        let now = self.model.now;
        let due = Due {
            deliveryid,
            dialect: "github".to_owned(),
            received_at: now,
            attempts: self.rng.u32(..),
            next_at: now,
            error: None,
        };
        self.store().postpone(due.clone()).wait().unwrap();
        self.model.pending.entry(deliveryid).and_modify(|attempts| *attempts = due.attempts);
    }

    fn move_cursor(&mut self) {
        let name = format!("sink {}", self.rng.u32(0..2));
        let current = self.model.cursors.get(&name).cloned();
        let version = current.as_ref().map(|cursor| cursor.version);
        let is_stale = self.rng.u32(0..5) == 0;
        let expected = if is_stale { Some(version.map_or(1, |version| version + 1)) } else { version };
        let newest = self.model.newest();
        let position = self.rng.i64(self.model.first_change as i64..=newest);
        let done = (position + 1..=newest).filter(|_| self.rng.u32(0..3) == 0).take(20).collect();
        let to = CursorPlace { position, done, state: vec![self.rng.u8(..); self.rng.usize(0..50)] };
        let to = (self.rng.u32(0..6) > 0).then_some(to);
        let settlements = self.settlements();
        let one =
            CursorMove { name: name.clone(), expected, to: to.clone(), epoch: None, settlements: settlements.clone() };
        let moved = self.store().move_cursors(vec![one]).wait().unwrap().remove(0);
        match moved {
            Moved::Conflict(found) => {
                assert_eq!(found, current);
                assert!(is_stale);
            }
            Moved::Removed => {
                assert!(to.is_none() && !is_stale);
                self.model.cursors.remove(&name);
                self.model.settlements.retain(|(cursor, _), _| *cursor != name);
            }
            Moved::To(version) => {
                let CursorPlace { position, done, state } = to.unwrap();
                assert!(!is_stale && self.model.versions.insert(version), "version {version} was given before");
                let settled = settlements.into_iter().map(|one| ((name.clone(), one.changeid), one));
                self.model.settlements.extend(settled);
                self.model.cursors.insert(name.clone(), Cursor { name, version, position, done, state });
            }
        }
    }

    /// Some settlements: of changes near each other, and of any.
    fn settlements(&mut self) -> Vec<Settlement> {
        let (first, newest) = (self.model.first_change as i64 + 1, self.model.newest());
        if first > newest {
            return Vec::new();
        }
        let rng = &mut self.rng;
        let near = rng.i64(first..=newest);
        let changeids = (near..=newest).take(rng.usize(0..30)).filter(|_| rng.u32(0..3) > 0).collect::<Vec<_>>();
        let anywhere = (0..rng.usize(0..3)).map(|_| rng.i64(first..=newest)).collect::<Vec<_>>();
        let settlement = |changeid| Settlement {
            changeid,
            settled_at: self.model.now,
            kind: *rng.choice(&SettlementKind::ALL).unwrap(),
            attempts: rng.u32(0..5),
            answer: format!("answer {}", rng.u32(0..3)),
        };
        changeids.into_iter().chain(anywhere).map(settlement).collect()
    }

    /// Expires as much as there is, and takes into the model what is gone, if it may be.
    fn expire(&mut self) {
        let now = self.model.now;
        let before =
            |rng: &mut Rng| (rng.u32(0..3) > 0).then(|| now.saturating_sub(Duration::from_secs(rng.u64(0..6000))));
        let rng = &mut self.rng;
        let expiry = Expiry { payloads_before: before(rng), changes_before: before(rng), now };
        loop {
            if !self.store().expire(expiry).wait().unwrap().has_more {
                break;
            }
        }
        self.model.payloads_before = self.model.payloads_before.max(expiry.payloads_before);
        let old = |received_at: Timestamp, before: Option<Timestamp>| before.is_some_and(|before| received_at < before);
        let kept = self.store().read_on(0, 1).unwrap();
        let first_change =
            kept.first().map_or(self.model.changes.len(), |change| usize::try_from(change.changeid).unwrap() - 1);
        let query = Query::default().ascending(DeliveryField::Deliveryid).limit(1);
        let kept = self.store().reader().deliveries(&query).unwrap().rows;
        let first_delivery = kept
            .first()
            .map_or(self.model.deliveries.len(), |delivery| usize::try_from(delivery.deliveryid).unwrap() - 1);
        for gone in self.model.first_change..first_change {
            let delivery = &self.model.deliveries[usize::try_from(self.model.changes[gone].0).unwrap() - 1];
            assert!(old(delivery.received_at, expiry.changes_before), "change {} is too young", gone + 1);
            assert!(!self.model.is_awaited(gone as i64 + 1), "change {} is awaited", gone + 1);
        }
        for gone in self.model.first_delivery..first_delivery {
            let delivery = &self.model.deliveries[gone];
            assert!(old(delivery.received_at, expiry.changes_before), "delivery {} is too young", gone + 1);
            assert!(delivery.state != State::Pending, "delivery {} is pending", gone + 1);
        }
        assert!(first_change >= self.model.first_change && first_delivery >= self.model.first_delivery);
        (self.model.first_change, self.model.first_delivery) = (first_change, first_delivery);
        self.model.settlements.retain(|(_, changeid), _| *changeid > first_change as i64);
        for index in first_delivery..self.model.deliveries.len() {
            let delivery = self.model.deliveries[index].clone();
            let is_kept = self.store().reader().request(index as i64 + 1).unwrap().is_some();
            if delivery.is_request_kept && !is_kept {
                assert!(old(delivery.received_at, self.model.payloads_before), "request {} is too young", index + 1);
                assert!(delivery.state != State::Pending, "delivery {} is pending", index + 1);
            } else {
                assert_eq!(is_kept, delivery.is_request_kept, "request {}", index + 1);
            }
            self.model.deliveries[index].is_request_kept = is_kept;
        }
    }

    fn read_on(&mut self) {
        let newest = self.model.newest();
        let mut after = self.rng.i64(0..=newest + 1);
        for _ in 0..self.rng.u32(1..6) {
            let most = self.rng.usize(0..20);
            let read = self.store().read_on(after, most).unwrap();
            let expected = (after.max(self.model.first_change as i64) + 1..=newest).take(most);
            assert!(read.iter().map(|change| change.changeid).eq(expected), "after {after}, most {most}");
            after = read.last().map_or(after, |change| change.changeid);
        }
    }

    pub(super) fn reopen(&mut self) {
        self.engine.reopen();
        self.compare();
    }

    /// Kills the store while deliveries are being written: it has all that was acknowledged before, and of the rest what
    /// came first.
    fn kill(&mut self) {
        let count = self.rng.usize(1..30);
        let new: Vec<_> = (0..count).map(|_| self.new_delivery()).collect();
        let mut states = vec![self.model.clone()];
        for delivery in &new {
            let mut next = states.last().unwrap().clone();
            next.append(delivery);
            states.push(next);
        }
        let mut replies: Vec<_> = new.into_iter().map(|delivery| self.store().append(delivery)).collect();
        let acknowledged = self.rng.usize(0..=count);
        replies.drain(..acknowledged).for_each(|reply| drop(reply.wait().unwrap()));
        self.engine.kill();
        let query = Query::default().limit(1);
        let newest =
            self.store().reader().deliveries(&query).unwrap().rows.first().map_or(0, |delivery| delivery.deliveryid);
        let has = |state: &Model| state.deliveries.len() as i64 == newest;
        let survived = states[acknowledged..].iter().find(|state| has(state));
        self.model =
            survived.unwrap_or_else(|| panic!("{newest} deliveries are no state from {acknowledged} on")).clone();
        self.compare();
    }
}
