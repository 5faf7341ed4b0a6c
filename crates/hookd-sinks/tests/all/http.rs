//! What all sinks over HTTP do alike, shown with `webhook`.

use hookd_sinks::Verdict;
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, answer, answer_with, closed_port};
use crate::sinks::{LATER, build, change, expect, problems};

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let (port, _stream) = closed_port();
    let sink = build("webhook", json!({"url": format!("http://127.0.0.1:{port}/"), "proxy": false}));
    let attempt = sink.deliver(&change()).await;
    expect(&attempt, LATER, false, &format!("`127.0.0.1:{port}` refused the connection: is it running?"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_sent_nothing() {
    let sink = build("webhook", json!({"url": "http://hookd.invalid/", "proxy": false}));
    let attempt = sink.deliver(&change()).await;
    expect(&attempt, LATER, false, "the name `hookd.invalid` could not be resolved");
}

#[tokio::test]
async fn a_peer_that_does_not_answer_may_have_the_change() {
    let peer = Peer::start(|_| Reply::Hang);
    let sink = build("webhook", json!({"url": peer.url("/"), "timeout": "300ms", "proxy": false}));
    let attempt = sink.deliver(&change()).await;
    expect(&attempt, LATER, true, "did not answer within 300ms");
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_may_have_brought_the_change() {
    let peer = Peer::start(|_| Reply::Close);
    let sink = build("webhook", json!({"url": peer.url("/"), "proxy": false}));
    let attempt = sink.deliver(&change()).await;
    expect(&attempt, LATER, true, "broke before the answer");
    assert_eq!(peer.requests().len(), 1, "it is not sent again unasked");
}

#[tokio::test]
async fn connections_are_kept() {
    let peer = Peer::start(|_| answer("200 OK", "thanks"));
    let sink = build("webhook", json!({"url": peer.url("/"), "proxy": false}));
    for _ in 0..3 {
        expect(&sink.deliver(&change()).await, Verdict::Delivered, false, "200 OK: thanks");
    }
    assert_eq!((peer.requests().len(), peer.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_the_peer_closes_is_not_used_again() {
    let peer = Peer::start(|_| answer_with("200 OK", "Connection: close\r\n", ""));
    let sink = build("webhook", json!({"url": peer.url("/"), "proxy": false}));
    for _ in 0..3 {
        expect(&sink.deliver(&change()).await, Verdict::Delivered, false, "200 OK");
    }
    assert_eq!((peer.requests().len(), peer.connections()), (3, 3));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let peer = Peer::start(|request| match request.line.as_str() {
        "POST /old HTTP/1.1" => answer_with("301 Moved Permanently", "Location: /new\r\n", ""),
        _ => answer("200 OK", ""),
    });
    let sink = build("webhook", json!({"url": peer.url("/old"), "proxy": false}));
    expect(&sink.deliver(&change()).await, Verdict::ThisSink, false, "301 Moved Permanently to `/new`");
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    for (kind, path) in [("webhook", "/?token=pa55t0ken"), ("buildbot", "/change_hook/base?token=pa55t0ken")] {
        let peer = Peer::start(|request| answer("401 Unauthorized", &format!("who is {request:?}? pa55word?")));
        let options = json!({"url": peer.url(path), "user": "ann", "password": "pa55word", "proxy": false});
        let sink = build(kind, options);
        let attempt = sink.deliver(&change()).await;
        expect(&attempt, Verdict::ThisSink, false, "401 Unauthorized");
        assert_eq!(peer.requests()[0].header("authorization"), Some("Basic YW5uOnBhNTV3b3Jk"));
        for secret in ["pa55word", "YW5uOnBhNTV3b3Jk", "pa55t0ken"] {
            assert!(!attempt.answer.contains(secret), "{kind}: {attempt:?}");
        }
        assert!(!sink.destination().contains("pa55"), "{kind}: {}", sink.destination());
    }
}

#[test]
fn warns_of_passwords_in_the_clear() {
    for kind in ["buildbot", "webhook"] {
        let warned = |url: &str| {
            let options = json!({"url": url, "user": "ann", "password": "x"});
            build(kind, options).warnings().iter().any(|warning| warning.contains("in the clear"))
        };
        assert!(warned("http://example.org/change_hook/base"), "{kind}");
        assert!(!warned("https://example.org/change_hook/base"), "{kind}");
        assert!(!warned("http://localhost:8010/change_hook/base"), "{kind}");
    }
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let proxy = Peer::start(|_| answer("200 OK", ""));
    let sink = build("webhook", json!({"url": "http://hookd.invalid/x", "proxy": proxy.url("/")}));
    expect(&sink.deliver(&change()).await, Verdict::Delivered, false, "200");
    assert_eq!(proxy.requests()[0].line, "POST http://hookd.invalid/x HTTP/1.1");
}

#[tokio::test]
async fn failures_of_the_proxy_are_reported_as_its_own() {
    let proxy = Peer::start(|_| answer("407 Proxy Authentication Required", ""));
    let sink = build("webhook", json!({"url": "https://hookd.invalid/x", "proxy": proxy.url("/")}));
    let attempt = sink.deliver(&change()).await;
    expect(&attempt, LATER, false, "the proxy gave no way to `hookd.invalid:443`: proxy authorization required");

    let (port, _stream) = closed_port();
    let options = json!({"url": "http://hookd.invalid/x", "proxy": format!("http://127.0.0.1:{port}")});
    let attempt = build("webhook", options).deliver(&change()).await;
    expect(&attempt, LATER, false, &format!("the proxy `127.0.0.1:{port}` refused the connection"));
}

#[tokio::test]
async fn private_addresses_are_denied_when_they_are_connected_to() {
    let peer = Peer::start(|_| answer("200 OK", ""));
    let options = json!({"url": format!("http://localhost:{}/", peer.port()), "deny_private": true});
    let attempt = build("webhook", options).deliver(&change()).await;
    expect(&attempt, Verdict::ThisSink, false, "a private address, and `deny_private` is set");
    assert_eq!(peer.connections(), 0);

    let denied = problems("webhook", json!({"url": peer.url("/"), "deny_private": true}));
    assert_eq!(denied, ["url: it names a private address, and `deny_private` is set"]);
}

#[test]
fn every_problem_is_reported_at_its_place() {
    let options = json!({
        "url": "http://example.org/",
        "user": "ann",
        "timeout": "0s",
        "ca": "none.pem",
        "client_certificate": "none.pem",
        "deny_private": true,
        "proxy": "http://proxy:3128",
        "headers": {"content-length": "1", "b c": "x"},
        "secret": "whsec_%",
    });
    let mut problems = problems("webhook", options);
    problems.sort();
    let missing = "cannot read `/nonexistent/none.pem`: No such file or directory (os error 2)";
    assert_eq!(
        problems,
        [
            format!("ca: {missing}"),
            format!("client_certificate: {missing}"),
            "headers.b c: it is not the name of a header".to_owned(),
            "headers.content-length: hookd sets this header itself".to_owned(),
            "proxy: a proxy resolves names itself, so `deny_private` has no effect: leave one of them out".to_owned(),
            "secret: what follows `whsec_` in the secret must be Base64".to_owned(),
            "timeout: an attempt needs more time than `0s`".to_owned(),
            "user: it needs `password`".to_owned(),
        ]
    );
}

#[test]
fn a_url_with_credentials_is_refused_without_showing_them() {
    for kind in ["buildbot", "webhook"] {
        let problems = problems(kind, json!({"url": "http://ann:pa55word@example.org/change_hook/base"}));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("url: credentials in a URL end up in logs"), "{problems:?}");
        assert!(!problems[0].contains("pa55word"), "{problems:?}");
    }
}

#[test]
fn every_type_documents_its_options() {
    let types = hookd_core::registry::all::<hookd_sinks::SinkType>();
    let names: Vec<_> = types.iter().map(|kind| kind.name).collect();
    assert_eq!(names, ["buildbot", "exec", "file", "webhook"]);
    for kind in types {
        let schema = (kind.schema)(&mut schemars::SchemaGenerator::default());
        for (option, schema) in schema.get("properties").and_then(Value::as_object).unwrap() {
            assert!(schema.get("description").is_some(), "{}: `{option}`: {schema}", kind.name);
        }
    }
}
