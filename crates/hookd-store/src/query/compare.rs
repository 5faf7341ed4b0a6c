//! How a field of a record compares with a value, and with the same field of another record.

use std::cmp::Ordering;

use hookd_core::{Change, FieldValue, Proof};

use serde_json::Value as Json;

use super::{ChangeField, DeliveryField, Field, Filter, Kind, Operator, Value};
use crate::{ChangeRecord, DeliveryRecord, LoggedChange, State, Timestamp};

/// A record that a query can select.
pub trait Record {
    /// The fields that it has.
    type Field: Field;

    /// Its number.
    fn number(&self) -> i64;

    /// The value of a field; null for one that is opaque.
    fn cell(&self, field: Self::Field) -> Cell<'_>;

    /// About how many bytes of memory it takes.
    fn size(&self) -> usize;

    /// Cuts long fields to their beginnings, so that it takes some hundred bytes.
    fn cut(&mut self);
}

/// The value of one field of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'r> {
    /// It has none.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(&'r str),
    /// A list of texts.
    List(&'r [String]),
    /// A state.
    State(State),
}

impl Record for LoggedChange {
    type Field = ChangeField;

    fn number(&self) -> i64 {
        self.changeid
    }

    fn cell(&self, field: ChangeField) -> Cell<'_> {
        change_cell(self.changeid, self.deliveryid, self.received_at, &self.change, field)
    }
    fn size(&self) -> usize {
        change_size(&self.change)
    }

    fn cut(&mut self) {
        cut_change(&mut self.change);
    }
}

/// What a record takes besides its texts, in bytes.
const RECORD_BYTES: usize = 512;

/// How much of a long text is left when it is cut, in bytes.
const CUT_TEXT_BYTES: usize = 200;

/// How many entries of a list are left when it is cut.
const CUT_ENTRIES: usize = 5;

fn change_size(change: &Change) -> usize {
    let size = |value: FieldValue<'_>| match value {
        FieldValue::Text(text) => text.len(),
        FieldValue::OptionalText(text) => text.map_or(0, str::len),
        FieldValue::Texts(texts) => texts.iter().map(|text| text.len() + size_of::<String>()).sum(),
        FieldValue::Properties(properties) => {
            properties.iter().map(|(name, value)| name.len() + 64 + json_size(value)).sum()
        }
        FieldValue::Seconds(_) => 0,
    };
    RECORD_BYTES + change.fields().into_iter().map(|(_, value)| size(value)).sum::<usize>()
}

fn json_size(value: &Json) -> usize {
    let own = size_of::<Json>();
    own + match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(json_size).sum(),
        Json::Object(entries) => entries.iter().map(|(name, value)| name.len() + 64 + json_size(value)).sum(),
    }
}

fn cut_change(change: &mut Change) {
    let Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties,
        repository,
        revision,
        revlink,
        src,
        when_timestamp: _,
    } = change;
    [branch, category, committer, revision, revlink, src].into_iter().flatten().for_each(cut_text);
    [author, codebase, comments, project, repository].into_iter().for_each(cut_text);
    files.truncate(CUT_ENTRIES);
    files.iter_mut().for_each(cut_text);
    files.shrink_to_fit();
    *properties = Default::default();
}

fn cut_text(text: &mut String) {
    if text.len() > CUT_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(CUT_TEXT_BYTES));
        text.push('…');
        text.shrink_to_fit();
    }
}

impl Record for ChangeRecord {
    type Field = ChangeField;

    fn number(&self) -> i64 {
        self.changeid
    }

    fn cell(&self, field: ChangeField) -> Cell<'_> {
        change_cell(self.changeid, self.deliveryid, self.received_at, &self.change, field)
    }
    fn size(&self) -> usize {
        change_size(&self.change)
    }

    fn cut(&mut self) {
        cut_change(&mut self.change);
    }
}

fn change_cell(
    changeid: i64,
    deliveryid: i64,
    received_at: Timestamp,
    change: &Change,
    field: ChangeField,
) -> Cell<'_> {
    match field {
        ChangeField::Author => Cell::Text(&change.author),
        ChangeField::Branch => text(change.branch.as_deref()),
        ChangeField::Category => text(change.category.as_deref()),
        ChangeField::Changeid | ChangeField::Sourcestampid => Cell::Integer(changeid),
        ChangeField::Codebase => Cell::Text(&change.codebase),
        ChangeField::Comments => Cell::Text(&change.comments),
        ChangeField::Committer => text(change.committer.as_deref()),
        ChangeField::Deliveryid => Cell::Integer(deliveryid),
        ChangeField::Files => Cell::List(&change.files),
        ChangeField::Project => Cell::Text(&change.project),
        ChangeField::ReceivedAt => Cell::Real(received_at.as_seconds_f64()),
        ChangeField::Repository => Cell::Text(&change.repository),
        ChangeField::Revision => text(change.revision.as_deref()),
        ChangeField::Revlink => text(change.revlink.as_deref()),
        ChangeField::Src => text(change.src.as_deref()),
        ChangeField::WhenTimestamp => change.when_timestamp.map_or(Cell::Null, Cell::Integer),
        ChangeField::HookdId | ChangeField::ParentChangeids | ChangeField::Properties | ChangeField::Sourcestamp => {
            Cell::Null
        }
    }
}

