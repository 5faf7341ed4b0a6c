//! What the tests say requests and outcomes with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hookd_core::{
    BuildContext, Change, Compat, Dialect, Hook, HookRequest, Outcome, Refusal, Secret, SecretSource, registry,
};
use hookd_gitlab as _;
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "It's a Secret to Everybody";

/// The key in a signing token.
pub(crate) const KEY: &[u8] = b"thirty-two bytes of a signing key";

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

/// Both modes, as the tests name them.
pub(crate) const MODES: [Compat; 2] = [Compat::Off, Compat::Buildbot];

pub(crate) fn try_hook(compat: Compat, options: Value) -> Result<Box<dyn Hook>, Vec<String>> {
    let Value::Object(table) = options else { panic!("options are a table") };
    let context = BuildContext::new("gitlab", compat, &Spoken);
    let dialect = registry::find::<Dialect>("gitlab").unwrap();
    (dialect.build)(table, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn hook(compat: Compat, options: Value) -> Box<dyn Hook> {
    try_hook(compat, options).unwrap()
}

pub(crate) const EVENTS: [&str; 5] = ["push", "tag_push", "system_push", "merge_request", "note"];

pub(crate) fn fixture(event: &str) -> Value {
    let push = include_str!("fixtures/push.json");
    let text = match event {
        "push" | "tag_push" | "system_push" => push,
        "merge_request" => include_str!("fixtures/merge_request.json"),
        "note" => include_str!("fixtures/note.json"),
        other => panic!("no fixture `{other}`"),
    };
    let payload: Value = serde_json::from_str(text).unwrap();
    let commitless = |patch| edited(edited(payload.clone(), json!({"commits": [], "total_commits_count": 0})), patch);
    match event {
        // A tag with a message: `after` is the tag itself.
        "tag_push" => commitless(json!({
            "object_kind": "tag_push", "event_name": "tag_push", "ref": "refs/tags/v1", "message": "First flush\n",
            "before": "0".repeat(40), "after": "f".repeat(40),
        })),
        "system_push" => commitless(json!({"object_kind": "-"})),
        _ => payload,
    }
}

/// The payload with these members put in place: objects are merged, but for an empty one inside the patch, which
/// replaces what is there as all else does; the text `-` drops a member.
pub(crate) fn edited(mut payload: Value, patch: Value) -> Value {
    fn merge(target: &mut Value, patch: Value) {
        match patch {
            Value::Object(patch) if target.is_object() && !patch.is_empty() => {
                for (key, value) in patch {
                    let target = target.as_object_mut().unwrap();
                    if value == "-" {
                        target.remove(&key);
                    } else {
                        merge(target.entry(key).or_insert(Value::Null), value);
                    }
                }
            }
            other => *target = other,
        }
    }
    if patch != json!({}) {
        merge(&mut payload, patch);
    }
    payload
}

pub(crate) fn request(event: &str, payload: &Value) -> HookRequest {
    let header = match event {
        "push" => "Push Hook",
        "tag_push" => "Tag Push Hook",
        "system_push" => "System Hook",
        "merge_request" => "Merge Request Hook",
        "note" => "Note Hook",
        other => panic!("no header for `{other}`"),
    };
    bare(payload).with_header("X-Gitlab-Event", header)
}

/// A request that does not say in a header what its event is.
pub(crate) fn bare(payload: &Value) -> HookRequest {
    HookRequest::post("/change_hook/gitlab")
        .with_header("Content-Type", "application/json")
        .with_header("Idempotency-Key", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .with_header("X-Gitlab-Webhook-UUID", "0d1c0b5e-0000-11e3-81ab-4c9367dc0958")
        .with_header("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")
        .with_body(payload.to_string())
}

/// The signing token that holds this key.
pub(crate) fn signing_token(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// A signature as in `webhook-signature`.
pub(crate) fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

pub(crate) fn changes(hook: &dyn Hook, request: &HookRequest) -> Vec<Change> {
    match hook.translate(request) {
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
