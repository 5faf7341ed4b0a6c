//! Sinks in the REST API, in metrics and on the pages, with an engine and a store in memory.

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, LOCATION, ORIGIN};
use actix_web::test::TestRequest;
use hookd_sinks::{Attempt, SinkState};
use hookd_store::NewState;
use serde_json::{Value, json};

use crate::site::{ScriptedSink, Site, change, delivery, sink_options};

/// Changes 1, 2, … with these revisions.
async fn add(site: &Site, revisions: &[&str]) {
    for revision in revisions {
        site.add(delivery(revision, NewState::Accepted(vec![change(revision)]))).await;
    }
}

/// A sink `master` that refused `b` and `d` of four changes.
async fn with_dead_letters() -> (Site, ScriptedSink) {
    let (site, sink) = (Site::new(), ScriptedSink::default());
    sink.answer("b", Attempt::refused("422 no such <b>branch</b>"));
    sink.answer("d", Attempt::refused("422 no such <b>branch</b>"));
    add(&site, &["a", "b", "c", "d"]).await;
    site.serve(vec![(sink.clone(), sink_options("master"))]).await;
    site.wait_for("master", |status| status.position == 4).await;
    // Pausing commits what has ended so far, and resuming is shown with it.
    assert_eq!(site.post("/api/v2/sinks/master/pause").await.status, StatusCode::OK);
    assert_eq!(site.post("/api/v2/sinks/master/resume").await.status, StatusCode::OK);
    (site, sink)
}

async fn outcomes(site: &Site, changeid: i64) -> Vec<String> {
    let shown = site.get(&format!("/api/v2/changes/{changeid}/sinks")).await.json();
    let sinks = shown["sinks"].as_array().unwrap().iter();
    sinks.map(|sink| format!("{}: {}", sink["sink"].as_str().unwrap(), sink["sentence"].as_str().unwrap())).collect()
}

async fn sink(site: &Site, name: &str) -> Value {
    site.get(&format!("/api/v2/sinks/{name}")).await.json()["sinks"][0].clone()
}

