//! What to read: filters, order and page, in the terms of Buildbot's REST API.
//!
//! Each kind of record has an enum of its fields, so that a query for changes cannot be run on deliveries.
//! [`Selection`] runs a query on any stream of records; a store may do better, with the same result.

mod compare;
mod field;
mod selection;

pub use compare::{Cell, Record};
pub use field::{ChangeField, DeliveryField, Field, Kind};
pub use selection::Selection;

use std::collections::BTreeSet;

use crate::State;

/// How a filter compares. Of several values: `Eq`, `Contains` and `StartsWith` any, `Ne` none, the others all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Buildbot's operators, and one more")]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    StartsWith,
}

impl Operator {
    /// The operator of a name in the REST API.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "contains" => Self::Contains,
            "startswith" => Self::StartsWith,
            _ => return None,
        })
    }
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// A state.
    State(State),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<State> for Value {
    fn from(state: State) -> Self {
        Self::State(state)
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter<F> {
    /// The field.
    pub field: F,
    /// How it compares.
    pub operator: Operator,
    /// With what: one value, or several for `Eq`, `Ne`, `Contains` and `StartsWith`.
    pub values: Vec<Value>,
}

/// An order by one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<F> {
    /// The field.
    pub field: F,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

/// Which records to read. All filters must match; without an order the newest come first.
///
/// ```
/// use hookd_store::{DeliveryField, Operator, Query, State};
///
/// let newest_pending = Query::default().filter(DeliveryField::State, Operator::Eq, State::Pending).limit(50);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Query<F> {
    /// The conditions.
    pub filters: Vec<Filter<F>>,
    /// The order; records that are equal in it are newest first.
    pub order: Vec<Order<F>>,
    /// How many to skip.
    pub offset: u64,
    /// How many to return at most; `None` for all.
    pub limit: Option<u64>,
    /// How many bytes the records may take in memory in all. Of those beyond, only the beginnings of long fields are
    /// returned, some hundred bytes each; see [`Page::cut`]. `None` for no limit.
    pub most_bytes: Option<usize>,
}

impl<F> Default for Query<F> {
    fn default() -> Self {
        Self { filters: Vec::new(), order: Vec::new(), offset: 0, limit: None, most_bytes: None }
    }
}

impl<F: Field> Query<F> {
    /// The same with one more condition.
    #[must_use]
    pub fn filter(self, field: F, operator: Operator, value: impl Into<Value>) -> Self {
        self.filter_any(field, operator, [value])
    }

    /// The same with one more condition, of several values.
    #[must_use]
    pub fn filter_any<V: Into<Value>>(
        mut self,
        field: F,
        operator: Operator,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.filters.push(Filter { field, operator, values });
        self
    }

    /// The same, ordered by one more field, the least first.
    #[must_use]
    pub fn ascending(mut self, field: F) -> Self {
        self.order.push(Order { field, is_descending: false });
        self
    }

    /// The same, ordered by one more field, the greatest first.
    #[must_use]
    pub fn descending(mut self, field: F) -> Self {
        self.order.push(Order { field, is_descending: true });
        self
    }

    /// The same, skipping this many.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// The same with at most this many.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The same with at most this many bytes of records.
    #[must_use]
    pub fn most_bytes(mut self, bytes: usize) -> Self {
        self.most_bytes = Some(bytes);
        self
    }
}

/// Some of the records that match.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The records.
    pub rows: Vec<T>,
    /// How many match in all.
    pub total: u64,
    /// The numbers of the records whose long fields are cut.
    pub cut: BTreeSet<i64>,
}
