//! Pages: the records that match a query, found by the cheapest index that answers one of its filters.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use hookd_store::{
    ChangeField, DeliveryField, DeliveryRecord, Filter, LoggedChange, Operator, Page, Query, Record, Selection, Value,
    check_read_limits,
};
use rusqlite::Connection;

use super::Reader;
use super::ranges::{dense, is_descending, narrowed, numbers, ranges};
use crate::blocks::{self, Part};
use crate::error::Failure;
use crate::format::{ChangeText, DeliveryText};
use crate::index::{KeyKind, beginning_key, key_of_id, keys_of_beginning, runs};
use crate::search;
use crate::texts::{Bitmap, Condition, Test};

/// How many records a search reads in its first snapshot.
const FIRST_SNAPSHOT_RECORDS: i64 = 256;

/// About how long a snapshot of a search lasts.
const SNAPSHOT_TIME: Duration = Duration::from_millis(100);

/// Records that lie in blocks by their number.
pub(super) trait BlockRecord: Record {
    const PART: Part;
    /// The field that the index leads from.
    const INDEXED: (Self::Field, KeyKind);

    /// The condition of the text index for a filter that asks for such a text, if it has one for it.
    fn condition(field: Self::Field, test: Test, found: Bitmap) -> Option<Condition>;

    /// The condition for a test of what the index leads from, of those records that have no key which is their beginning.
    fn keyless(test: Test, found: Bitmap) -> Condition;

    /// Reads those with these numbers, in their order.
    fn each(
        connection: &Connection,
        instance: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure>
    where
        Self: Sized;
}

impl BlockRecord for LoggedChange {
    const PART: Part = Part::Changes;
    const INDEXED: (ChangeField, KeyKind) = (ChangeField::Revision, KeyKind::Revision);

    fn condition(field: ChangeField, test: Test, found: Bitmap) -> Option<Condition> {
        let texts: &[ChangeText] = match field {
            ChangeField::Repository => &[ChangeText::Repository],
            ChangeField::Branch => &[ChangeText::Branch],
            ChangeField::Author => &[ChangeText::Author],
            ChangeField::Project => &[ChangeText::Project],
            ChangeField::Category => &[ChangeText::Category],
            ChangeField::Codebase => &[ChangeText::Codebase],
            _ => return None,
        };
        Some(Condition::of_changes(test, texts, found))
    }

    fn keyless(test: Test, found: Bitmap) -> Condition {
        Condition::of_changes(test, &[ChangeText::Revision], found)
    }

    fn each(
        connection: &Connection,
        instance: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        blocks::each_change(connection, instance, ids, read)
    }
}

impl BlockRecord for DeliveryRecord {
    const PART: Part = Part::Deliveries;
    const INDEXED: (DeliveryField, KeyKind) = (DeliveryField::ForgeId, KeyKind::ForgeId);

    fn condition(field: DeliveryField, test: Test, found: Bitmap) -> Option<Condition> {
        let texts: &[DeliveryText] = match field {
            DeliveryField::Dialect => &[DeliveryText::Dialect],
            DeliveryField::Event => &[DeliveryText::Event],
            DeliveryField::Reason => &[DeliveryText::Reason],
            _ => return None,
        };
        Some(Condition::of_deliveries(test, texts, &[], found))
    }

    fn keyless(test: Test, found: Bitmap) -> Condition {
        Condition::of_deliveries(test, &[DeliveryText::ForgeId], &[], found)
    }

    fn each(
        connection: &Connection,
        _: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        blocks::each_delivery(connection, ids, read)
    }
}

impl Reader {
    /// The records that match a query.
    pub(super) fn page<R: BlockRecord>(
        &self,
        connection: &Connection,
        query: &Query<R::Field>,
    ) -> Result<Page<R>, Failure> {
        // Before what is read: what becomes a run in between is found twice, and not never.
        let indexed = self.indexed::<R>(&query.filters);
        let Some((first, last)) = blocks::ends(connection)? else {
            return Ok(Page { rows: Vec::new(), total: 0, cut: BTreeSet::new() });
        };
        let ids = narrowed(first.first(R::PART)..=last.next(R::PART) - 1, &query.filters);
        let mut selection = Selection::new(query);
        if let Some((keys, mut found)) = indexed {
            {
                let _brief = self.brief();
                let _snapshot = connection.unchecked_transaction()?;
                for key in keys {
                    for run in runs::of_kind(connection, R::INDEXED.1)? {
                        found.extend(run.find(connection, key)?);
                    }
                }
            }
            for id in found.into_iter().filter(|id| ids.contains(id)) {
                self.scan(connection, id..=id, |record| selection.offer(record))?;
            }
        } else if let Some((wanted, total)) = dense(query, &ids) {
            let mut selection = Selection::of_page(query);
            self.scan(connection, wanted, |record| selection.add(record))?;
            let mut page = selection.into_whole_page(total);
            if is_descending(query) {
                page.rows.reverse();
            }
            return Ok(page);
        } else if let Some(numbers) = numbers(&query.filters) {
            for range in ranges(numbers.into_iter().filter(|id| ids.contains(id))) {
                self.scan(connection, range, |record| selection.offer(record))?;
            }
        } else if let Some(candidates) = self.candidates::<R>(connection, &query.filters, &ids)? {
            for range in ranges(candidates.ascending()) {
                self.scan(connection, range, |record| selection.offer(record))?;
            }
        } else {
            self.scan(connection, ids, |record| selection.offer(record))?;
        }
        Ok(selection.into_page())
    }

