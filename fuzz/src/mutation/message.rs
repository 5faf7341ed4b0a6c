//! Changes of a request and of the answers of an API.

use fastrand::Rng;
use hookd_core::{ApiAnswer, Method};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::{bytes, json};
use crate::Message;

/// Headers that dialects read, and some that they do not.
const HEADERS: &[&str] = &[
    "Content-Type",
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-Hub-Signature",
    "X-Hub-Signature-256",
    "X-Event-Key",
    "X-Request-UUID",
    "X-Request-Id",
    "X-Attempt-Number",
    "X-Gitlab-Event",
    "X-Gitlab-Token",
    "X-Gitlab-Event-UUID",
    "Idempotency-Key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "User-Agent",
    "Authorization",
    "content-type",
];

/// What stands in them.
const HEADER_VALUES: &[&str] = &[
    "push",
    "pull_request",
    "merge_group",
    "ping",
    "issues",
    "repo:push",
    "repo_push",
    "pullrequest:created",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
    "repo:refs_changed",
    "pr:opened",
    "pr:merged",
    "pr:modified",
    "pr:from_ref_updated",
    "diagnostics:ping",
    "mirror:repo_synchronized",
    "Push Hook",
    "Tag Push Hook",
    "System Hook",
    "Merge Request Hook",
    "Note Hook",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/xml",
    "multipart/form-data; boundary=B",
    "application/json; charset=utf-16",
    "sha1=0123456789abcdef0123456789abcdef01234567",
    "sha256=",
    "sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "v1,bm8=",
    "v1, v1,",
    "",
    "1700000000",
    "9223372036854775807",
    "\u{fc}",
];

/// Arguments that dialects read.
const ARGUMENTS: &[&str] = &[
    "project=",
    "codebase=",
    "payload=",
    "poller=",
    "author=",
    "who=",
    "branch=",
    "category=",
    "comments=",
    "committer=",
    "files=[\"a\"]",
    "files=",
    "properties={\"a\":1}",
    "properties=",
    "repository=",
    "revision=",
    "revlink=",
    "when=",
    "when_timestamp=",
    "%zz",
    "%ff",
    "&",
    ";",
    "+",
    "==",
    "[1]",
    "{}",
    "1e9",
    "nan",
    "-1",
];

/// Changes one part of a message; `other` is one of which parts may be taken.
pub fn mutate(rng: &mut Rng, message: &mut Message, other: &Message) {
    match rng.u8(..20) {
        0..9 => change_payload(rng, &mut message.body, &other.body),
        9 => {
            message.body =
                bytes::mutate(rng, &message.body, &other.body, &["payload=", "{", "}", "[", "\"", "\\u", "null"])
        }
        10 => wrap_payload(rng, message),
        11 | 12 => change_header(rng, message, other),
        13 | 14 => {
            let query = bytes::mutate(rng, message.query.as_bytes(), other.query.as_bytes(), ARGUMENTS);
            message.query = String::from_utf8_lossy(&query).replace('\n', "");
        }
        15 => message.method = if rng.u8(..4) == 0 { Method::Get } else { Method::Post },
        16 | 17 => change_answers(rng, message, other),
        18 => message.body.clone_from(&other.body),
        _ => message.headers.clone_from(&other.headers),
    }
}

/// Changes JSON, also in a form, and what is none as bytes.
fn change_payload(rng: &mut Rng, body: &mut Vec<u8>, other: &[u8]) {
    let plain = |body: &[u8]| match body.strip_prefix(b"payload=") {
        Some(encoded) => (true, percent_decode(encoded).collect::<Vec<u8>>()),
        None => (false, body.to_vec()),
    };
    let ((is_form, text), (_, other)) = (plain(body), plain(other));
    *body = match json::mutate(rng, &text, &other) {
        Some(changed) if is_form => as_form(&changed),
        Some(changed) => changed,
        None => bytes::mutate(rng, body, &other, &[]),
    };
}

fn as_form(payload: &[u8]) -> Vec<u8> {
    format!("payload={}", percent_encode(payload, NON_ALPHANUMERIC)).into_bytes()
}

/// Sends the body in a form.
fn wrap_payload(rng: &mut Rng, message: &mut Message) {
    let (kind, body) = if rng.bool() {
        ("application/x-www-form-urlencoded", as_form(&message.body))
    } else {
        let head = b"--B\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n";
        ("multipart/form-data; boundary=B", [head, &*message.body, b"\r\n--B--\r\n"].concat())
    };
    message.headers.push(("Content-Type".to_owned(), kind.as_bytes().to_vec()));
    message.body = body;
}

fn change_header(rng: &mut Rng, message: &mut Message, other: &Message) {
    let value = rng.choice(HEADER_VALUES).map_or(Vec::new(), |value| value.as_bytes().to_vec());
    let at = rng.usize(..=message.headers.len());
    match (rng.u8(..6), message.headers.get_mut(at)) {
        (0 | 1, Some((_, present))) => *present = value,
        (2, Some((_, present))) => *present = bytes::mutate(rng, present, &value, HEADER_VALUES),
        (3, Some(_)) => drop(message.headers.remove(at)),
        (4, _) => message.headers.extend(rng.choice(&other.headers).cloned()),
        _ => message.headers.insert(at, (rng.choice(HEADERS).unwrap_or(&"X").to_string(), value)),
    }
}

fn change_answers(rng: &mut Rng, message: &mut Message, other: &Message) {
    let at = rng.usize(..=message.answers.len());
    match (rng.u8(..8), message.answers.get_mut(at)) {
        (0, Some(_)) => drop(message.answers.remove(at)),
        (1, Some(ApiAnswer::Answered { status, .. })) => {
            *status = *rng.choice(&[200, 204, 301, 404, 500, 0]).unwrap_or(&0)
        }
        (2, Some(ApiAnswer::Answered { link, .. })) => {
            let page = rng.u8(..);
            *link = rng.bool().then(|| format!("<https://api.example.org/?page={page}>; rel=\"next\""));
        }
        (3..6, Some(ApiAnswer::Answered { body, .. })) => {
            let mut changed = body.to_vec();
            change_payload(rng, &mut changed, &other.body);
            *body = changed.into();
        }
        (6, _) => message.answers.push(ApiAnswer::GaveUp("no answer in 60 s".to_owned())),
        _ => message.answers.extend(rng.choice(&other.answers).cloned()),
    }
}
