//! What would be different: the first translation of a delivery beside the one of now, change by change and field by field.
//!
//! The wording of a reason alone is no difference: it may be another one with another version of hookd.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;

use hookd_core::{Change, Outcome};
use hookd_store::{DeliveryRecord, NewState, Timestamp};
use serde_json::{Map, Value, json};

use super::Original;
use crate::translator::{Failure, new_state};

/// How much of a value is shown to people, in characters.
const MAX_SHOWN_CHARS: usize = 160;

/// The result of comparing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Comparison {
    /// It would be translated as it was.
    Same,
    /// It would not.
    Different(Vec<Difference>),
    /// That is unknown, for this reason.
    Unknown(String),
}

/// One thing that would be different.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    /// The state, with its reason.
    State {
        /// As it was.
        was: String,
        /// As it would be.
        now: String,
    },
    /// A change that would come in addition.
    Added(Change),
    /// A change that would not be made.
    Removed(i64, Change),
    /// A change with other fields.
    Changed(i64, Change, Vec<FieldDifference>),
    /// The same changes in another order, by their first numbers.
    Order(Vec<i64>),
}

/// A field that would have another value; `None` where it is not there, as properties may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldDifference {
    field: String,
    was: Option<Value>,
    now: Option<Value>,
}

impl Comparison {
    /// Compares a delivery with its first changes (`None` if they are not all kept) and what is made of it now.
    pub(crate) fn new(
        original: &Original,
        first: Option<Vec<(i64, Change)>>,
        outcome: Result<Outcome, Failure>,
    ) -> Self {
        let record = &original.record;
        let now = match outcome {
            Ok(Outcome::Calls { calls, .. }) => {
                let count = if calls.len() == 1 { "a call".to_owned() } else { format!("{} calls", calls.len()) };
                return Self::Unknown(format!(
                    "it needs {count} to the forge's API, which are not made for a comparison"
                ));
            }
            Ok(outcome) => new_state(outcome),
            Err(failure) => NewState::Refused(failure.into_reason().into_string()),
        };
        let Some(first) = first else { return Self::Unknown("its changes are no longer kept".to_owned()) };
        let mut differences = Vec::new();
        if record.state != now.state() {
            let was = said(record.state.name(), record.reason.as_deref());
            differences.push(Difference::State { was, now: said(now.state().name(), now.reason()) });
        }
        compare_changes(first, now.changes(), record.received_at, &mut differences);
        if differences.is_empty() { Self::Same } else { Self::Different(differences) }
    }

    /// That of a delivery whose dialect is not configured: it would be refused.
    pub(crate) fn not_served(original: &Original) -> Self {
        let DeliveryRecord { state, reason, dialect, .. } = &original.record;
        let was = said(state.name(), reason.as_deref());
        Self::Different(vec![Difference::State { was, now: format!("refused: {}", super::not_served(dialect)) }])
    }

