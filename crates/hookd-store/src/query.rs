//! What to read: filters, order and page, in the terms of Buildbot's REST API.

/// A field that can be filtered and ordered by.
#[derive(Debug)]
pub struct Field {
    /// Its name in the REST API.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
}

/// The kind of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// Texts.
    Text,
    /// Lists of texts: only `contains` means something.
    List,
    /// The name of a [`crate::State`].
    State,
    /// Shown, but neither filtered nor ordered by.
    Opaque,
}

/// How a filter compares. Of several values: `Eq` and `Contains` any, `Ne` none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Buildbot's operators")]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
}

impl Operator {
    /// The operator of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "contains" => Self::Contains,
            _ => return None,
        })
    }
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The field.
    pub field: &'static Field,
    /// How it compares.
    pub operator: Operator,
    /// With what: one value, or several for `Eq`, `Ne` and `Contains`.
    pub values: Vec<Value>,
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
}

/// An order by one field.
#[derive(Clone, Debug)]
pub struct Order {
    /// The field.
    pub field: &'static Field,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

/// Which rows to read. All filters must hold; without an order the newest come first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The conditions.
    pub filters: Vec<Filter>,
    /// The order; rows that are equal in it are newest first.
    pub order: Vec<Order>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to give at most; `None` gives all.
    pub limit: Option<u64>,
}

/// Some of the rows that match.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many match in all.
    pub total: u64,
}
