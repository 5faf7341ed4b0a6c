//! Nothing that is sent makes it panic.

use hookd_core::{Headers, Hook, HookRequest, Method, Outcome};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::{EVENTS, KEY, MODES, TOKEN, fixture, hook, request, signing_token};

fn hooks() -> Vec<Box<dyn Hook>> {
    MODES.iter().flat_map(|mode| [hook(*mode, json!({"codebase": "c"})), hook(*mode, json!({}))]).collect()
}

/// The payload with the value at each place dropped and replaced by others, one at a time.
fn mutations(payload: &Value) -> Vec<Value> {
    let others = ["null", "\"x\"", "\"\"", "5", "-1.5", "true", "[]", "[5]", "{}"];
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
    for event in EVENTS {
        let mutations = mutations(&fixture(event));
        assert!(mutations.len() > 200, "{event}");
        for payload in mutations {
            let request = request(event, &payload);
            for hook in &hooks {
                match hook.translate(&request) {
                    Ok(Outcome::Changes(changes)) => assert!(!changes.is_empty(), "{payload}"),
                    Ok(Outcome::Ignored(reason)) => assert!(!reason.is_empty(), "{payload}"),
                    Ok(Outcome::Calls { .. }) => panic!("there is nothing to call"),
                    Err(refusal) => assert!(!refusal.message().is_empty(), "{payload}"),
                }
            }
        }
    }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(EVENTS.to_vec()).prop_map(|event| fixture(event).to_string().into_bytes());
    let damaged = (known.clone(), any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
        let at = at.index(body.len());
        body[at] = byte;
        body
    });
    prop_oneof![any::<Vec<u8>>(), known, damaged]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in bodies(),
        headers in proptest::collection::vec(("[A-Za-z0-9-]{1,20}", any::<Vec<u8>>()), 0..4),
        event in prop_oneof!["(Push|System|Note|Merge Request) Hook", any::<String>()],
        content_type in prop_oneof!["application/(json|x-www-form-urlencoded)(; ?[a-z]{0,9})?", any::<String>()],
        credentials in proptest::collection::vec(
            (proptest::sample::select(vec!["X-Gitlab-Token", "webhook-id", "webhook-timestamp", "webhook-signature"]),
            prop_oneof![any::<Vec<u8>>(), "v1,[A-Za-z0-9+/=]{0,50}|[0-9]{0,30}".prop_map(String::into_bytes)]), 0..5),
        query in prop_oneof!["[ -~]{0,40}", "(project|codebase)=[%0-9a-f]{0,9}"],
        post: bool,
    ) {
        let headers = headers.into_iter()
            .chain([("X-Gitlab-Event".to_owned(), event.into_bytes())])
            .chain([("Content-Type".to_owned(), content_type.into_bytes())])
            .chain(credentials.into_iter().map(|(name, value)| (name.to_owned(), value)))
            .collect::<Headers>();
        let method = if post { Method::Post } else { Method::Get };
        let request = HookRequest::new(method, "/change_hook/gitlab".to_owned(), query, headers, body.into());
        let secret = hook(MODES[0], json!({"secret": [TOKEN, signing_token(KEY)]}));
        for hook in hooks().into_iter().chain([secret]) {
            let _ = hook.recognise(&request);
            let _ = hook.verify(&request);
            let _ = hook.translate(&request);
        }
    }
}
