//! Which deliveries a page shows.

use std::collections::BTreeMap;

use hookd_core::Change;
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Operator, Query, Store, StoreError, Value,
};

/// How many deliveries a page has.
pub(super) const PAGE: i64 = 50;

/// One more than a page has, which tells whether there is another page.
const ONE_MORE: u64 = PAGE as u64 + 1;

/// Some deliveries, newest first.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) rows: Vec<DeliveryRecord>,
    /// The first change of each that has some, by its number.
    pub(super) changes: BTreeMap<i64, Change>,
    /// The delivery before which the next page begins; `None` on the last one.
    pub(super) older: Option<i64>,
}

/// The newest deliveries, of those before `before`.
pub(super) fn newest(store: &dyn Store, before: Option<i64>) -> Result<Listed, StoreError> {
    let query = Query::default().limit(ONE_MORE);
    let query = match before {
        Some(before) => query.filter(DeliveryField::Deliveryid, Operator::Lt, before),
        None => query,
    };
    page(store, store.deliveries(&query)?.rows)
}

/// The newest deliveries that `text` finds, of those before `before`: its own number, the forge's id of it, the revision
/// of one of its changes, or a part of its reason. The reasons are read one by one; for the others there is an index.
pub(super) fn matching(store: &dyn Store, text: &str, before: Option<i64>) -> Result<Listed, StoreError> {
    let is_before = |id: i64| before.is_none_or(|before| id < before);
    let deliveries = |field: DeliveryField, operator: Operator, values: Vec<Value>| {
        let query = Query::default().filter_any(field, operator, values).limit(ONE_MORE);
        let query = match before {
            Some(before) => query.filter(DeliveryField::Deliveryid, Operator::Lt, before),
            None => query,
        };
        Ok::<_, StoreError>(store.deliveries(&query)?.rows)
    };
    let mut found = deliveries(DeliveryField::ForgeId, Operator::Eq, vec![text.into()])?;
    if let Some(number) = text.parse().ok().filter(|number| is_before(*number)) {
        found.extend(store.delivery(number)?);
    }
    let with_revision = Query::default().filter(ChangeField::Revision, Operator::Eq, text).limit(ONE_MORE);
    let with_revision = match before {
        Some(before) => with_revision.filter(ChangeField::Deliveryid, Operator::Lt, before),
        None => with_revision,
    };
    for change in store.changes(&with_revision)?.rows {
        found.extend(store.delivery(change.deliveryid)?);
    }
    found.extend(deliveries(DeliveryField::Reason, Operator::Contains, vec![text.into()])?);
    let by_number: BTreeMap<_, _> = found.into_iter().map(|delivery| (delivery.deliveryid, delivery)).collect();
    page(store, by_number.into_values().rev().collect())
}

/// The first of these deliveries, as many as a page has, with the changes that are shown beside them.
fn page(store: &dyn Store, mut rows: Vec<DeliveryRecord>) -> Result<Listed, StoreError> {
    let has_more = rows.len() as u64 >= ONE_MORE;
    rows.truncate(PAGE.unsigned_abs() as usize);
    let older = rows.last().map(|delivery| delivery.deliveryid).filter(|_| has_more);
    Ok(Listed { changes: first_changes(store, &rows)?, rows, older })
}

/// The first change of each of these deliveries, by its number.
fn first_changes(store: &dyn Store, deliveries: &[DeliveryRecord]) -> Result<BTreeMap<i64, Change>, StoreError> {
    let first: Vec<i64> = deliveries.iter().filter_map(|row| row.changeids.first().copied()).collect();
    if first.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = store.changes(&Query::default().filter_any(ChangeField::Changeid, Operator::Eq, first))?.rows;
    Ok(rows.into_iter().map(|record| (record.changeid, record.change)).collect())
}

/// The changes of these numbers, which are consecutive, as those of one delivery are; oldest first.
pub(super) fn changes(store: &dyn Store, ids: &[i64]) -> Result<Vec<ChangeRecord>, StoreError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let query = Query::default()
        .filter(ChangeField::Changeid, Operator::Ge, *first)
        .filter(ChangeField::Changeid, Operator::Le, *last)
        .ascending(ChangeField::Changeid);
    Ok(store.changes(&query)?.rows)
}
