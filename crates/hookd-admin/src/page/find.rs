//! Which deliveries a page shows.

use std::collections::BTreeMap;

use hookd_core::{Arguments, Change, Refusal};
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Field, Operator, Query, Store, StoreError,
};

/// How many deliveries a page lists.
const PAGE_ROWS: usize = 50;

/// How many bytes the records of a list take; of those beyond, only the beginnings of long fields are read.
const MAX_LIST_BYTES: usize = 1 << 20;

/// What a page is to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// What to search for, not blank; `None` lists all deliveries.
    pub(super) text: Option<String>,
    /// Only deliveries with a smaller number.
    pub(super) before: Option<i64>,
}

impl Search {
    /// Parses the query string of a page.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let message = |refusal: Refusal| refusal.message().to_owned();
        let arguments = Arguments::from_query(query).map_err(message)?;
        let argument = |name: &str| arguments.first(name).map_err(message);
        let text = argument("q")?.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let before = match argument("before")? {
            Some(text) => Some(text.parse().map_err(|_| "`before` is not the number of a delivery".to_owned())?),
            None => None,
        };
        Ok(Self { text, before })
    }
}

/// Some deliveries, newest first.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) rows: Vec<DeliveryRecord>,
    /// The first change of each that has any, by its number.
    pub(super) changes: BTreeMap<i64, Change>,
    /// The `before` of the next page; `None` on the last one.
    pub(super) older: Option<i64>,
}

/// The newest deliveries that match.
pub(super) fn list(store: &dyn Store, search: &Search) -> Result<Listed, StoreError> {
    let rows = match &search.text {
        Some(text) => matching(store, text, search.before)?,
        None => store.deliveries(&older(Query::default(), DeliveryField::Deliveryid, search.before))?.rows,
    };
    listed(store, rows)
}

/// The newest deliveries with this number, this id of the forge, a change with this revision, or this text in their
/// reason. Reasons are read one by one; the others are found by number or key.
fn matching(store: &dyn Store, text: &str, before: Option<i64>) -> Result<Vec<DeliveryRecord>, StoreError> {
    let deliveries = |field: DeliveryField, operator: Operator| {
        let query = older(Query::default(), DeliveryField::Deliveryid, before);
        store.deliveries(&query.filter(field, operator, text)).map(|page| page.rows)
    };
    let mut found = deliveries(DeliveryField::ForgeId, Operator::Eq)?;
    if let Some(number) = text.parse().ok().filter(|number| before.is_none_or(|before| *number < before)) {
        found.extend(store.delivery(number)?);
    }
    let with_revision = older(Query::default(), ChangeField::Deliveryid, before);
    for change in store.changes(&with_revision.filter(ChangeField::Revision, Operator::Eq, text))?.rows {
        found.extend(store.delivery(change.deliveryid)?);
    }
    found.extend(deliveries(DeliveryField::Reason, Operator::Contains)?);
    let by_number: BTreeMap<_, _> = found.into_iter().map(|delivery| (delivery.deliveryid, delivery)).collect();
    Ok(by_number.into_values().rev().collect())
}

/// The query for the records before a delivery, with one more than a page lists: it shows that there is another page.
fn older<F: Field>(query: Query<F>, deliveryid: F, before: Option<i64>) -> Query<F> {
    let query = query.limit(PAGE_ROWS as u64 + 1).most_bytes(MAX_LIST_BYTES);
    match before {
        Some(before) => query.filter(deliveryid, Operator::Lt, before),
        None => query,
    }
}

/// A page of these deliveries, with the changes that are shown beside them.
fn listed(store: &dyn Store, mut rows: Vec<DeliveryRecord>) -> Result<Listed, StoreError> {
    let has_more = rows.len() > PAGE_ROWS;
    rows.truncate(PAGE_ROWS);
    let older = rows.last().map(|delivery| delivery.deliveryid).filter(|_| has_more);
    Ok(Listed { changes: first_changes(store, &rows)?, rows, older })
}

/// The first change of each of these deliveries, by its number.
fn first_changes(store: &dyn Store, deliveries: &[DeliveryRecord]) -> Result<BTreeMap<i64, Change>, StoreError> {
    let first: Vec<i64> = deliveries.iter().filter_map(|row| row.changeids.first().copied()).collect();
    if first.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = store
        .changes(&Query::default().filter_any(ChangeField::Changeid, Operator::Eq, first).most_bytes(MAX_LIST_BYTES))?
        .rows;
    Ok(rows.into_iter().map(|record| (record.changeid, record.change)).collect())
}

/// The changes of these numbers, which are consecutive, as those of one delivery are; oldest first.
pub(super) fn changes(store: &dyn Store, ids: &[i64]) -> Result<Vec<ChangeRecord>, StoreError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let query = Query::default()
        .most_bytes(MAX_LIST_BYTES)
        .filter(ChangeField::Changeid, Operator::Ge, *first)
        .filter(ChangeField::Changeid, Operator::Le, *last)
        .ascending(ChangeField::Changeid);
    Ok(store.changes(&query)?.rows)
}