#[actix_web::test]
async fn a_sink_is_shown_with_its_head_and_its_error() {
    let (site, scripted) = (Site::new(), ScriptedSink::default());
    scripted.answer("b", Attempt::later("503 Service Unavailable"));
    add(&site, &["a", "b", "c"]).await;
    site.serve(vec![(scripted, sink_options("master"))]).await;
    site.wait_for("master", |status| status.head.as_ref().is_some_and(|head| head.attempts > 0)).await;
    let shown = sink(&site, "master").await;
    for (field, value) in [
        ("name", json!("master")),
        ("type", json!("scripted")),
        ("destination", json!("nowhere")),
        ("order", json!("all")),
        ("state", json!("retrying")),
        ("error", json!("503 Service Unavailable")),
        ("position", json!(1)),
        ("lag_changes", json!(2)),
        ("dead_letters", json!(0)),
    ] {
        assert_eq!(shown[field], value, "{field}: {shown}");
    }
    let head = &shown["head"];
    assert_eq!((&head["changeid"], &head["answer"]), (&json!(2), &json!("503 Service Unavailable")));
    assert!(head["attempts"].as_u64() >= Some(1) && head["next_attempt_at"].is_f64(), "{head}");
    assert!(shown["lag_seconds"].as_f64() > Some(0.0), "{shown}");
    assert_eq!(site.get("/api/v2/sinks").await.json()["meta"], json!({ "total": 1, "not_configured": [] }));

    assert_eq!(outcomes(&site, 3).await, ["master: waits behind change 2; the sink is retrying"]);
    let second = &outcomes(&site, 2).await[0];
    assert!(second.contains("failed: 503 Service Unavailable"), "{second}");
    let text = site.text("/sinks/master").await;
    for part in ["503 Service Unavailable", "next attempt ", "Skip change 2", "action=\"../sinks/master/pause\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let list = site.text("/sinks").await;
    assert!(list.contains("href=\"./sinks/master\"") && list.contains("retrying"), "{list}");
}

#[actix_web::test]
async fn dead_letters_are_listed_grouped_and_sent_once_more() {
    let (site, scripted) = with_dead_letters().await;
    let letters = site.get("/api/v2/sinks/master/dead_letters").await.json();
    assert_eq!(letters["meta"], json!({ "total": 2 }));
    let numbers: Vec<_> = letters["dead_letters"].as_array().unwrap().iter().map(|one| &one["changeid"]).collect();
    assert_eq!(numbers, [2, 4]);
    let second = site.get("/api/v2/sinks/master/dead_letters?limit=1&offset=1").await.json();
    assert_eq!(
        (&second["dead_letters"][0]["changeid"], second["dead_letters"].as_array().unwrap().len()),
        (&json!(4), 1)
    );
    let groups = site.get("/api/v2/sinks/master/dead_letters?group=reason").await.json();
    let reason = "422 no such <b>branch</b>";
    assert_eq!(
        groups,
        json!({
            "dead_letters": [{ "reason": reason, "count": 2, "first_changeid": 2, "last_changeid": 4 }],
            "meta": { "total": 1, "others": 0 },
        })
    );
    let text = site.text("/sinks/master").await;
    assert!(text.contains("422 no such &lt;b&gt;branch&lt;/b&gt;") && !text.contains("<b>"), "{text}");
    assert_eq!(outcomes(&site, 2).await, [format!("master: dead letter after 1 attempt: {reason}")]);

    scripted.mend();
    // As the button for the group asks for it.
    let start = text.find("/sinks/master/requeue?reason=").unwrap();
    let target = text[start..].split('"').next().unwrap();
    let answer = site.post(target).await;
    assert_eq!(
        (answer.status, answer.headers.get(LOCATION).unwrap().to_str().unwrap()),
        (StatusCode::SEE_OTHER, "../../sinks/master")
    );
    site.wait_for("master", |status| status.attempts.delivered == 4).await;
    assert_eq!(site.post("/api/v2/sinks/master/pause").await.status, StatusCode::OK);
    assert_eq!(outcomes(&site, 4).await, ["master: delivered: 201 Created"]);
    assert_eq!(sink(&site, "master").await["dead_letters"], 0);
    let followed = site.get("/api/v2/changes/4/sinks?follow=1").await.json();
    assert_eq!(followed["sinks"][0]["followed"], json!(["build of 4"]));
}

#[actix_web::test]
async fn changes_are_sent_once_more_by_number_and_all_at_once() {
    let (site, scripted) = with_dead_letters().await;
    scripted.mend();
    let site = &site;
    let post = |query: &'static str| async move { site.post(&format!("/api/v2/sinks/master/requeue{query}")).await };
    for (query, status, error) in [
        ("", 400, "expected one of `changeid` (once or more), `reason`, `kind=dead` or `kind=filtered`"),
        (
            "?kind=dead&changeid=2",
            400,
            "expected one of `changeid` (once or more), `reason`, `kind=dead` or `kind=filtered`",
        ),
        ("?kind=delivered", 400, "expected one of `changeid` (once or more), `reason`, `kind=dead` or `kind=filtered`"),
        ("?changeid=x", 400, "invalid changeid"),
        ("?all=1", 400, "unrecognized query parameter 'all'"),
        ("?changeid=2&changeid=1", 409, "change 1 was delivered"),
        ("?changeid=9", 409, "change 9 has not ended at this sink"),
    ] {
        let answer = post(query).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (status, &json!(error)), "{query}");
    }
    assert_eq!(post("?reason=other").await.json(), json!({ "result": "no change is sent once more" }));
    assert_eq!(post("?changeid=2").await.json(), json!({ "result": "1 change is sent once more" }));
    site.wait_for("master", |status| status.attempts.delivered == 3).await;
    assert_eq!(post("?kind=dead").await.json(), json!({ "result": "1 change is sent once more" }));
    site.wait_for("master", |status| status.attempts.delivered == 4).await;
}

