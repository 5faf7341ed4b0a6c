//! Queries as SQL: the conditions and the order of a [`Query`].
//!
//! Most conditions are SQL with the same meaning, so that the database counts and pages. Those that are not narrow down what is
//! looked at, if they can, and [`Selection`](hookd_store::Selection) decides.

use hookd_store::{ChangeField, DeliveryField, Field, Filter, Kind, Operator, Query, State, Value};
use tokio_postgres::types::{ToSql, Type};

use crate::deliveries::state_code;
use crate::text::{is_found_exactly, stored};

/// A parameter of a statement.
pub(crate) type Parameter = (Box<dyn ToSql + Sync + Send>, Type);

/// The conditions of a statement, with their parameters.
#[derive(Default)]
pub(crate) struct Conditions {
    parts: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    /// Whether some say less than what is asked for.
    pub(crate) are_wider: bool,
    /// Whether some choose by anything but a range of numbers.
    have_gaps: bool,
}

/// How the fields of a kind of record are stored.
pub(crate) trait Column: Field {
    /// An expression of the value of the field; `None` where there is none.
    fn expression(self) -> Option<&'static str>;

    /// The column with the number of the record.
    const NUMBER: &'static str;
}

impl Column for DeliveryField {
    const NUMBER: &'static str = "deliveryid";

    fn expression(self) -> Option<&'static str> {
        Some(match self {
            Self::ApiCalls | Self::Changeids | Self::Verified => return None,
            Self::Deliveryid => "deliveryid",
            Self::Dialect => "dialect",
            Self::Event => "event",
            Self::ForgeId => "forge_id",
            Self::Key => "key",
            Self::Peer => "peer",
            Self::Reason => "reason",
            Self::ReceivedAt => "(received_at::float8 / 1e6)",
            Self::ReplayOf => "replay_of",
            Self::Size => "size",
            Self::State => "state",
            Self::User => "username",
        })
    }
}

impl Column for ChangeField {
    const NUMBER: &'static str = "changeid";

    fn expression(self) -> Option<&'static str> {
        Some(match self {
            Self::Files | Self::HookdId | Self::ParentChangeids | Self::Properties | Self::Sourcestamp => return None,
            Self::Author => "author",
            Self::Branch => "branch",
            Self::Category => "category",
            Self::Changeid | Self::Sourcestampid => "changeid",
            Self::Codebase => "codebase",
            Self::Comments => "comments",
            Self::Committer => "committer",
            Self::Deliveryid => "deliveryid",
            Self::Project => "project",
            Self::Repository => "repository",
            Self::Revision => "revision",
            Self::Revlink => "revlink",
            Self::Src => "src",
            Self::WhenTimestamp => "when_timestamp",
            Self::ReceivedAt => "(received_at::float8 / 1e6)",
        })
    }
}

/// The fields whose beginnings are indexed.
const INDEXED_BEGINNINGS: [&str; 2] = ["forge_id", "revision"];

/// How much of them is.
const BEGINNING_CHARS: usize = 64;

impl Conditions {
    /// Those of a query.
    pub(crate) fn new<F: Column>(query: &Query<F>) -> Self {
        let mut conditions = Self::default();
        query.filters.iter().for_each(|filter| conditions.filter(filter));
        conditions
    }

