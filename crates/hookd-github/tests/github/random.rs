//! Nothing that is sent makes it panic.

use hookd_core::{ApiAnswer, Headers, Hook, HookRequest, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::{MODES, SECRET, api, fixture, hook, ok, request, run, status};

const EVENTS: [&str; 4] = ["push", "tag", "pull_request", "merge_group"];

fn hooks() -> Vec<Box<dyn Hook>> {
    let eager = json!({"github_property_whitelist": ["*"], "token": {"octo/*": "t"}, "codebase": "c"});
    MODES.iter().flat_map(|mode| [hook(*mode, eager.clone()), hook(*mode, json!({"skips": []}))]).collect()
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
                let _ = run(&**hook, &request, api).0;
            }
        }
    }
}

#[test]
fn no_mutation_of_an_answer_makes_it_panic_or_refuse() {
    let hooks = hooks();
    let request = request("pull_request", &fixture("pull_request"));
    let commit = json!({"commit": {"message": "Add milk"}});
    let files = json!([{"filename": "a", "previous_filename": "b"}, {"filename": "c"}]);
    for (is_commit, answer) in [(true, commit), (false, files)] {
        for mutated in mutations(&answer).into_iter().chain([json!(null), json!(5), json!("x"), json!([]), json!({})]) {
            for hook in &hooks {
                let answer = |url: &str| if url.contains("/commits/") == is_commit { ok(&mutated) } else { api(url) };
                assert!(run(&**hook, &request, answer).0.is_ok(), "{mutated}");
            }
        }
    }
}

fn answers() -> impl Strategy<Value = ApiAnswer> {
    let link = proptest::option::of(prop_oneof![
        "<https://api.github.com/[a-z]{0,2}>; rel=\"?next\"?",
        any::<String>(),
        "<[ -~]{0,30}>; rel=next",
    ]);
    prop_oneof![
        (any::<u16>(), link.clone(), any::<Vec<u8>>()).prop_map(|(status, link, body)| ApiAnswer::Answered {
            status,
            link,
            body: body.into()
        }),
        link.prop_map(|link| ApiAnswer::Answered { status: 200, link, body: "[{\"filename\": \"f\"}]".into() }),
        any::<String>().prop_map(ApiAnswer::GaveUp),
        any::<u16>().prop_map(status),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(EVENTS.to_vec()).prop_map(|event| fixture(event).to_string().into_bytes());
    prop_oneof![
        any::<Vec<u8>>(),
        known.clone(),
        known.prop_map(|body| [b"payload=".as_slice(), &body].concat()),
        (any::<Vec<u8>>()).prop_map(|bytes| [b"payload=".as_slice(), &bytes].concat()),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in bodies(),
        headers in proptest::collection::vec(("[A-Za-z0-9-]{1,20}", any::<Vec<u8>>()), 0..4),
        event in prop_oneof!["push|pull_request|merge_group", any::<String>()],
        content_type in prop_oneof!["application/(json|x-www-form-urlencoded)(; ?[a-z]{0,9})?", any::<String>()],
        signatures in proptest::collection::vec(any::<Vec<u8>>(), 0..3),
        query in prop_oneof!["[ -~]{0,40}", "(project|codebase|payload)=[%0-9a-f]{0,9}"],
        post: bool,
        answers in proptest::collection::vec(answers(), 1..5),
    ) {
        let headers = headers.into_iter()
            .chain([("X-GitHub-Event".to_owned(), event.into_bytes())])
            .chain([("Content-Type".to_owned(), content_type.into_bytes())])
            .chain(signatures.into_iter().map(|value| ("X-Hub-Signature".to_owned(), value)))
            .collect::<Headers>();
        let method = if post { Method::Post } else { Method::Get };
        let request = HookRequest::new(method, "/change_hook/github".to_owned(), query, headers, body.into());
        let strict = json!({"secret": SECRET, "strict": true});
        for hook in hooks().into_iter().chain([hook(MODES[0], strict)]) {
            let _ = hook.recognise(&request);
            let _ = hook.verify(&request);
            let mut next = answers.iter().cycle();
            let _ = run(&*hook, &request, |_| next.next().unwrap().clone()).0;
        }
    }
}