impl Record for DeliveryRecord {
    type Field = DeliveryField;

    fn number(&self) -> i64 {
        self.deliveryid
    }

    fn cell(&self, field: DeliveryField) -> Cell<'_> {
        match field {
            DeliveryField::ApiCalls | DeliveryField::Changeids | DeliveryField::Verified => Cell::Null,
            DeliveryField::Deliveryid => Cell::Integer(self.deliveryid),
            DeliveryField::Dialect => Cell::Text(&self.dialect),
            DeliveryField::Event => text(self.event.as_deref()),
            DeliveryField::ForgeId => text(self.forge_id.as_deref()),
            DeliveryField::Key => match self.origin.proof {
                Proof::Verified { key } => key.map_or(Cell::Null, |key| Cell::Integer(key.into())),
                Proof::NotRequired => Cell::Null,
            },
            DeliveryField::Peer => text(self.origin.peer.as_deref()),
            DeliveryField::Reason => text(self.reason.as_deref()),
            DeliveryField::ReceivedAt => Cell::Real(self.received_at.as_seconds_f64()),
            DeliveryField::ReplayOf => self.replay_of.map_or(Cell::Null, Cell::Integer),
            DeliveryField::Size => Cell::Integer(i64::try_from(self.size).unwrap_or(i64::MAX)),
            DeliveryField::State => Cell::State(self.state),
            DeliveryField::User => text(self.origin.user.as_deref()),
        }
    }
    fn size(&self) -> usize {
        let error = self.api_calls.as_ref().and_then(|calls| calls.last_error.as_ref());
        let texts = [self.event.as_ref(), self.forge_id.as_ref(), self.reason.as_ref(), error];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        RECORD_BYTES + texts + self.changeids.len() * size_of::<i64>()
    }

    /// Its changes are found by their numbers, which stay.
    fn cut(&mut self) {
        let error = self.api_calls.as_mut().and_then(|calls| calls.last_error.as_mut());
        let texts = [self.event.as_mut(), self.forge_id.as_mut(), self.reason.as_mut(), error];
        texts.into_iter().flatten().for_each(cut_text);
    }
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::Text)
}

impl<F: Field> Filter<F> {
    /// Whether it asks for records without this text: an empty text stands for a missing one as well, which a query could
    /// not name otherwise.
    pub fn includes_missing(&self) -> bool {
        let is_empty = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        self.field.kind() == Kind::Text && self.values.iter().any(is_empty)
    }

    /// Whether a record matches. Null is not any value but the empty text, nor less or greater than one.
    pub fn matches(&self, record: &impl Record<Field = F>) -> bool {
        let cell = record.cell(self.field);
        let any = |matches: fn(Cell<'_>, &Value) -> bool| self.values.iter().any(|value| matches(cell, value));
        let all = |wanted: fn(Ordering) -> bool| {
            cell != Cell::Null && self.values.iter().all(|value| compare(cell, value.cell()).is_some_and(wanted))
        };
        let is_any = || any(is_equal) || (cell == Cell::Null && self.includes_missing());
        match self.operator {
            Operator::Eq => is_any(),
            Operator::Ne => !is_any(),
            Operator::Contains => any(contains),
            Operator::StartsWith => any(starts_with),
            Operator::Lt => all(Ordering::is_lt),
            Operator::Le => all(Ordering::is_le),
            Operator::Gt => all(Ordering::is_gt),
            Operator::Ge => all(Ordering::is_ge),
        }
    }
}

impl Value {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Integer(number) => Cell::Integer(*number),
            Self::Real(number) => Cell::Real(*number),
            Self::Text(text) => Cell::Text(text),
            Self::State(state) => Cell::State(*state),
        }
    }
}

fn is_equal(cell: Cell<'_>, value: &Value) -> bool {
    cell != Cell::Null && compare(cell, value.cell()) == Some(Ordering::Equal)
}

fn contains(cell: Cell<'_>, value: &Value) -> bool {
    match (cell, value) {
        (Cell::List(items), Value::Text(wanted)) => items.contains(wanted),
        (Cell::Text(text), Value::Text(wanted)) => text.contains(wanted.as_str()),
        _ => false,
    }
}

fn starts_with(cell: Cell<'_>, value: &Value) -> bool {
    matches!((cell, value), (Cell::Text(text), Value::Text(beginning)) if text.starts_with(beginning.as_str()))
}

/// The order of two values of a field: null first; none for lists, and for values of different kinds.
pub(super) fn compare(one: Cell<'_>, other: Cell<'_>) -> Option<Ordering> {
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
        (Cell::State(one), Cell::State(other)) => Some(one.cmp(&other)),
        _ => None,
    }
}
