//! `webhook`: signed CloudEvents.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hookd_sinks::{Known, Verdict};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::peer::{Peer, Request, answer};
use crate::sinks::{build, change, expect, problems};

/// Verifies as a receiver does.
fn is_signed_with(request: &Request, key: &[u8]) -> bool {
    let header = |name: &str| request.header(name).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test]
async fn sends_a_signed_event_and_the_headers() {
    let peer = Peer::start(|_| answer("202 Accepted", ""));
    let old = b"an old key of 24 bytes!!".as_slice();
    let options = json!({
        "url": peer.url("/events?x=1"),
        "secret": ["a new secret, in plain text", format!("whsec_{}", STANDARD.encode(old))],
        "headers": {"X-Api-Key": "pa55word"},
        "source": "/hookd/berlin",
        "proxy": false,
    });
    let sink = build("webhook", options);
    expect(&sink.deliver(&change()).await, Verdict::Delivered, false, "202 Accepted");

    let request = &peer.requests()[0];
    assert_eq!(request.line, "POST /events?x=1 HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    assert_eq!(request.header("x-api-key"), Some("pa55word"));
    assert_eq!(request.header("webhook-id"), Some("k3y-17-60a24181e4000"));
    assert!(is_signed_with(request, b"a new secret, in plain text") && is_signed_with(request, old));
    assert!(!is_signed_with(request, b"another"));
    let event: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&event["id"], &event["source"]), (&json!("k3y-17-60a24181e4000"), &json!("/hookd/berlin")));
    assert_eq!(event["data"]["comments"], "Boil water");

    assert_eq!(sink.warnings(), [""; 0]);
    assert_eq!(sink.has(&change()).await, Known::CannotTell);
    assert_eq!(sink.destination(), peer.url("/events?…"));
}

#[tokio::test]
async fn headers_that_come_back_are_not_shown() {
    let peer = Peer::start(|request| answer("422 Unprocessable Content", request.header("x-api-key").unwrap()));
    let options = json!({"url": peer.url("/"), "headers": {"X-Api-Key": "pa55word"}, "proxy": false});
    let attempt = build("webhook", options).deliver(&change()).await;
    expect(&attempt, Verdict::ThisChange, false, "422 Unprocessable");
    assert!(!attempt.answer.contains("pa55word"), "{attempt:?}");
}

#[tokio::test]
async fn warns_where_nothing_is_signed_or_the_secret_is_short() {
    let warnings = |options| build("webhook", options).warnings();
    let unsigned = warnings(json!({"url": "http://example.org/"}));
    assert!(unsigned.len() == 1 && unsigned[0].contains("not signed"), "{unsigned:?}");
    let short = warnings(json!({"url": "http://example.org/", "secret": "short"}));
    assert!(short.len() == 1 && short[0].contains("24 bytes"), "{short:?}");
}

#[test]
fn two_ways_to_authorize_are_a_problem() {
    let options = json!({
        "url": "http://example.org/", "user": "ann", "password": "x", "headers": {"Authorization": "Bearer x"},
    });
    let expected = "headers.Authorization: `user` and `password` make this header: leave one of them out";
    assert_eq!(problems("webhook", options), [expected]);
}
