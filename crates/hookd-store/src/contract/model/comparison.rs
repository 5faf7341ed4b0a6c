//! Holds a store against the model.

use std::collections::BTreeMap;

use bytes::Bytes;
use hookd_core::Change;

use super::Engine;
use super::history::History;
use crate::{ChangeField, DeliveryField, DeliveryRecord, Operator, Query, Search, SettlementKind, State};

impl<E: Engine> History<E> {
    /// Holds all that the store has against the model.
    pub(super) fn compare(&mut self) {
        let (store, model) = (self.engine.store(), &self.model);
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
        let deliveries = store.reader().deliveries(&query).unwrap();
        assert_eq!(deliveries.total as usize, model.deliveries.len() - model.first_delivery);
        for (record, expected) in deliveries.rows.iter().zip(&model.deliveries[model.first_delivery..]) {
            assert_eq!(record.deliveryid, expected.receipt.deliveryid);
            let shown = (record.state, &record.changeids, &record.forge_id, record.received_at);
            assert_eq!(shown, (expected.state, &expected.changeids, &expected.forge_id, expected.received_at));
            let body = store.reader().request(record.deliveryid).unwrap().map(|request| request.body);
            let kept = expected.body.clone().filter(|_| expected.is_request_kept).map(Bytes::from);
            assert_eq!(body, kept, "request {}", record.deliveryid);
        }
        let pending: BTreeMap<i64, u32> =
            store.pending().unwrap().into_iter().map(|due| (due.deliveryid, due.attempts)).collect();
        assert_eq!(pending, model.pending);
        assert!(store.cursors().unwrap().iter().eq(model.cursors.values()));
        let changes: BTreeMap<i64, Change> = store
            .reader()
            .changes(&Query::default())
            .unwrap()
            .rows
            .into_iter()
            .map(|row| (row.changeid, row.change))
            .collect();
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
            let found: Vec<i64> = store
                .reader()
                .search(&search, usize::MAX)
                .unwrap()
                .iter()
                .map(|delivery| delivery.deliveryid)
                .collect();
            let matches = |delivery: &&DeliveryRecord| {
                let own: Vec<_> =
                    delivery.changeids.iter().filter_map(|changeid| changes.get(changeid)).cloned().collect();
                let about = store.reader().waiting(&[delivery.deliveryid]).unwrap().pop().map(|waiting| waiting.about);
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
            assert_eq!(store.reader().changes(&query).unwrap().total, count as u64, "{branch}");
        }
        for name in model.cursors.keys() {
            for kind in SettlementKind::ALL {
                let own = model.settlements.iter().filter(|((cursor, _), _)| cursor == name);
                let expected: Vec<_> =
                    own.map(|(_, settlement)| settlement.clone()).filter(|one| one.kind == kind).collect();
                assert_eq!(store.reader().settlements(name, kind, 0, usize::MAX).unwrap(), expected);
                assert_eq!(store.reader().settlement_count(name, kind).unwrap() as usize, expected.len());
                let (after, most) = (self.rng.i64(0..=model.newest()), self.rng.usize(0..5));
                let page = expected.iter().filter(|one| one.changeid > after).take(most).cloned().collect::<Vec<_>>();
                assert_eq!(
                    store.reader().settlements(name, kind, after, most).unwrap(),
                    page,
                    "after {after}, at most {most}"
                );
            }
        }
        for changeid in model.first_change as i64 + 1..=model.newest() {
            let settled = model.settlements.iter().filter(|((_, settled), _)| *settled == changeid);
            let settled: Vec<_> = settled.map(|((cursor, _), one)| (cursor.clone(), one.clone())).collect();
            assert_eq!(store.reader().settlements_of(changeid).unwrap(), settled, "change {changeid}");
        }
    }
}
