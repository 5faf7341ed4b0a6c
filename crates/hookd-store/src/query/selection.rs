//! Selecting from a stream of records, in bounded memory if the query has a limit.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::compare::compare;
use super::{Page, Query, Record};

/// The least number of records to collect before the surplus is dropped.
const MIN_HELD_RECORDS: usize = 500;

/// The records of a stream that a query selects, and how many match in all.
pub struct Selection<'q, R: Record> {
    query: &'q Query<R::Field>,
    held: Vec<R>,
    /// What they take in memory.
    bytes: usize,
    /// The numbers of those that were cut.
    cut: BTreeSet<i64>,
    total: u64,
    /// How many of the first in order are wanted at most.
    wanted: usize,
}

impl<'q, R: Record> Selection<'q, R> {
    /// An empty selection.
    pub fn new(query: &'q Query<R::Field>) -> Self {
        let wanted = query.limit.map_or(u64::MAX, |limit| query.offset.saturating_add(limit));
        Self {
            query,
            held: Vec::new(),
            bytes: 0,
            cut: BTreeSet::new(),
            total: 0,
            wanted: usize::try_from(wanted).unwrap_or(usize::MAX),
        }
    }

    /// Adds a record if it matches. Records may come in any order.
    pub fn offer(&mut self, record: R) {
        if self.query.filters.iter().all(|filter| filter.matches(&record)) {
            self.total += 1;
            self.add(record);
        }
    }

    /// Adds a record that is known to match; it does not count in the total.
    pub fn add(&mut self, mut record: R) {
        let mut size = record.size();
        let most = self.query.most_bytes.unwrap_or(usize::MAX);
        if self.bytes.saturating_add(size) > most {
            self.drop_surplus();
        }
        if self.bytes.saturating_add(size) > most {
            record.cut();
            let cut_size = record.size();
            if cut_size < size {
                self.cut.insert(record.number());
            }
            size = cut_size;
        }
        self.bytes += size;
        self.held.push(record);
        // Twice as many as are wanted, so that sorting costs little for each.
        if self.held.len() / 2 > self.wanted.max(MIN_HELD_RECORDS) {
            self.drop_surplus();
        }
    }

    /// Drops those that are not among the first in order.
    fn drop_surplus(&mut self) {
        if self.held.len() > self.wanted {
            self.sort();
            self.held.truncate(self.wanted);
            self.bytes = self.held.iter().map(Record::size).sum();
        }
    }

    /// The page that the query asks for.
    pub fn into_page(mut self) -> Page<R> {
        self.sort();
        self.held.truncate(self.wanted);
        let offset = usize::try_from(self.query.offset).unwrap_or(usize::MAX);
        let rows: Vec<R> = self.held.into_iter().skip(offset).collect();
        let numbers: BTreeSet<i64> = rows.iter().map(Record::number).collect();
        Page { rows, total: self.total, cut: self.cut.intersection(&numbers).copied().collect() }
    }

    /// An empty selection for a caller that has found and counted what is wanted, and [adds](Self::add) it in the order of
    /// the page.
    pub fn of_page(query: &'q Query<R::Field>) -> Self {
        Self { wanted: usize::MAX, ..Self::new(query) }
    }

    /// All that was added, in that order.
    pub fn into_whole_page(self, total: u64) -> Page<R> {
        Page { rows: self.held, total, cut: self.cut }
    }

    fn sort(&mut self) {
        self.held.sort_by(|one, other| self.query.compare(one, other));
    }
}

impl<F: super::Field> Query<F> {
    /// The order that it asks for; of records that are equal in it the newest comes first.
    pub fn compare<R: Record<Field = F>>(&self, one: &R, other: &R) -> Ordering {
        let asked = self.order.iter().map(|by| {
            let order = compare(one.cell(by.field), other.cell(by.field)).unwrap_or(Ordering::Equal);
            if by.is_descending { order.reverse() } else { order }
        });
        asked.fold(Ordering::Equal, Ordering::then).then_with(|| other.number().cmp(&one.number()))
    }
}
