//! Nothing that is sent makes it panic.

use hookd_core::{Headers, Hook, HookRequest, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::{MODES, SECRET, fixture, hook, push, request, run};

const EVENTS: [&str; 6] = [
    "repo:push",
    "pullrequest:created",
    "pullrequest:fulfilled",
    "legacy pullrequest:created",
    "legacy pullrequest:fulfilled",
    "legacy pullrequest:rejected",
];

fn hooks() -> Vec<Box<dyn Hook>> {
    let eager = json!({"bitbucket_property_whitelist": ["*"], "codebase": "c"});
    MODES.iter().flat_map(|mode| [hook(*mode, eager.clone()), hook(*mode, json!({}))]).collect()
}

/// The payload with the value at each place dropped and replaced by others, one at a time.
fn mutations(payload: &Value) -> Vec<Value> {
    let others = ["null", "\"x\"", "\"\"", "5", "-1.5", "1e300", "true", "[]", "[null]", "{}"];
    let mut found = Vec::new();
    places(payload, "", &mut found);
    let mut mutations = Vec::new();
    for place in found {
        for other in others {
            let mut mutated = payload.clone();
            *mutated.pointer_mut(&place).unwrap() = other.parse().unwrap();
            mutations.push(mutated);
        }
        let (parent, key) = place.rsplit_once('/').unwrap();
        let mut mutated = payload.clone();
        match mutated.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.remove(key)),
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            _ => unreachable!("only these have places in them"),
        }
        mutations.push(mutated);
    }
    mutations
}

/// The JSON pointers of all that is in `value`, which is at `here`.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, child)| (key.clone(), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let place = format!("{here}/{key}");
        places(child, &place, found);
        found.push(place);
    }
}

#[test]
fn no_mutation_of_a_payload_makes_it_panic() {
    let hooks = hooks();
    let deleted = ("repo:push", push(json!({"new": null})));
    for (event, payload) in EVENTS.iter().map(|event| (*event, fixture(event))).chain([deleted]) {
        let mutations = mutations(&payload);
        assert!(mutations.len() > 200, "{event}");
        for payload in mutations {
            let request = request(event, &payload);
            for hook in &hooks {
                let _ = run(&**hook, &request);
            }
        }
    }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(EVENTS.to_vec()).prop_map(|event| fixture(event).to_string().into_bytes());
    let cut = (known.clone(), any::<proptest::sample::Index>()).prop_map(|(mut body, at)| {
        body.truncate(at.index(body.len()));
        body
    });
    prop_oneof![any::<Vec<u8>>(), known, cut]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in bodies(),
        headers in proptest::collection::vec(("[A-Za-z0-9-]{1,20}", any::<Vec<u8>>()), 0..4),
        event in prop_oneof![
            "repo:push|pullrequest:(created|updated|fulfilled|rejected)|diagnostics:ping".prop_map(String::into_bytes),
            any::<Vec<u8>>(),
        ],
        content_type in prop_oneof!["application/json(; ?[a-z]{0,9})?", any::<String>()],
        signatures in proptest::collection::vec(any::<Vec<u8>>(), 0..3),
        query in prop_oneof!["[ -~]{0,40}", "(project|codebase)=[%0-9a-f]{0,9}"],
        post: bool,
    ) {
        let headers = headers.into_iter()
            .chain([("X-Event-Key".to_owned(), event)])
            .chain([("Content-Type".to_owned(), content_type.into_bytes())])
            .chain(signatures.into_iter().map(|value| ("X-Hub-Signature".to_owned(), value)))
            .collect::<Headers>();
        let method = if post { Method::Post } else { Method::Get };
        let request = HookRequest::new(method, "/change_hook/bitbucketcloud".to_owned(), query, headers, body.into());
        for hook in hooks().into_iter().chain([hook(MODES[0], json!({"secret": SECRET}))]) {
            let _ = hook.recognise(&request);
            let _ = hook.verify(&request);
            let _ = run(&*hook, &request);
        }
    }
}
