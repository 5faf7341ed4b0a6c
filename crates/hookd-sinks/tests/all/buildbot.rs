//! `buildbot`, at a server that answers as a master may; the tests of the whole have a real one.

use std::collections::BTreeMap;

use hookd_sinks::{Known, Verdict};
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, Request, answer};
use crate::sinks::{LATER, build, change, expect, problems};

fn query(request: &Request) -> Vec<(String, String)> {
    let target = request.line.split(' ').nth(1).unwrap();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A change of a master, as its API shows it.
fn theirs(changeid: i64, hookd_id: &str) -> Value {
    json!({"changeid": changeid, "properties": {"hookd_id": [hookd_id, "Change"]}})
}

#[tokio::test]
async fn sends_a_form_with_the_id() {
    let peer = Peer::start(|_| answer("200 OK", "1 change found"));
    let options = json!({"url": peer.url("/change_hook/base"), "user": "ann", "password": "x", "proxy": false});
    expect(&build("buildbot", options).deliver(&change()).await, Verdict::Delivered, false, "1 change found");
    let request = &peer.requests()[0];
    assert_eq!(request.line, "POST /change_hook/base HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("authorization"), Some("Basic YW5uOng="));
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!(form["properties"], r#"{"hookd_id":"k3y-17-60a24181e4000"}"#);
}

#[tokio::test]
async fn a_master_that_dies_while_it_answers_may_have_the_change() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n1 ch";
    let cuts = std::sync::atomic::AtomicBool::new(false);
    // The rest never comes: the connection ends after the answer, with the next request at the latest.
    let peer = Peer::start(move |_| match cuts.swap(true, std::sync::atomic::Ordering::Relaxed) {
        false => Reply::Answer(cut.to_owned()),
        true => Reply::Close,
    });
    let options = json!({"url": peer.url("/change_hook/base"), "timeout": "500ms", "proxy": false});
    let attempt = build("buildbot", options).deliver(&change()).await;
    expect(&attempt, LATER, true, "200 OK");
}

#[tokio::test]
async fn looks_through_the_pages_for_the_id() {
    let peer = Peer::start(|request| {
        let query = query(request);
        let offset: i64 = query.iter().find(|(name, _)| name == "offset").unwrap().1.parse().unwrap();
        // As a real master does: the page is reversed, and its total is its own.
        let mut page: Vec<Value> = (offset..offset + 50).map(|n| theirs(1000 - n, &format!("k3y-{n}-1"))).collect();
        if offset == 100 {
            page.truncate(7);
            page[3] = theirs(897, "k3y-17-60a24181e4000");
        }
        page.reverse();
        answer("200 OK", &json!({"changes": page, "meta": {"total": page.len()}}).to_string())
    });
    let sink = build("buildbot", json!({"url": peer.url("/bb/change_hook/base"), "proxy": false}));
    assert_eq!(sink.has(&change()).await, Known::Yes("change 897".to_owned()));
    let requests = peer.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].line.starts_with("GET /bb/api/v2/changes?"), "{}", requests[0].line);
    let asked = query(&requests[0]);
    for (name, value) in [
        ("revision__eq", "c0ffee"),
        ("branch__eq", "main"),
        ("when_timestamp__eq", "1699999999"),
        ("order", "-changeid"),
    ] {
        assert!(asked.contains(&(name.to_owned(), value.to_owned())), "{asked:?}");
    }

    let mut other = change();
    other.hookd_id = "k3y-18-60a24181e4000".to_owned();
    assert_eq!(sink.has(&other).await, Known::No);
}

/// As Buildbot 4.3.0 does it now and then: its REST API writes from another thread than Twisted's.
#[tokio::test]
async fn an_answer_that_lost_a_piece_is_asked_for_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let peer = Peer::start(move |_| {
        let body = json!({"changes": [theirs(5, "k3y-17-60a24181e4000")]}).to_string();
        match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Reply::Answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.len(), &body[9..])),
            _ => answer("200 OK", &body),
        }
    });
    let sink = build("buildbot", json!({"url": peer.url("/change_hook/base"), "timeout": "300ms", "proxy": false}));
    assert_eq!(sink.has(&change()).await, Known::Yes("change 5".to_owned()));
    assert_eq!((peer.requests().len(), peer.connections()), (2, 2));
}