    /// Adds a parameter; returns its name in the statement.
    pub(crate) fn bind(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> String {
        self.parameters.push((Box::new(value), kind));
        format!("${}", self.parameters.len())
    }

    /// Adds a condition.
    pub(crate) fn and(&mut self, condition: String) {
        self.parts.push(condition);
    }

    /// `WHERE …`, or nothing.
    pub(crate) fn clause(&self) -> String {
        if self.parts.is_empty() { String::new() } else { format!(" WHERE {}", self.parts.join(" AND ")) }
    }

    /// The parameters, as the client takes them.
    pub(crate) fn bound(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }

    /// An expression that counts what they let through, in this column of numbers. Numbers have no gaps, so that those of a
    /// range need not be counted one by one.
    pub(crate) fn count(&self, number: &str) -> String {
        if self.have_gaps { "count(*)".to_owned() } else { format!("coalesce(max({number}) - min({number}) + 1, 0)") }
    }

    fn filter<F: Column>(&mut self, filter: &Filter<F>) {
        let is_range = matches!(filter.operator, Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge);
        self.have_gaps |= !(is_range && filter.field.is_number());
        match self.exact(filter) {
            Some(condition) => self.and(condition),
            None => self.are_wider = true,
        }
    }

    /// The condition of a filter; `None` where SQL has none of the same meaning.
    fn exact<F: Column>(&mut self, Filter { field, operator, values }: &Filter<F>) -> Option<String> {
        let column = field.expression()?;
        let includes_missing = field.kind() == Kind::Text
            && values.iter().any(|value| matches!(value, Value::Text(text) if text.is_empty()));
        let before = self.parameters.len();
        let condition = self.compared(column, field.kind(), *operator, values, includes_missing);
        if condition.is_none() {
            self.parameters.truncate(before);
        }
        condition
    }

    fn compared(
        &mut self,
        column: &str,
        kind: Kind,
        operator: Operator,
        values: &[Value],
        includes_missing: bool,
    ) -> Option<String> {
        // Nothing is any of no values, and everything all of them.
        if values.is_empty() {
            return None;
        }
        let each = |conditions: &mut Self, sign: &str, between: &str| {
            let parts = values.iter().map(|value| {
                let (parameter, cast) = conditions.bind_value(kind, value)?;
                Some(format!("{column} {sign} {parameter}{cast}"))
            });
            Some(format!("({})", parts.collect::<Option<Vec<_>>>()?.join(between)))
        };
        let missing = if includes_missing { format!(" OR {column} IS NULL") } else { String::new() };
        Some(match operator {
            Operator::Eq | Operator::Ne => {
                let mut equal = each(self, "=", " OR ")?;
                if INDEXED_BEGINNINGS.contains(&column) && operator == Operator::Eq && !includes_missing {
                    let beginnings = values.iter().map(|value| {
                        let Value::Text(text) = value else { return None };
                        let beginning: String = stored(text).chars().take(BEGINNING_CHARS).collect();
                        let parameter = self.bind(beginning, Type::TEXT);
                        Some(format!("left({column}, {BEGINNING_CHARS}) = {parameter}"))
                    });
                    equal = format!("({}) AND {equal}", beginnings.collect::<Option<Vec<_>>>()?.join(" OR "));
                }
                // Null is not true, so that an index can be used as it is.
                if operator == Operator::Eq {
                    format!("({equal}{missing})")
                } else {
                    format!("NOT (coalesce({equal}, false){missing})")
                }
            }
            Operator::Contains if kind == Kind::Text => {
                let mut parts = Vec::new();
                for value in values {
                    let Value::Text(text) = value else { return None };
                    self.are_wider |= !is_found_exactly(text);
                    let parameter = self.bind(stored(text).into_owned(), Type::TEXT);
                    parts.push(format!("strpos({column}, {parameter}) > 0"));
                }
                format!("({})", parts.join(" OR "))
            }
            Operator::StartsWith if kind == Kind::Text => {
                let mut parts = Vec::new();
                for value in values {
                    let Value::Text(beginning) = value else { return None };
                    let beginning = stored(beginning).into_owned();
                    parts.push(self.begins(column, &beginning));
                }
                format!("({})", parts.join(" OR "))
            }
            Operator::Contains | Operator::StartsWith => return None,
            Operator::Lt => each(self, "<", " AND ")?,
            Operator::Le => each(self, "<=", " AND ")?,
            Operator::Gt => each(self, ">", " AND ")?,
            Operator::Ge => each(self, ">=", " AND ")?,
        })
    }

    /// That the text of a column begins so. Where beginnings are indexed, it is a range of them.
    fn begins(&mut self, column: &str, beginning: &str) -> String {
        let parameter = self.bind(beginning.to_owned(), Type::TEXT);
        let begins = format!("starts_with({column}, {parameter})");
        if !INDEXED_BEGINNINGS.contains(&column) {
            return begins;
        }
        let first: String = beginning.chars().take(BEGINNING_CHARS).collect();
        let next = after_all(&first);
        let first = self.bind(first, Type::TEXT);
        let until =
            next.map(|next| format!(" AND left({column}, {BEGINNING_CHARS}) < {}", self.bind(next, Type::TEXT)));
        format!("(left({column}, {BEGINNING_CHARS}) >= {first}{} AND {begins})", until.unwrap_or_default())
    }

    /// Binds a value to compare a field of this kind with; `None` where they are of different kinds.
    fn bind_value(&mut self, kind: Kind, value: &Value) -> Option<(String, &'static str)> {
        Some(match (kind, value) {
            (Kind::Integer, Value::Integer(number)) => (self.bind(*number, Type::INT8), "::int8"),
            (Kind::Real, Value::Real(number)) if !number.is_nan() => (self.bind(*number, Type::FLOAT8), "::float8"),
            (Kind::Text, Value::Text(text)) => (self.bind(stored(text).into_owned(), Type::TEXT), "::text"),
            (Kind::State, Value::State(state)) => (self.bind(code(*state), Type::INT2), "::int2"),
            _ => return None,
        })
    }
}

/// The least text that is greater than all that begin so, by their bytes; `None` where there is none.
fn after_all(beginning: &str) -> Option<String> {
    let mut chars: Vec<char> = beginning.chars().collect();
    while let Some(last) = chars.pop() {
        // The character after it; surrogates are none.
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn code(state: State) -> i16 {
    state_code(state)
}

/// `ORDER BY …` of a query: of records that are equal in it the newest comes first.
pub(crate) fn order<F: Column>(query: &Query<F>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for by in &query.order {
        // Fields without a value are all equal.
        let Some(expression) = by.field.expression() else { continue };
        parts.push(format!("{expression} {}", if by.is_descending { "DESC NULLS LAST" } else { "ASC NULLS FIRST" }));
    }
    // An order by the number alone can use its index only as it is.
    if let [only] = parts.as_mut_slice()
        && only.starts_with(F::NUMBER)
    {
        *only = only.replace(" NULLS LAST", "").replace(" NULLS FIRST", "");
        return format!(" ORDER BY {only}");
    }
    parts.push(format!("{} DESC", F::NUMBER));
    format!(" ORDER BY {}", parts.join(", "))
}
