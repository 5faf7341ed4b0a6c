//! What the tests say requests and outcomes with.

use hookd_core::{
    BuildContext, Change, Compat, Dialect, Hook, HookRequest, Outcome, Refusal, Secret, SecretSource, registry,
};
use hookd_gitorious as _;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Map, Value};

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

/// Both modes, as the tests name them.
pub(crate) const MODES: [Compat; 2] = [Compat::Off, Compat::Buildbot];

pub(crate) fn try_hook(compat: Compat, options: Map<String, Value>) -> Result<Box<dyn Hook>, Vec<String>> {
    let context = BuildContext::new("gitorious", compat, &NoSecrets);
    let dialect = registry::find::<Dialect>("gitorious").unwrap();
    (dialect.build)(options, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn hook(compat: Compat) -> Box<dyn Hook> {
    try_hook(compat, Map::new()).unwrap()
}

pub(crate) fn push() -> Value {
    serde_json::from_str(include_str!("fixtures/push.json")).unwrap()
}

/// The payload with the value at a JSON pointer replaced, or dropped.
pub(crate) fn with(mut payload: Value, place: &str, value: Option<Value>) -> Value {
    match value {
        Some(value) => *payload.pointer_mut(place).unwrap() = value,
        None => {
            let (parent, key) = place.rsplit_once('/').unwrap();
            match payload.pointer_mut(parent).unwrap() {
                Value::Object(map) => drop(map.remove(key).unwrap()),
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                _ => panic!("nothing is in {parent}"),
            }
        }
    }
    payload
}

pub(crate) fn request(payload: &Value) -> HookRequest {
    form(payload.to_string().as_bytes())
}

pub(crate) fn form(payload: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/gitorious")
        .with_header("Content-Type", "application/x-www-form-urlencoded")
        .with_body(format!("payload={}", percent_encode(payload, NON_ALPHANUMERIC)))
}

pub(crate) fn changes(compat: Compat, request: &HookRequest) -> Vec<Change> {
    match hook(compat).translate(request) {
        Ok(Outcome::Changes(changes)) => {
            assert!(!changes.is_empty());
            changes
        }
        other => panic!("{other:?}"),
    }
}

/// An outcome in one line: `branch@revi …`, `ignored: reason`, or `refused: message`.
pub(crate) fn said(outcome: &Result<Outcome, Refusal>) -> String {
    let brief = |change: &Change| {
        let (branch, revision) = (change.branch.as_deref().unwrap_or("-"), change.revision.as_deref().unwrap_or("-"));
        format!("{branch}@{}", revision.get(..4).unwrap_or(revision))
    };
    match outcome {
        Ok(Outcome::Changes(changes)) => changes.iter().map(brief).collect::<Vec<_>>().join(" "),
        Ok(Outcome::Ignored(reason)) => format!("ignored: {reason}"),
        Ok(Outcome::Calls { .. }) => panic!("there is nothing to call"),
        Err(refusal) => format!("refused: {refusal}"),
    }
}