#[actix_web::test]
async fn what_a_mended_filter_would_not_drop_is_sent() {
    let (site, scripted) = (Site::new(), ScriptedSink::default());
    add(&site, &["a", "b", "c"]).await;
    let options = |filter: Value| {
        let filter = serde_json::from_value(filter).unwrap();
        hookd_sinks::EverySink { filter, ..sink_options("master") }
    };
    site.serve(vec![(scripted.clone(), options(json!({ "project": "tea" })))]).await;
    site.wait_for("master", |status| status.position == 3).await;
    assert_eq!(site.post("/api/v2/sinks/master/pause").await.status, StatusCode::OK);
    assert_eq!(outcomes(&site, 2).await, ["master: dropped by the filter, option `project`"]);
    assert_eq!(site.post("/api/v2/sinks/master/resume").await.status, StatusCode::OK);
    let requeue = || async { site.post("/api/v2/sinks/master/requeue?kind=filtered").await.json() };
    assert_eq!(requeue().await["result"], "no change is sent once more");

    site.serve(vec![(scripted, options(json!({})))]).await;
    site.wait_for("master", |status| status.state == SinkState::Idle).await;
    assert_eq!(requeue().await["result"], "3 changes are sent once more");
    site.wait_for("master", |status| status.attempts.delivered == 3).await;
}

#[actix_web::test]
async fn a_skip_is_for_the_change_that_was_seen() {
    let (site, scripted) = (Site::new(), ScriptedSink::default());
    scripted.answer("a", Attempt::later("busy"));
    scripted.answer("b", Attempt::later("busy"));
    add(&site, &["a", "b"]).await;
    site.serve(vec![(scripted, sink_options("master"))]).await;
    site.wait_for("master", |status| status.head.as_ref().is_some_and(|head| head.attempts > 0)).await;
    let answer = site.post("/sinks/master/skip?changeid=2").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("change 2 is not the first that waits"), "{}", answer.text);
    let answer = site.post("/api/v2/sinks/master/skip?changeid=1").await;
    assert_eq!(answer.json()["result"], "change 1 was skipped, and is a dead letter now");
    site.wait_for("master", |status| status.head.as_ref().is_some_and(|head| head.changeid == 2)).await;
    let first = &outcomes(&site, 1).await[0];
    assert!(
        first.starts_with("master: dead letter after 1 attempt: skipped by an operator; last answer: busy"),
        "{first}"
    );
}

#[actix_web::test]
async fn a_paused_sink_says_so_everywhere() {
    let (site, scripted) = (Site::new(), ScriptedSink::default());
    site.serve(vec![(scripted, sink_options("pull requests"))]).await;
    site.wait_for("pull requests", |status| status.state == SinkState::Idle).await;
    let answer = site.post("/sinks/pull%20requests/pause").await;
    assert_eq!(answer.headers.get(LOCATION).unwrap(), "../../sinks/pull%20requests");
    add(&site, &["a", "b"]).await;
    site.wait_for("pull requests", |status| status.head.is_some()).await;
    let shown = sink(&site, "pull%20requests").await;
    assert_eq!((&shown["state"], &shown["lag_changes"]), (&json!("paused"), &json!(2)));
    assert_eq!(outcomes(&site, 1).await, ["pull requests: waits, since the sink is paused"]);
    assert_eq!(outcomes(&site, 2).await, ["pull requests: waits behind change 1; the sink is paused"]);
    let text = site.text("/changes/1").await;
    assert!(text.contains("<a href=\"../sinks/pull%20requests\">pull requests</a>"), "{text}");
    assert!(text.contains("waits, since the sink is paused"), "{text}");
    let text = site.text("/deliveries/2").await;
    assert!(text.contains("waits behind change 1; the sink is paused"), "{text}");
    assert!(site.text("/sinks/pull%20requests").await.contains("../sinks/pull%20requests/resume"));
}

#[actix_web::test]
async fn only_this_site_can_have_a_sink_do_something() {
    let (site, _scripted) = with_dead_letters().await;
    for path in ["/sinks/master/pause", "/api/v2/sinks/master/pause", "/sinks/master/requeue?kind=dead"] {
        let post = |origin| {
            let request = TestRequest::post().uri(path).insert_header((HOST, "127.0.0.1:8011"));
            site.send(request.insert_header((ORIGIN, origin)))
        };
        for origin in ["http://evil.example", "null"] {
            assert_eq!(post(origin).await.status, StatusCode::FORBIDDEN, "{path} {origin}");
        }
        assert!(site.get(path).await.status.is_client_error(), "{path}");
    }
    assert_eq!(sink(&site, "master").await["state"], "idle");
    assert_eq!(sink(&site, "master").await["dead_letters"], 2);
    let request = TestRequest::post().uri("/sinks/master/pause").insert_header((HOST, "127.0.0.1:8011"));
    let answer = site.send(request.insert_header((ORIGIN, "http://127.0.0.1:8011"))).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(sink(&site, "master").await["state"], "paused");
}

