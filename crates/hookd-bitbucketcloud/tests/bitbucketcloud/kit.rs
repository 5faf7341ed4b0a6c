//! What the tests say requests and outcomes with.

use hmac::{Hmac, KeyInit, Mac};
use hookd_bitbucketcloud as _;
use hookd_core::{
    BuildContext, Change, Compat, Dialect, Hook, HookRequest, Outcome, Refusal, Secret, SecretSource, registry,
};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// Both modes, as the tests name them.
pub(crate) const MODES: [Compat; 2] = [Compat::Off, Compat::Buildbot];

/// Secrets as the configuration says them; an environment variable holds its own name, and files do not exist.
struct Spoken;

impl SecretSource for Spoken {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) | Secret::Env(text) => Ok(text.clone().into_bytes()),
            Secret::File(path) => Err(format!("no file `{path}`")),
        }
    }
}

pub(crate) fn try_hook(compat: Compat, options: Value) -> Result<Box<dyn Hook>, Vec<String>> {
    let Value::Object(table) = options else { panic!("options are a table") };
    let context = BuildContext::new("bitbucketcloud", compat, &Spoken);
    let dialect = registry::find::<Dialect>("bitbucketcloud").unwrap();
    (dialect.build)(table, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn hook(compat: Compat, options: Value) -> Box<dyn Hook> {
    try_hook(compat, options).unwrap()
}

/// The payload of an event; those of pull requests in the shape that Buildbot expects begin with `legacy `.
pub(crate) fn fixture(event: &str) -> Value {
    let text = match event {
        "repo:push" => include_str!("fixtures/push.json"),
        event if event.starts_with("legacy ") => include_str!("fixtures/legacy_pull_request.json"),
        _ => include_str!("fixtures/pull_request.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// The payload with these members put in place: objects are merged, but for an empty one inside the patch, which
/// replaces what is there as all else does; the text `-` drops a member, and `{"0": …}` patches the first of a list.
pub(crate) fn edited(mut payload: Value, patch: Value) -> Value {
    fn merge(target: &mut Value, patch: Value) {
        match (target, patch) {
            (Value::Array(items), Value::Object(mut patch)) if patch.contains_key("0") => {
                merge(&mut items[0], patch["0"].take());
            }
            (Value::Object(target), Value::Object(patch)) if !patch.is_empty() => {
                for (key, value) in patch {
                    if value == "-" {
                        target.remove(&key);
                    } else {
                        merge(target.entry(key).or_insert(Value::Null), value);
                    }
                }
            }
            (target, other) => *target = other,
        }
    }
    if patch != json!({}) {
        merge(&mut payload, patch);
    }
    payload
}

/// A push of which the first update is patched.
pub(crate) fn push(update: Value) -> Value {
    let mut payload = fixture("repo:push");
    let first = &mut payload["push"]["changes"][0];
    *first = edited(first.take(), update);
    payload
}

/// The payload of an event of a pull request, which is patched.
pub(crate) fn pull(event: &str, patch: Value) -> Value {
    if patch == json!({}) { fixture(event) } else { edited(fixture(event), json!({"pullrequest": patch})) }
}

pub(crate) fn request(event: &str, payload: &Value) -> HookRequest {
    HookRequest::post("/change_hook/bitbucketcloud")
        .with_header("X-Event-Key", event.trim_start_matches("legacy "))
        .with_header("X-Request-UUID", "2f2b6a3e-7a0e-4f0c-9d6d-0d0f8a1b2c3d")
        .with_header("X-Attempt-Number", "1")
        .with_header("Content-Type", "application/json")
        .with_body(payload.to_string())
}

pub(crate) fn sha1(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn sha256(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Translates; whatever was sent, there are changes or a reason why there are none.
pub(crate) fn run(hook: &dyn Hook, request: &HookRequest) -> Result<Outcome, Refusal> {
    let outcome = hook.translate(request);
    match &outcome {
        Ok(Outcome::Changes(changes)) => assert!(!changes.is_empty()),
        Ok(Outcome::Ignored(reason)) => assert!(!reason.is_empty()),
        Ok(Outcome::Calls { .. }) => panic!("no API is needed"),
        Err(refusal) => assert!(!refusal.message().is_empty()),
    }
    outcome
}

pub(crate) fn changes(hook: &dyn Hook, request: &HookRequest) -> Vec<Change> {
    match run(hook, request) {
        Ok(Outcome::Changes(changes)) => changes,
        other => panic!("{other:?}"),
    }
}

/// The only change, as JSON.
pub(crate) fn only(compat: Compat, options: Value, event: &str, payload: &Value) -> Value {
    let changes = changes(&*hook(compat, options), &request(event, payload));
    assert_eq!(changes.len(), 1, "{changes:?}");
    serde_json::to_value(&changes[0]).unwrap()
}

/// An outcome in one line: `category branch@revi, …`, `ignored: reason`, or `refused: message`.
pub(crate) fn said(outcome: &Result<Outcome, Refusal>) -> String {
    let brief = |change: &Change| {
        let (branch, revision) = (change.branch.as_deref().unwrap_or("-"), change.revision.as_deref().unwrap_or("-"));
        format!("{} {branch}@{}", change.category.as_deref().unwrap(), revision.get(..4).unwrap_or(revision))
    };
    match outcome {
        Ok(Outcome::Changes(changes)) => changes.iter().map(brief).collect::<Vec<_>>().join(", "),
        Ok(Outcome::Ignored(reason)) => format!("ignored: {reason}"),
        Ok(Outcome::Calls { calls, .. }) => format!("{calls:?}"),
        Err(refusal) => format!("refused: {refusal}"),
    }
}
