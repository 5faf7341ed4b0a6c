//! Random histories of a store, against a plain vector: appends, duplicates, completions, expiry, cursors, reading onward,
//! reopening, and kills. A kill is a copy of the files, taken while the writer is at work, that is opened again.
//!
//! The seed is printed; `HOOKD_MODEL_SEED` repeats the history of one.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use hookd_core::{Change, HookRequest, Subject};
use hookd_store::{
    ApiCalls, Browse as _, ChangeField, Completion, Cursor, CursorMove, CursorPlace, DeliveryField, DeliveryRecord,
    Due, Expiry, Log as _, Moved, NewDelivery, NewState, Operator, Origin, Query, Receipt, Search, Settlement,
    SettlementKind, State, StoredRequest, Timestamp,
};
use hookd_store_sqlite::{SqliteStore, maintenance};
use tempfile::TempDir;

/// How many histories there are besides the one of a random seed.
const HISTORIES: u64 = 6;

/// How many operations each has.
const OPERATIONS: usize = 250;

#[derive(Clone, Debug)]
struct Delivery {
    received_at: Timestamp,
    forge_id: Option<String>,
    body: Option<String>,
    state: State,
    receipt: Receipt,
    changeids: Vec<i64>,
    /// Whether its request is still there, if it had one.
    is_request_kept: bool,
}

/// What the store must have: everything that was ever committed, and what of it is still there.
#[derive(Clone, Debug, Default)]
struct Model {
    deliveries: Vec<Delivery>,
    /// The delivery and the revision of each.
    changes: Vec<(i64, String)>,
    first_delivery: usize,
    first_change: usize,
    /// How many attempts each pending delivery has had.
    pending: BTreeMap<i64, u32>,
    cursors: BTreeMap<String, Cursor>,
    /// How changes ended, by cursor and change.
    settlements: BTreeMap<(String, i64), Settlement>,
    versions: BTreeSet<u64>,
    /// Until when requests were ever due: those of a delivery that was pending then go when it is completed.
    payloads_before: Option<Timestamp>,
    now: Timestamp,
}

impl Model {
    fn add_changes(&mut self, deliveryid: i64, revisions: &[String]) -> Vec<i64> {
        let first = self.changes.len() as i64 + 1;
        self.changes.extend(revisions.iter().map(|revision| (deliveryid, revision.clone())));
        (first..first + revisions.len() as i64).collect()
    }

    /// Appends a delivery; gives the receipt that it must get.
    fn append(&mut self, delivery: &NewDelivery) -> Receipt {
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

    fn newest(&self) -> i64 {
        self.changes.len() as i64
    }

    fn is_awaited(&self, changeid: i64) -> bool {
        self.cursors.values().any(|cursor| changeid >= cursor.first_not_done())
    }
}

fn revisions(state: &NewState) -> Vec<String> {
    state.changes().iter().map(|change| change.revision.clone().unwrap()).collect()
}

struct History {
    rng: Rng,
    folder: TempDir,
    store: Option<SqliteStore>,
    model: Model,
    revisions: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Some(SqliteStore::open(&folder.path().join("hookd.db")).unwrap());
        let model = Model { now: Timestamp::from_micros(1_700_000_000_000_000), ..Model::default() };
        Self { rng: Rng::with_seed(seed), folder, store, model, revisions: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hookd.db")
    }

    fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self) {
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
        let one = CursorMove { name: name.clone(), expected, to: to.clone(), settlements: settlements.clone() };
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
        let kept = self.store().deliveries(&query).unwrap().rows;
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
            let is_kept = self.store().request(index as i64 + 1).unwrap().is_some();
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

    fn reopen(&mut self) {
        self.store().close();
        self.store = None;
        let problems = maintenance::check(&self.path()).unwrap().problems;
        assert!(problems.is_empty(), "{problems:#?}");
        self.store = Some(SqliteStore::open(&self.path()).unwrap());
        self.compare();
    }

    /// Copies the files while deliveries are being written, and continues with the copy: it has all that was acknowledged
    /// before, and of the rest what came first.
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
        // No checkpoint takes place in a store of this size: the file stays as it is, and the WAL only grows.
        let copy = TempDir::new().unwrap();
        for name in ["hookd.db", "hookd.db-wal"] {
            fs::copy(self.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        self.store = None;
        self.folder = copy;
        self.store = Some(SqliteStore::open(&self.path()).unwrap());
        let query = Query::default().limit(1);
        let newest = self.store().deliveries(&query).unwrap().rows.first().map_or(0, |delivery| delivery.deliveryid);
        let has = |state: &Model| state.deliveries.len() as i64 == newest;
        let survived = states[acknowledged..].iter().find(|state| has(state));
        self.model =
            survived.unwrap_or_else(|| panic!("{newest} deliveries are no state from {acknowledged} on")).clone();
        self.compare();
    }

    /// Holds all that the store has against the model.
    fn compare(&mut self) {
        let (store, model) = (self.store.as_ref().unwrap(), &self.model);
        let mut read = Vec::new();
        loop {
            let after = read.last().map_or(0, |(changeid, _, _)| *changeid);
            let changes = store.read_on(after, self.rng.usize(1..200)).unwrap();
            if changes.is_empty() {
                break;
            }
            read.extend(
                changes.into_iter().map(|one| (one.changeid, one.deliveryid, one.change.revision.clone().unwrap())),
            );
        }
        let expected = (1..).zip(&model.changes).skip(model.first_change);
        let expected: Vec<_> = expected.map(|(changeid, (id, revision))| (changeid, *id, revision.clone())).collect();
        assert_eq!(read, expected);
        assert_eq!(*store.tail().borrow(), model.newest());

        let query = Query::default().ascending(DeliveryField::Deliveryid);
        let deliveries = store.deliveries(&query).unwrap();
        assert_eq!(deliveries.total as usize, model.deliveries.len() - model.first_delivery);
        for (record, expected) in deliveries.rows.iter().zip(&model.deliveries[model.first_delivery..]) {
            assert_eq!(record.deliveryid, expected.receipt.deliveryid);
            let shown = (record.state, &record.changeids, &record.forge_id, record.received_at);
            assert_eq!(shown, (expected.state, &expected.changeids, &expected.forge_id, expected.received_at));
            let body = store.request(record.deliveryid).unwrap().map(|request| request.body);
            let kept = expected.body.clone().filter(|_| expected.is_request_kept).map(Bytes::from);
            assert_eq!(body, kept, "request {}", record.deliveryid);
        }
        let pending: BTreeMap<i64, u32> =
            store.pending().unwrap().into_iter().map(|due| (due.deliveryid, due.attempts)).collect();
        assert_eq!(pending, model.pending);
        assert!(store.cursors().unwrap().iter().eq(model.cursors.values()));
        let changes: BTreeMap<i64, Change> =
            store.changes(&Query::default()).unwrap().rows.into_iter().map(|row| (row.changeid, row.change)).collect();
        let word = |word: &str| Search { words: vec![word.to_owned()], ..Search::default() };
        let state = |state: State| Search { states: vec![state], ..Search::default() };
        let revision = format!("R{}", self.rng.u64(0..=self.revisions));
        for search in [
            word(&revision),
            word("b0"),
            word("id 7"),
            word("no reason"),
            word("CLOSED"),
            word("here"),
            state(State::Pending),
            state(State::Refused),
            Search { words: vec!["b1".to_owned(), "x4".to_owned()], ..state(State::Accepted) },
        ] {
            let found: Vec<i64> =
                store.search(&search, usize::MAX).unwrap().iter().map(|delivery| delivery.deliveryid).collect();
            let matches = |delivery: &&DeliveryRecord| {
                let own: Vec<_> =
                    delivery.changeids.iter().filter_map(|changeid| changes.get(changeid)).cloned().collect();
                let about = store.waiting(&[delivery.deliveryid]).unwrap().pop().map(|waiting| waiting.about);
                search.matches(delivery, &own, about.as_ref())
            };
            let expected = deliveries.rows.iter().rev().filter(matches).map(|delivery| delivery.deliveryid);
            assert!(
                expected.clone().eq(found.iter().copied()),
                "{search:?}: {found:?}, {:?}",
                expected.collect::<Vec<_>>()
            );
        }
        for branch in ["b0", "b3"] {
            let query = Query::default().filter(ChangeField::Branch, Operator::Eq, branch);
            let count = changes.values().filter(|change| change.branch.as_deref() == Some(branch)).count();
            assert_eq!(store.changes(&query).unwrap().total, count as u64, "{branch}");
        }
        for name in model.cursors.keys() {
            for kind in SettlementKind::ALL {
                let own = model.settlements.iter().filter(|((cursor, _), _)| cursor == name);
                let expected: Vec<_> =
                    own.map(|(_, settlement)| settlement.clone()).filter(|one| one.kind == kind).collect();
                assert_eq!(store.settlements(name, kind, 0, usize::MAX).unwrap(), expected);
                assert_eq!(store.settlement_count(name, kind).unwrap() as usize, expected.len());
                let (after, most) = (self.rng.i64(0..=model.newest()), self.rng.usize(0..5));
                let page = expected.iter().filter(|one| one.changeid > after).take(most).cloned().collect::<Vec<_>>();
                assert_eq!(store.settlements(name, kind, after, most).unwrap(), page, "after {after}, at most {most}");
            }
        }
        for changeid in model.first_change as i64 + 1..=model.newest() {
            let settled = model.settlements.iter().filter(|((_, settled), _)| *settled == changeid);
            let settled: Vec<_> = settled.map(|((cursor, _), one)| (cursor.clone(), one.clone())).collect();
            assert_eq!(store.settlements_of(changeid).unwrap(), settled, "change {changeid}");
        }
    }
}

fn run(seed: u64) {
    eprintln!("seed {seed}; HOOKD_MODEL_SEED={seed} repeats it");
    let mut history = History::new(seed);
    for operation in 1..=OPERATIONS {
        history.step();
        if operation % 25 == 0 {
            history.compare();
        }
    }
    history.reopen();
}

#[test]
fn a_random_history_leaves_what_a_plain_vector_has() {
    if let Ok(seed) = std::env::var("HOOKD_MODEL_SEED") {
        return run(seed.parse().unwrap());
    }
    (0..HISTORIES).for_each(run);
    run(fastrand::u64(..));
}