#[actix_web::test]
async fn what_is_not_there_is_404() {
    let (site, _scripted) = with_dead_letters().await;
    for path in ["/api/v2/sinks/other", "/api/v2/sinks/other/dead_letters", "/api/v2/changes/5/sinks", "/sinks/other"] {
        assert_eq!(site.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in
        ["/api/v2/sinks/other/pause", "/api/v2/sinks/master/explode", "/sinks/other/pause", "/sinks/master/explode"]
    {
        assert_eq!(site.post(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for query in ["?limit=x", "?group=answer", "?reason=1"] {
        let answer = site.get(&format!("/api/v2/sinks/master/dead_letters{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[actix_web::test]
async fn a_sink_that_is_gone_keeps_its_outcomes() {
    let (site, _scripted) = with_dead_letters().await;
    site.serve(vec![(ScriptedSink::default(), sink_options("other"))]).await;
    site.wait_for("other", |status| status.position == 4).await;
    assert_eq!(site.post("/api/v2/sinks/other/pause").await.status, StatusCode::OK);
    let shown = site.get("/api/v2/changes/1/sinks").await.json();
    let sinks: Vec<_> =
        shown["sinks"].as_array().unwrap().iter().map(|sink| (&sink["sink"], &sink["configured"])).collect();
    assert_eq!(sinks, [(&json!("other"), &json!(true)), (&json!("master"), &json!(false))]);
    assert!(site.text("/changes/1").await.contains("master (no longer configured)"));

    // Until it is forgotten.
    assert_eq!(site.get("/api/v2/sinks").await.json()["meta"]["not_configured"], json!(["master"]));
    assert!(site.text("/sinks").await.contains("action=\"./sinks/master/forget\""));
    assert_eq!(site.post("/sinks/other/forget").await.status, StatusCode::CONFLICT);
    let answer = site.post("/sinks/master/forget").await;
    assert_eq!(
        (answer.status, answer.headers.get(LOCATION).unwrap().to_str().unwrap()),
        (StatusCode::SEE_OTHER, "../../sinks")
    );
    assert_eq!(site.get("/api/v2/sinks").await.json()["meta"]["not_configured"], json!([]));
    assert_eq!(outcomes(&site, 1).await, ["other: delivered: 201 Created"]);
}

#[actix_web::test]
async fn metrics_show_each_sink() {
    let (site, scripted) = with_dead_letters().await;
    scripted.answer("e", Attempt::later("busy"));
    add(&site, &["e", "f"]).await;
    site.wait_for("master", |status| status.head.as_ref().is_some_and(|head| head.attempts > 0)).await;
    let text = site.text("/metrics").await;
    for line in [
        "hookd_sink_state{sink=\"master\",state=\"retrying\"} 1",
        "hookd_sink_state{sink=\"master\",state=\"idle\"} 0",
        "hookd_sink_lag_changes{sink=\"master\"} 2",
        "hookd_sink_attempts_total{sink=\"master\",outcome=\"delivered\"} 2",
        "hookd_sink_attempts_total{sink=\"master\",outcome=\"this_change\"} 2",
        "hookd_sink_arrival_delay_seconds_count{sink=\"master\"} 2",
        "hookd_sink_dead_letters{sink=\"master\"} 2",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.trim().parse().unwrap()
    };
    assert!(value("hookd_sink_head_age_seconds{sink=\"master\"}") > 0.0);
    assert!(value("hookd_sink_next_attempt_timestamp_seconds{sink=\"master\"}") > 1_700_000_000.0);
    assert!(value("hookd_sink_attempt_duration_seconds_count{sink=\"master\"}") >= 5.0);
    // The gauges of a sink that is gone go with it.
    site.serve(vec![]).await;
    assert!(!site.text("/metrics").await.contains("hookd_sink_state{"));
}
