//! Requests and answers at random: those that a forge sends, with some of it changed.

use hookd_core::{ApiAnswer, HookRequest, Method};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::Forge;

/// A request at random, and what the API answers to its calls.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    method: Method,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    answers: Vec<ApiAnswer>,
}

impl Sent {
    pub(crate) fn request(&self) -> HookRequest {
        let (headers, body) = (self.headers.iter().map(|(name, value)| (name, value)), self.body.clone());
        HookRequest::new(self.method, "/change_hook/x".to_owned(), self.query.clone(), headers.collect(), body.into())
    }

    /// The answers, from the first on.
    pub(crate) fn api(&self) -> impl FnMut(&str) -> ApiAnswer {
        let mut answers = self.answers.iter().cycle();
        move |_| answers.next().cloned().unwrap_or_else(|| ApiAnswer::GaveUp("none".to_owned()))
    }
}

/// Requests of the forge of which the body, headers, query and method may be others.
pub(crate) fn requests(forge: &Forge) -> BoxedStrategy<Sent> {
    let forge = *forge;
    let names = arguments(&forge);
    let argument = (select(names), prop_oneof!["[%0-9a-f{}\\[\\]\"]{0,9}", any::<String>()])
        .prop_map(|(name, value)| format!("{name}={value}&"));
    let query = prop_oneof!["[ -~]{0,40}", any::<String>(), vec(argument, 0..4).prop_map(|all| all.concat())];
    let header = ("[A-Za-z0-9-]{1,20}", any::<Vec<u8>>());
    let proof = (
        select(proof_headers(&forge)),
        prop_oneof![any::<Vec<u8>>(), "v1,[A-Za-z0-9+/=]{0,50}|[0-9]{0,30}".prop_map(String::into_bytes)],
    )
        .prop_map(|(name, value)| (name.to_owned(), value));
    let content_type = prop_oneof![
        "application/(json|x-www-form-urlencoded)(; ?[a-z]{0,9})?|multipart/form-data; boundary=[a-z]?",
        any::<String>(),
    ];
    let requests = select(forge.events()).prop_flat_map(move |event| (Just(event), bodies(&forge, event)));
    (
        requests,
        option::of((any::<Index>(), any::<Vec<u8>>())),
        vec(prop_oneof![header, proof], 0..5),
        option::of(content_type),
        option::of(query),
        any::<bool>(),
        vec(answers(), 1..5),
    )
        .prop_map(move |((event, body), replaced, more, content_type, query, is_post, answers)| {
            let request = forge.request(event, json!({}));
            let mut headers: Vec<(String, Vec<u8>)> =
                request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
            if let Some((at, value)) = replaced.filter(|_| !headers.is_empty()) {
                let at = at.index(headers.len());
                headers[at].1 = value;
            }
            headers.extend(more);
            headers.extend(content_type.map(|value| ("Content-Type".to_owned(), value.into_bytes())));
            let method = if is_post { Method::Post } else { Method::Get };
            let query = query.unwrap_or_else(|| request.query().to_owned());
            Sent { method, query, headers, body, answers }
        })
        .boxed()
}

/// Bodies: that of the event, with a byte changed or the end cut off, in a form, or anything.
fn bodies(forge: &Forge, event: &str) -> BoxedStrategy<Vec<u8>> {
    let whole = forge.request(event, json!({})).body().to_vec();
    let (cut, changed) = (whole.clone(), whole.clone());
    prop_oneof![
        any::<Vec<u8>>(),
        Just(whole.clone()),
        Just([b"payload=".as_slice(), &whole].concat()),
        any::<Vec<u8>>().prop_map(|bytes| [b"payload=".as_slice(), &bytes].concat()),
        any::<Index>().prop_map(move |at| cut[..at.index(cut.len().max(1)).min(cut.len())].to_vec()),
        (any::<Index>(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = changed.clone();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
    ]
    .boxed()
}

fn answers() -> impl Strategy<Value = ApiAnswer> {
    let link = option::of(prop_oneof![
        "<https://api[.a-z]{0,12}/[a-z]{0,2}>; rel=\"?next\"?",
        any::<String>(),
        "<[ -~]{0,30}>; rel=next",
    ]);
    let body = prop_oneof![
        any::<Vec<u8>>(),
        "[\\[{]{0,2}\"[a-z]{0,8}\"(: ?[\"0-9a-z{\\[]{0,9})?[\\]}]{0,2}".prop_map(String::into_bytes),
        select(vec!["[]", "{}", "null", "[{\"filename\": \"f\"}]"]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (prop_oneof![Just(200), any::<u16>()], link, body).prop_map(|(status, link, body)| ApiAnswer::Answered {
            status,
            link,
            body: body.into()
        }),
        any::<String>().prop_map(ApiAnswer::GaveUp),
    ]
}

/// Names of arguments that a dialect may read: those of Buildbot's hooks, and what payloads contain.
fn arguments(forge: &Forge) -> Vec<String> {
    let mut names: Vec<String> = ["project", "codebase", "payload", "poller"].map(str::to_owned).to_vec();
    for event in forge.events() {
        if let Value::Object(members) = forge.payload(event, json!({})) {
            names.extend(members.into_iter().map(|(name, _)| name));
        }
    }
    names
}

/// Names of headers that carry proofs.
fn proof_headers(forge: &Forge) -> Vec<&'static str> {
    let own = forge.schemes.iter().map(|scheme| scheme.header());
    own.chain(["X-Hub-Signature", "webhook-id", "webhook-timestamp"]).collect()
}
