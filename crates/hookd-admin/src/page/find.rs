//! Which deliveries a page shows.

use std::collections::BTreeMap;

use hookd_core::Change;
use hookd_store::{CHANGE_FIELDS, DELIVERY_FIELDS};
use hookd_store::{ChangeRecord, DeliveryRecord, Field, Filter, Operator, Order, Query, Store, StoreError, Value};

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
    // Numbers have no gaps, so that a range of them is a page, and nothing has to be counted.
    let last = store.deliveries(&Query { limit: Some(1), ..Query::default() })?;
    let Some(newest) = last.rows.first().map(|delivery| delivery.deliveryid) else { return Ok(Listed::default()) };
    let oldest = newest.saturating_sub_unsigned(last.total.saturating_sub(1));
    let end = before.map_or(newest, |before| before.saturating_sub(1).min(newest));
    let start = end.saturating_sub(PAGE - 1);
    let rows = store.deliveries(&Query { filters: between("deliveryid", start, end), ..Query::default() })?.rows;
    Ok(Listed { changes: first_changes(store, &rows)?, rows, older: (start > oldest).then_some(start) })
}

/// The newest deliveries that `text` finds, of those before `before`: its own number, the forge's id of it, the revision
/// of one of its changes, or a part of its reason. The reasons are read one by one; for the others there is an index.
pub(super) fn matching(store: &dyn Store, text: &str, before: Option<i64>) -> Result<Listed, StoreError> {
    let of = |fields: &'static [Field], name: &str, operator: Operator, values: Vec<Value>| {
        let mut filters = vec![filter(fields, name, operator, values)];
        if let Some(before) = before {
            filters.push(filter(fields, "deliveryid", Operator::Lt, vec![Value::Integer(before)]));
        }
        let order = vec![Order { field: named(fields, "deliveryid"), is_descending: true }];
        Query { filters, order, limit: Some(ONE_MORE), ..Query::default() }
    };
    let deliveries = |name: &str, operator: Operator, values: Vec<Value>| {
        Ok::<_, StoreError>(store.deliveries(&of(&DELIVERY_FIELDS, name, operator, values))?.rows)
    };
    let text_value = || vec![Value::Text(text.to_owned())];
    let mut found = deliveries("forge_id", Operator::Eq, text_value())?;
    if found.is_empty() {
        // The index of the store lacks deliveries that were refused or are not deduplicated.
        found = deliveries("forge_id", Operator::Contains, text_value())?;
        found.retain(|delivery| delivery.forge_id.as_deref() == Some(text));
    }
    if let Ok(number) = text.parse() {
        found.extend(deliveries("deliveryid", Operator::Eq, vec![Value::Integer(number)])?);
    }
    let changes = store.changes(&of(&CHANGE_FIELDS, "revision", Operator::Eq, text_value()))?.rows;
    let of_changes: Vec<_> = changes.iter().map(|change| Value::Integer(change.deliveryid)).collect();
    if !of_changes.is_empty() {
        found.extend(deliveries("deliveryid", Operator::Eq, of_changes)?);
    }
    found.extend(deliveries("reason", Operator::Contains, text_value())?);

    let by_number: BTreeMap<_, _> = found.into_iter().map(|delivery| (delivery.deliveryid, delivery)).collect();
    let mut rows: Vec<_> = by_number.into_values().rev().collect();
    let has_more = rows.len() as u64 >= ONE_MORE;
    rows.truncate(PAGE.unsigned_abs() as usize);
    let older = rows.last().map(|delivery| delivery.deliveryid).filter(|_| has_more);
    Ok(Listed { changes: first_changes(store, &rows)?, rows, older })
}

/// The delivery of this number.
pub(super) fn delivery(store: &dyn Store, id: i64) -> Result<Option<DeliveryRecord>, StoreError> {
    let query = Query { filters: between("deliveryid", id, id), limit: Some(1), ..Query::default() };
    Ok(store.deliveries(&query)?.rows.pop())
}

/// The change of this number.
pub(super) fn change(store: &dyn Store, id: i64) -> Result<Option<ChangeRecord>, StoreError> {
    Ok(changes(store, &[id])?.pop())
}

/// The first change of each of these deliveries, by its number.
fn first_changes(store: &dyn Store, deliveries: &[DeliveryRecord]) -> Result<BTreeMap<i64, Change>, StoreError> {
    let first: Vec<_> =
        deliveries.iter().filter_map(|row| row.changeids.first().copied().map(Value::Integer)).collect();
    if first.is_empty() {
        return Ok(BTreeMap::new());
    }
    let filters = vec![filter(&CHANGE_FIELDS, "changeid", Operator::Eq, first)];
    let rows = store.changes(&Query { filters, ..Query::default() })?.rows;
    Ok(rows.into_iter().map(|record| (record.changeid, record.change)).collect())
}

/// The changes of these numbers, which are consecutive, as those of one delivery are; oldest first.
pub(super) fn changes(store: &dyn Store, ids: &[i64]) -> Result<Vec<ChangeRecord>, StoreError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let mut rows = store.changes(&Query { filters: between("changeid", *first, *last), ..Query::default() })?.rows;
    rows.reverse();
    Ok(rows)
}

fn between(id: &str, first: i64, last: i64) -> Vec<Filter> {
    let fields: &'static [Field] = if id == "changeid" { &CHANGE_FIELDS } else { &DELIVERY_FIELDS };
    vec![
        filter(fields, id, Operator::Ge, vec![Value::Integer(first)]),
        filter(fields, id, Operator::Le, vec![Value::Integer(last)]),
    ]
}

fn filter(fields: &'static [Field], name: &str, operator: Operator, values: Vec<Value>) -> Filter {
    Filter { field: named(fields, name), operator, values }
}

fn named(fields: &'static [Field], name: &str) -> &'static Field {
    fields.iter().find(|field| field.name == name).expect("the store has the fields that the pages name")
}
