//! Nothing that is sent makes it panic.

use hookd_core::{Headers, HookRequest, Method, Outcome};
use proptest::prelude::*;
use serde_json::Value;

use crate::kit::{MODES, form, hook, push, request, with};

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
    let others = ["null", "\"x\"", "\"\"", "5", "-1.5", "true", "[]", "[5]", "{}"];
    let mut found = Vec::new();
    places(&push(), "", &mut found);
    for place in found {
        let others = others.iter().map(|other| Some(other.parse().unwrap()));
        for other in others.chain([None]) {
            let payload = with(push(), &place, other);
            for mode in MODES {
                match hook(mode).translate(&request(&payload)) {
                    Ok(Outcome::Changes(changes)) => assert!(!changes.is_empty(), "{payload}"),
                    Ok(Outcome::Ignored(reason)) => assert!(!reason.is_empty(), "{payload}"),
                    Ok(Outcome::Calls { .. }) => panic!("there is nothing to call"),
                    Err(refusal) => assert!(!refusal.message().is_empty(), "{payload}"),
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        body in any::<Vec<u8>>(),
        content_type in prop_oneof![
            "application/(json|x-www-form-urlencoded)|multipart/form-data; boundary=[a-z]?", any::<String>()
        ],
        event: Vec<u8>,
        query in prop_oneof!["[ -~]{0,40}", "(project|payload)=[%0-9a-f{}]{0,9}"],
        post: bool,
    ) {
        let headers = [("Content-Type", content_type.into_bytes()), ("X-Event-Key", event)];
        let headers = headers.into_iter().collect::<Headers>();
        let method = if post { Method::Post } else { Method::Get };
        let whole = HookRequest::new(method, "/".to_owned(), query, headers, body.clone().into());
        for mode in MODES {
            for request in [&whole, &form(&body)] {
                let _ = hook(mode).recognise(request);
                let _ = hook(mode).translate(request);
            }
        }
    }

    #[test]
    fn no_damaged_payload_makes_it_panic(at: proptest::sample::Index, byte: u8) {
        let mut payload = push().to_string().into_bytes();
        let at = at.index(payload.len());
        payload[at] = byte;
        for mode in MODES {
            let _ = hook(mode).translate(&form(&payload));
        }
    }
}
