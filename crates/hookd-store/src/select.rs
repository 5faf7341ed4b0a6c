//! Choosing among records: which of them a [`Query`] asks for, and in which order.

use std::cmp::Ordering;

use crate::{ChangeRecord, DeliveryRecord, Field, Filter, Operator, Query, Value};

/// The value of one field of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'r> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'r str),
    List(&'r [String]),
}

/// What can be chosen among.
pub(crate) trait Record {
    /// Its number.
    fn id(&self) -> i64;

    /// The value of a field; null for one that is opaque.
    fn cell(&self, field: &Field) -> Cell<'_>;
}

impl Record for ChangeRecord {
    fn id(&self) -> i64 {
        self.changeid
    }

    fn cell(&self, field: &Field) -> Cell<'_> {
        let Self { changeid, deliveryid, received_at, change, .. } = self;
        match field.name {
            "author" => Cell::Text(&change.author),
            "branch" => text(change.branch.as_deref()),
            "category" => text(change.category.as_deref()),
            "changeid" | "sourcestampid" => Cell::Integer(*changeid),
            "codebase" => Cell::Text(&change.codebase),
            "comments" => Cell::Text(&change.comments),
            "committer" => text(change.committer.as_deref()),
            "deliveryid" => Cell::Integer(*deliveryid),
            "files" => Cell::List(&change.files),
            "project" => Cell::Text(&change.project),
            "received_at" => Cell::Real(seconds(*received_at)),
            "repository" => Cell::Text(&change.repository),
            "revision" => text(change.revision.as_deref()),
            "revlink" => text(change.revlink.as_deref()),
            "src" => text(change.src.as_deref()),
            "when_timestamp" => change.when_timestamp.map_or(Cell::Null, Cell::Integer),
            _ => Cell::Null,
        }
    }
}

impl Record for DeliveryRecord {
    fn id(&self) -> i64 {
        self.deliveryid
    }

    fn cell(&self, field: &Field) -> Cell<'_> {
        match field.name {
            "deliveryid" => Cell::Integer(self.deliveryid),
            "dialect" => Cell::Text(&self.dialect),
            "event" => text(self.event.as_deref()),
            "forge_id" => text(self.forge_id.as_deref()),
            "reason" => text(self.reason.as_deref()),
            "received_at" => Cell::Real(self.received_at),
            "size" => Cell::Integer(self.size),
            "state" => Cell::Integer(self.state.code()),
            _ => Cell::Null,
        }
    }
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::Text)
}

/// Microseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of this age fit in a double")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

impl Filter {
    /// Whether it holds for a record. What is null is not any value, nor less or greater than one.
    pub(crate) fn holds(&self, record: &impl Record) -> bool {
        let cell = record.cell(self.field);
        let any = |holds: fn(Cell<'_>, &Value) -> bool| self.values.iter().any(|value| holds(cell, value));
        let is = |wanted: fn(Ordering) -> bool| {
            !matches!(cell, Cell::Null)
                && self.values.iter().all(|value| compare(cell, cell_of(value)).is_some_and(wanted))
        };
        match self.operator {
            Operator::Eq => any(is_equal),
            Operator::Ne => !any(is_equal),
            Operator::Contains => any(contains),
            Operator::Lt => is(Ordering::is_lt),
            Operator::Le => is(Ordering::is_le),
            Operator::Gt => is(Ordering::is_gt),
            Operator::Ge => is(Ordering::is_ge),
        }
    }
}

fn is_equal(cell: Cell<'_>, value: &Value) -> bool {
    !matches!(cell, Cell::Null) && compare(cell, cell_of(value)) == Some(Ordering::Equal)
}

fn contains(cell: Cell<'_>, value: &Value) -> bool {
    match (cell, value) {
        (Cell::List(items), Value::Text(wanted)) => items.contains(wanted),
        (Cell::Text(text), Value::Text(wanted)) => text.contains(wanted.as_str()),
        _ => false,
    }
}

fn cell_of(value: &Value) -> Cell<'_> {
    match value {
        Value::Integer(number) => Cell::Integer(*number),
        Value::Real(number) => Cell::Real(*number),
        Value::Text(text) => Cell::Text(text),
    }
}

/// The order of two values of a field: null first; none for lists, and for values of different kinds.
fn compare(one: Cell<'_>, other: Cell<'_>) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "compared with a number that is a double")]
    match (one, other) {
        (Cell::Null, Cell::Null) => Some(Ordering::Equal),
        (Cell::Null, _) => Some(Ordering::Less),
        (_, Cell::Null) => Some(Ordering::Greater),
        (Cell::Integer(one), Cell::Integer(other)) => Some(one.cmp(&other)),
        (Cell::Integer(one), Cell::Real(other)) => (one as f64).partial_cmp(&other),
        (Cell::Real(one), Cell::Integer(other)) => one.partial_cmp(&(other as f64)),
        (Cell::Real(one), Cell::Real(other)) => one.partial_cmp(&other),
        (Cell::Text(one), Cell::Text(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// The order that a query asks for; of those that are equal in it the newest first.
pub(crate) fn order<R: Record>(query: &Query, one: &R, other: &R) -> Ordering {
    let asked = query.order.iter().map(|by| {
        let order = compare(one.cell(by.field), other.cell(by.field)).unwrap_or(Ordering::Equal);
        if by.is_descending { order.reverse() } else { order }
    });
    asked.fold(Ordering::Equal, Ordering::then).then_with(|| other.id().cmp(&one.id()))
}

/// Those of a stream of records that a query asks for, and how many match in all.
pub(crate) struct Selection<'q, R> {
    query: &'q Query,
    kept: Vec<R>,
    pub(crate) total: u64,
    /// How many of the first in order are wanted at most.
    wanted: usize,
}

impl<'q, R: Record> Selection<'q, R> {
    pub(crate) fn new(query: &'q Query) -> Self {
        let wanted = query.limit.map_or(u64::MAX, |limit| query.offset.saturating_add(limit));
        Self { query, kept: Vec::new(), total: 0, wanted: usize::try_from(wanted).unwrap_or(usize::MAX) }
    }

    /// Looks at one more record.
    pub(crate) fn offer(&mut self, record: R) {
        if !self.query.filters.iter().all(|filter| filter.holds(&record)) {
            return;
        }
        self.total += 1;
        self.kept.push(record);
        // Twice as many as are wanted, so that sorting costs little for each.
        if self.kept.len() / 2 > self.wanted.max(500) {
            self.sort();
            self.kept.truncate(self.wanted);
        }
    }

    /// Those that are asked for, in their order.
    pub(crate) fn rows(mut self) -> Vec<R> {
        self.sort();
        self.kept.truncate(self.wanted);
        self.kept.into_iter().skip(usize::try_from(self.query.offset).unwrap_or(usize::MAX)).collect()
    }

    fn sort(&mut self) {
        self.kept.sort_by(|one, other| order(self.query, one, other));
    }
}