    /// It, with what identifies the delivery.
    pub(crate) fn to_json(&self, record: &DeliveryRecord) -> Value {
        let (result, differences, reason) = match self {
            Self::Same => ("same", &[][..], None),
            Self::Different(differences) => ("different", differences.as_slice(), None),
            Self::Unknown(reason) => ("unknown", &[][..], Some(reason)),
        };
        json!({
            "deliveryid": record.deliveryid,
            "dialect": record.dialect,
            "event": record.event,
            "received_at": record.received_at.as_seconds_f64(),
            "result": result,
            "reason": reason,
            "differences": differences.iter().map(Difference::to_json).collect::<Vec<_>>(),
            "text": differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

fn said(state: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
}

/// Changes of one revision and branch are the same one; the others are paired as they come.
fn compare_changes(
    first: Vec<(i64, Change)>,
    now: &[Change],
    received_at: Timestamp,
    differences: &mut Vec<Difference>,
) {
    let mut by_commit: HashMap<(&Option<String>, &Option<String>), VecDeque<usize>> = HashMap::new();
    for (index, change) in now.iter().enumerate() {
        by_commit.entry((&change.revision, &change.branch)).or_default().push_back(index);
    }
    let mut partners: Vec<Option<usize>> = Vec::with_capacity(first.len());
    for (_, change) in &first {
        let same = by_commit.get_mut(&(&change.revision, &change.branch));
        partners.push(same.and_then(VecDeque::pop_front));
    }
    let mut left: BTreeSet<usize> = (0..now.len()).collect();
    for index in partners.iter().flatten() {
        left.remove(index);
    }
    for partner in partners.iter_mut().filter(|partner| partner.is_none()) {
        *partner = left.pop_first();
    }
    if !partners.iter().flatten().is_sorted() {
        let mut numbers: Vec<_> =
            partners.iter().zip(&first).filter_map(|(index, (changeid, _))| Some(((*index)?, *changeid))).collect();
        numbers.sort_unstable();
        differences.push(Difference::Order(numbers.into_iter().map(|(_, changeid)| changeid).collect()));
    }
    for ((changeid, was), partner) in first.into_iter().zip(partners) {
        match partner.and_then(|index| now.get(index)) {
            None => differences.push(Difference::Removed(changeid, was)),
            Some(change) => {
                let fields = compare_fields(&was, change, received_at);
                if !fields.is_empty() {
                    differences.push(Difference::Changed(changeid, was, fields));
                }
            }
        }
    }
    differences.extend(left.into_iter().filter_map(|index| now.get(index)).cloned().map(Difference::Added));
}

fn compare_fields(was: &Change, now: &Change, received_at: Timestamp) -> Vec<FieldDifference> {
    // As the store does for what has no time of its own.
    let when_timestamp = now.when_timestamp.or(Some(received_at.as_seconds()));
    let (mut was, mut now) = (fields(was), fields(&Change { when_timestamp, ..now.clone() }));
    let mut differences = Vec::new();
    let properties = [take_properties(&mut was), take_properties(&mut now)];
    let [were, are] = properties;
    for (prefix, mut was, mut now) in [("", was, now), ("properties.", were, are)] {
        let names: BTreeSet<String> = was.keys().chain(now.keys()).cloned().collect();
        for name in names {
            let (was, now) = (was.remove(&name), now.remove(&name));
            if was != now {
                differences.push(FieldDifference { field: format!("{prefix}{name}"), was, now });
            }
        }
    }
    differences
}

fn fields(change: &Change) -> Map<String, Value> {
    match serde_json::to_value(change) {
        Ok(Value::Object(fields)) => fields,
        // A change is a table of texts, numbers and JSON.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn take_properties(fields: &mut Map<String, Value>) -> Map<String, Value> {
    match fields.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

impl Difference {
    fn to_json(&self) -> Value {
        match self {
            Self::State { was, now } => json!({ "kind": "state", "was": was, "now": now }),
            Self::Added(change) => json!({ "kind": "added", "change": change }),
            Self::Removed(changeid, change) => json!({ "kind": "removed", "changeid": changeid, "change": change }),
            Self::Changed(changeid, _, fields) => {
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|FieldDifference { field, was, now }| (field.clone(), json!({ "was": was, "now": now })))
                    .collect();
                json!({ "kind": "changed", "changeid": changeid, "fields": fields })
            }
            Self::Order(changeids) => json!({ "kind": "order", "changeids": changeids }),
        }
    }
}

/// Some lines for people.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { was, now } => write!(f, "state: {} -> {}", cut(was), cut(now)),
            Self::Added(change) => write!(f, "one change more: {}", brief(change)),
            Self::Removed(changeid, change) => write!(f, "no longer change {changeid}: {}", brief(change)),
            Self::Changed(changeid, change, fields) => {
                write!(f, "change {changeid}: {}", brief(change))?;
                for FieldDifference { field, was, now } in fields {
                    write!(f, "\n  {field}: {} -> {}", value(was.as_ref()), value(now.as_ref()))?;
                }
                Ok(())
            }
            Self::Order(changeids) => {
                let numbers: Vec<String> = changeids.iter().map(i64::to_string).collect();
                write!(f, "another order: changes {}", cut(&numbers.join(", ")))
            }
        }
    }
}

fn brief(change: &Change) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), cut);
    format!("branch {}, revision {}", text(&change.branch), text(&change.revision))
}

fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| cut(&value.to_string()))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use hookd_core::HookRequest;
    use hookd_store::{Origin, State, StoredRequest};

    use super::*;

    fn change(revision: &str) -> Change {
        Change { revision: Some(revision.to_owned()), branch: Some("main".to_owned()), ..Change::default() }
    }

    fn original(state: State, reason: Option<&str>) -> Original {
        let record = DeliveryRecord {
            deliveryid: 7,
            received_at: Timestamp::from_micros(5_000_000),
            dialect: "github".to_owned(),
            forge_id: None,
            event: None,
            origin: Origin::NONE,
            replay_of: None,
            api_calls: None,
            state,
            reason: reason.map(str::to_owned),
            changeids: Vec::new(),
            size: 0,
        };
        Original { record, request: StoredRequest::new(&HookRequest::post("/"), &[]) }
    }

    /// What is reported of changes that were these and are those.
    fn described(was: &[Change], now: &[Change]) -> Vec<String> {
        let stored = |change: &Change| Change { when_timestamp: change.when_timestamp.or(Some(5)), ..change.clone() };
        let first = (1..).zip(was.iter().map(stored)).collect();
        let outcome = Ok(Outcome::Changes(now.to_vec()));
        match Comparison::new(&original(State::Accepted, None), Some(first), outcome) {
            Comparison::Same => Vec::new(),
            Comparison::Different(all) => all.iter().map(ToString::to_string).collect(),
            Comparison::Unknown(reason) => vec![reason],
        }
    }

    #[test]
    fn tells_fields_changes_and_their_order() {
        let [a, b, c] = ["a", "b", "c"].map(change);
        assert_eq!(described(&[a.clone(), b.clone()], &[a.clone(), b.clone()]), [""; 0]);
        let mut other = a.clone();
        other.category = Some("push".to_owned());
        other.properties.insert("event".to_owned(), "push".into());
        let fields =
            "change 1: branch main, revision a\n  category: null -> \"push\"\n  properties.event: none -> \"push\"";
        assert_eq!(described(slice::from_ref(&a), &[other]), [fields]);
        assert_eq!(
            described(&[a.clone(), b.clone()], slice::from_ref(&b)),
            ["no longer change 1: branch main, revision a"]
        );
        assert_eq!(
            described(slice::from_ref(&b), &[a.clone(), b.clone()]),
            ["one change more: branch main, revision a"]
        );
        assert_eq!(described(&[a.clone(), b.clone()], &[b.clone(), a.clone()]), ["another order: changes 2, 1"]);
        let revision = "change 1: branch main, revision a\n  revision: \"a\" -> \"c\"";
        assert_eq!(described(&[a.clone(), b.clone()], &[c, b]), [revision]);
        let late = Change { when_timestamp: Some(6), ..a.clone() };
        assert_eq!(described(&[a], &[late]), ["change 1: branch main, revision a\n  when_timestamp: 5 -> 6"]);
    }

    #[test]
    fn describes_states_and_what_is_unknown() {
        let ignored = |reason: &str| Ok(Outcome::ignored(reason));
        let was = original(State::Ignored, Some("nothing"));
        assert_eq!(Comparison::new(&was, Some(Vec::new()), ignored("in other words")), Comparison::Same);
        let refused = Comparison::new(&was, Some(Vec::new()), Err(hookd_core::Refusal::new("`ref` is missing").into()));
        let json = refused.to_json(&was.record);
        assert_eq!(json["differences"][0]["now"], "refused: `ref` is missing");
        assert_eq!(json["text"], json!(["state: ignored: nothing -> refused: `ref` is missing"]));
        let Comparison::Different(gone) = Comparison::not_served(&was) else { panic!("it is not served") };
        assert!(gone[0].to_string().ends_with("-> refused: the dialect `github` is not configured"), "{gone:?}");
        let calls = Outcome::calls([], Default::default());
        assert!(matches!(Comparison::new(&was, Some(Vec::new()), Ok(calls)), Comparison::Unknown(_)));
        assert!(matches!(Comparison::new(&was, None, ignored("")), Comparison::Unknown(_)));
    }
}
