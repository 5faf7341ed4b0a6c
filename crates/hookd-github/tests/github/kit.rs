//! What the tests say requests, answers and outcomes with.

use hmac::{Hmac, KeyInit, Mac};
use hookd_core::{
    ApiAnswer, ApiAnswers, ApiCall, BuildContext, Change, Compat, Dialect, Hook, HookRequest, Outcome, Refusal, Secret,
    SecretSource, registry,
};
use hookd_github as _;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

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
    let context = BuildContext::new("github", compat, &Spoken);
    let dialect = registry::find::<Dialect>("github").unwrap();
    (dialect.build)(table, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn hook(compat: Compat, options: Value) -> Box<dyn Hook> {
    try_hook(compat, options).unwrap()
}

pub(crate) fn fixture(event: &str) -> Value {
    let text = match event {
        "push" | "tag" => include_str!("fixtures/push.json"),
        "pull_request" => include_str!("fixtures/pull_request.json"),
        "merge_group" => include_str!("fixtures/merge_group.json"),
        other => panic!("no fixture `{other}`"),
    };
    let payload: Value = serde_json::from_str(text).unwrap();
    if event == "tag" {
        edited(payload, json!({"ref": "refs/tags/v1", "created": true, "commits": []}))
    } else {
        payload
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
    let event = if event == "tag" { "push" } else { event };
    HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", event)
        .with_header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
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

pub(crate) fn ok(body: impl ToString) -> ApiAnswer {
    ApiAnswer::Answered { status: 200, link: None, body: body.to_string().into() }
}

pub(crate) fn status(status: u16) -> ApiAnswer {
    ApiAnswer::Answered { status, link: None, body: "{}".into() }
}

/// Translates, and answers calls until there are none; gives the calls as well, round by round.
pub(crate) fn run(
    hook: &dyn Hook,
    request: &HookRequest,
    mut api: impl FnMut(&str) -> ApiAnswer,
) -> (Result<Outcome, Refusal>, Vec<Vec<ApiCall>>) {
    let mut answers = ApiAnswers::default();
    let mut rounds = Vec::new();
    let mut outcome = hook.translate(request);
    while let Ok(Outcome::Calls { calls, reported_changes }) = &outcome {
        assert_eq!(*reported_changes, 1);
        assert!(!calls.is_empty() && rounds.len() < 40, "calls without end");
        for call in calls {
            assert!(answers.get(&call.url).is_none(), "{call:?} was answered before");
            answers.insert(call.url.clone(), api(&call.url));
        }
        rounds.push(calls.clone());
        outcome = hook.translate_with(request, &answers);
    }
    if let Ok(Outcome::Changes(changes)) = &outcome {
        assert!(!changes.is_empty());
    }
    (outcome, rounds)
}

/// An API that knows the head commit and three files.
pub(crate) fn api(url: &str) -> ApiAnswer {
    if url.contains("/commits/") {
        ok(json!({"commit": {"message": "Add milk"}}))
    } else {
        ok(json!([
            {"filename": "milk.txt", "status": "added"},
            {"filename": "tea.txt", "previous_filename": "water.txt", "status": "renamed"},
        ]))
    }
}

pub(crate) fn changes(hook: &dyn Hook, request: &HookRequest) -> Vec<Change> {
    match run(hook, request, api).0 {
        Ok(Outcome::Changes(changes)) => changes,
        other => panic!("{other:?}"),
    }
}

/// An outcome in one line: `branch@revi …`, `ignored: reason`, or `refused: message`.
pub(crate) fn said(outcome: &Result<Outcome, Refusal>) -> String {
    let brief = |change: &Change| {
        let (branch, revision) = (change.branch.as_deref().unwrap(), change.revision.as_deref().unwrap_or("-"));
        format!("{branch}@{}", revision.get(..4).unwrap_or(revision))
    };
    match outcome {
        Ok(Outcome::Changes(changes)) => changes.iter().map(brief).collect::<Vec<_>>().join(" "),
        Ok(Outcome::Ignored(reason)) => format!("ignored: {reason}"),
        Ok(Outcome::Calls { calls, .. }) => format!("{calls:?}"),
        Err(refusal) => format!("refused: {refusal}"),
    }
}