    /// Those that the text index has for the filters that it has texts for; `None` where there is no such filter.
    fn candidates<R: BlockRecord>(
        &self,
        connection: &Connection,
        filters: &[Filter<R::Field>],
        ids: &RangeInclusive<i64>,
    ) -> Result<Option<Bitmap>, Failure> {
        let texts = |filter: &Filter<R::Field>| -> Option<Vec<String>> {
            let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
            filter.values.iter().map(text).collect()
        };
        let condition = |filter: &Filter<R::Field>| {
            let test = match filter.operator {
                // The index has no records without a text.
                Operator::Eq if filter.includes_missing() => return None,
                Operator::Eq => Test::IsExactly(texts(filter)?),
                Operator::Contains => Test::HasExactly(texts(filter)?),
                Operator::StartsWith => Test::BeginsExactly(texts(filter)?),
                _ => return None,
            };
            R::condition(filter.field, test, Bitmap::new(ids.clone()))
        };
        let mut conditions: Vec<_> = filters.iter().filter_map(condition).collect();
        for filter in filters.iter().filter(|filter| filter.field == R::INDEXED.0) {
            conditions.extend(self.beginning::<R>(connection, filter, ids)?);
        }
        if conditions.is_empty() {
            return Ok(None);
        }
        self.collect(connection, &mut conditions)?;
        Ok(search::all(conditions))
    }

    /// The condition for a filter that asks for beginnings of what the keys lead from; `None` where they have not all of them.
    fn beginning<R: BlockRecord>(
        &self,
        connection: &Connection,
        filter: &Filter<R::Field>,
        ids: &RangeInclusive<i64>,
    ) -> Result<Option<Condition>, Failure> {
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let beginnings: Option<Vec<String>> = filter.values.iter().map(text).collect();
        // Without a letter or digit of an id it says nothing about its key.
        let is_long = |beginning: &String| beginning.chars().any(|c| c != '-');
        let Some(beginnings) =
            beginnings.filter(|all| filter.operator == Operator::StartsWith && all.iter().all(is_long))
        else {
            return Ok(None);
        };
        let mut found = Bitmap::new(ids.clone());
        for keys in beginnings.iter().filter_map(|beginning| keys_of_beginning(beginning)) {
            found.set_all(self.numbers_of(connection, R::INDEXED.1, &keys)?);
        }
        Ok(Some(R::keyless(Test::BeginsExactly(beginnings), found)))
    }

    /// Reads the records with these numbers, in their order, in snapshots that are short: as long as there is one, the WAL
    /// cannot begin from the start again.
    fn scan<R: BlockRecord>(
        &self,
        connection: &Connection,
        ids: RangeInclusive<i64>,
        mut read: impl FnMut(R),
    ) -> Result<(), Failure> {
        let (mut next, last) = ids.into_inner();
        let mut length = FIRST_SNAPSHOT_RECORDS;
        while next <= last {
            let end = last.min(next.saturating_add(length - 1));
            let _brief = self.brief();
            let began = Instant::now();
            let snapshot = connection.unchecked_transaction()?;
            R::each(connection, &self.instance, &(next..=end), |record| {
                read(record);
                check_read_limits().map_err(Failure::GivenUp)
            })?;
            drop(snapshot);
            let took = began.elapsed();
            if took < SNAPSHOT_TIME / 4 {
                length = length.saturating_mul(2);
            } else if took > SNAPSHOT_TIME {
                length = (length / 2).max(1);
            }
            next = end.saturating_add(1);
        }
        Ok(())
    }

    /// The keys that filters ask for, and what the recent ones lead to; `None` where the index answers no filter.
    fn indexed<R: BlockRecord>(&self, filters: &[Filter<R::Field>]) -> Option<(Vec<u64>, BTreeSet<i64>)> {
        let (field, kind) = R::INDEXED;
        let text = |value: &'_ Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let keys = |filter: &Filter<R::Field>| -> Option<Vec<u64>> {
            let texts = filter.values.iter().filter_map(text);
            match filter.operator {
                Operator::Eq if filter.includes_missing() => None,
                Operator::Eq => Some(texts.map(|text| key_of_id(&text)).collect()),
                // A beginning that is as long as a key is the same key for all that begin so.
                Operator::StartsWith => texts.map(|text| beginning_key(&text).map(|_| key_of_id(&text))).collect(),
                _ => None,
            }
        };
        let keys = filters.iter().filter(|filter| filter.field == field).find_map(keys)?;
        let found = keys.iter().flat_map(|key| self.indexes.recent_keys.find(kind, *key)).collect();
        Some((keys, found))
    }
}