#[tokio::test]
async fn gives_up_looking_at_some_point() {
    let peer = Peer::start(|_| {
        let page: Vec<Value> = (0..50).map(|n| theirs(n, "k3y-1-1")).collect();
        answer("200 OK", &json!({"changes": page}).to_string())
    });
    let sink = build("buildbot", json!({"url": peer.url("/change_hook/base"), "proxy": false}));
    let Known::NoAnswer(why) = sink.has(&change()).await else { panic!("it cannot know") };
    assert!(why.contains("more than 4000 changes"), "{why}");
    assert_eq!(peer.requests().len(), 80);
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_no_answer() {
    let cases = [
        ("403 Forbidden", "", "the REST API answered 403 Forbidden (see `api_user` and `api_password`)"),
        ("404 Not Found", "", "the REST API answered 404 Not Found (see `api_url`)"),
        ("500 Internal Server Error", "", "the REST API answered 500"),
        ("200 OK", "<html><title>Log in</title>", "not the REST API of a master: 200 OK: a page of HTML, `Log in`"),
        ("200 OK", "{}", "an answer of the REST API is not as expected: missing field `changes`"),
    ];
    for (status, body, words) in cases {
        let peer = Peer::start(move |_| answer(status, body));
        let sink = build("buildbot", json!({"url": peer.url("/change_hook/base"), "proxy": false}));
        let Known::NoAnswer(why) = sink.has(&change()).await else { panic!("there was no answer to {status}") };
        assert!(why.starts_with(words), "{why}");
        assert!(!sink.is_healthy().await);
    }
}

/// A master with one change of ours, and what it answers to these paths.
fn master(answers: &'static [(&'static str, &'static str)]) -> Peer {
    Peer::start(move |request| {
        let path = request.line.split([' ', '?']).nth(1).unwrap();
        if path == "/bb/api/v2/changes" {
            return answer("200 OK", &json!({"changes": [theirs(597, "k3y-17-60a24181e4000")]}).to_string());
        }
        let known = answers.iter().find(|(known, _)| *known == path);
        known.map_or_else(|| answer("404 Not Found", ""), |(_, body)| answer("200 OK", body))
    })
}

#[tokio::test]
async fn tells_the_builds_of_a_change() {
    let peer = master(&[
        (
            "/bb/api/v2/changes/597/builds",
            r#"{"builds": [
                {"number": 3, "builderid": 2, "complete": true, "results": 0, "state_string": "build successful"},
                {"number": 4, "builderid": 2, "complete": false, "results": null, "state_string": "compiling"}]}"#,
        ),
        ("/bb/api/v2/builders/2", r#"{"builders": [{"name": "runtests"}]}"#),
    ]);
    let sink = build("buildbot", json!({"url": peer.url("/bb/change_hook/base"), "proxy": false}));
    let page = |number| peer.url(&format!("/bb/#/builders/2/builds/{number}"));
    assert_eq!(
        sink.follow(&change()).await.unwrap(),
        [
            "change 597 of the master".to_owned(),
            format!("build 3 of builder `runtests`: success ({})", page(3)),
            format!("build 4 of builder `runtests`: compiling ({})", page(4)),
        ]
    );
}

#[tokio::test]
async fn tells_whether_a_scheduler_took_a_change_without_builds() {
    let taken = master(&[
        ("/bb/api/v2/changes/597", r#"{"changes": [{"sourcestamp": {"ssid": 7}}]}"#),
        ("/bb/api/v2/changes/597/builds", r#"{"builds": []}"#),
        (
            "/bb/api/v2/buildsets",
            r#"{"buildsets": [{"reason": "The scheduler said so", "sourcestamps": [{"ssid": 7}]}]}"#,
        ),
    ]);
    let untaken = master(&[
        ("/bb/api/v2/changes/597", r#"{"changes": [{"sourcestamp": {"ssid": 7}}]}"#),
        ("/bb/api/v2/changes/597/builds", r#"{"builds": []}"#),
        ("/bb/api/v2/buildsets", r#"{"buildsets": [{"reason": "", "sourcestamps": [{"ssid": 1}]}]}"#),
    ]);
    for (peer, line) in [
        (taken, "its builds have not begun yet (The scheduler said so)"),
        (untaken, "no scheduler took it, or one still waits for the tree to be stable"),
    ] {
        let sink = build("buildbot", json!({"url": peer.url("/bb/change_hook/base"), "proxy": false}));
        assert_eq!(sink.follow(&change()).await.unwrap(), ["change 597 of the master", line]);
    }
}

#[tokio::test]
async fn credentials_of_the_hook_stay_on_its_host() {
    let (hook, api) =
        (Peer::start(|_| answer("200 OK", "1 change found")), Peer::start(|_| answer("404 Not Found", "")));
    let options = |more: Value| {
        let mut options = json!({"url": hook.url("/change_hook/base"), "user": "ann", "password": "x", "proxy": false});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    build("buildbot", options(json!({}))).has(&change()).await;
    assert_eq!(hook.requests()[0].header("authorization"), Some("Basic YW5uOng="));
    build("buildbot", options(json!({"api_url": api.url("/api/v2/")}))).has(&change()).await;
    assert_eq!(api.requests()[0].header("authorization"), None);
    let own = json!({"api_url": api.url("/api/v2/"), "api_user": "bob", "api_password": "y"});
    build("buildbot", options(own)).has(&change()).await;
    assert_eq!(api.requests()[1].header("authorization"), Some("Basic Ym9iOnk="));
    assert!(api.requests()[1].line.starts_with("GET /api/v2/changes?"));
}

#[tokio::test]
async fn a_master_that_cannot_be_asked_is_warned_about() {
    let sink = build("buildbot", json!({"url": "http://example.org/hook"}));
    assert!(sink.warnings()[0].contains("`api_url`"), "{:?}", sink.warnings());
    assert_eq!(sink.has(&change()).await, Known::CannotTell);
    let sink = build("buildbot", json!({"url": "http://example.org/change_hook/base", "api_url": false}));
    assert_eq!(sink.has(&change()).await, Known::CannotTell);
}

#[test]
fn halves_of_credentials_are_problems() {
    let mut problems =
        problems("buildbot", json!({"url": "http://example.org/change_hook/base", "password": "x", "api_user": "ann"}));
    problems.sort();
    assert_eq!(problems, ["api_user: it needs `api_password`", "password: it needs `user`"]);
}
