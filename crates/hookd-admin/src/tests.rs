//! The REST API, health and metrics, over a store in memory; the pages have tests of their own.

mod pollers;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::test::TestRequest;
use hookd_store::{NewDelivery, NewState, Observer, Replay, StoreError, Timestamp};
use serde_json::{Value, json};

use crate::UnverifiedRequest;
use crate::site::{Answer, NOT_REPLAYED, NOT_THERE, Site, change, delivery};

#[actix_web::test]
async fn readyz_reports_a_store_that_fails_and_healthz_does_not() {
    let site = Site::new();
    assert_eq!(site.text("/readyz").await, "ready");
    site.store.fail_with(StoreError::Unavailable { cause: "disk full".into(), remedy: "free some".into() });
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.text, "not ready: the store is unavailable: disk full");
    assert_eq!(site.text("/healthz").await, "ok");
    site.store.recover();
    assert_eq!(site.text("/readyz").await, "ready");
}

#[actix_web::test]
async fn everything_but_health_asks_for_the_credentials_of_the_section_admin() {
    let site =
        Site::configured("[admin]\nchange_hook_auth = ['memory:ops:secret']\n[change_hook_dialects]\nbase = true\n");
    for open in ["/healthz", "/readyz"] {
        assert_eq!(site.get(open).await.status, StatusCode::OK, "{open}");
    }
    for path in
        ["/healthz", "/readyz", "/", "/metrics", "/nothing", "/api/v2/changes", "/api/v2/nothing", "/api/v2/dialects"]
    {
        assert_eq!(site.get(path).await.headers.get(CACHE_CONTROL).unwrap(), "no-store", "{path}");
    }
    for path in ["/", "/unverified", "/style.css", "/metrics", "/nothing", "/api/v2/changes", "/api/v2/nothing"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.headers.contains_key(WWW_AUTHENTICATE), "{path}");
        // "ops:secret"
        let request = TestRequest::get().uri(path).insert_header((AUTHORIZATION, "Basic b3BzOnNlY3JldA=="));
        let expected = if path.contains("nothing") { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(site.send(request).await.status, expected, "{path}");
    }
    assert_eq!(site.send(TestRequest::post().uri("/api/v2/reload")).await.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_reload_reports_what_is_wrong_and_what_needs_a_restart() {
    let site = Site::new();
    let reload = || site.send(TestRequest::post().uri("/api/v2/reload"));
    std::fs::write(
        &site.config_file,
        "[admin]\nlisten = '127.0.0.1:1'\n[change_hook_dialects]\nother = { custom_class = 'base' }\n",
    )
    .unwrap();
    let answer = reload().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["reloaded"], true);
    assert_eq!(answer.json()["after_restart"], json!(["admin.listen"]));
    let dialects = || async { site.get("/api/v2/dialects").await.json()["dialects"].clone() };
    let served = json!([{
        "name": "other",
        "class": "base",
        "path": "/change_hook/other",
        "requires_password": false,
        "requires_proof": false,
        "deduplicate": true,
    }]);
    assert_eq!(dialects().await, served);

    std::fs::write(&site.config_file, "[sever]\n").unwrap();
    let answer = reload().await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        (&answer.json()["reloaded"], &answer.json()["error"]),
        (&json!(false), &json!("the configuration is invalid"))
    );
    assert_eq!(answer.json()["problems"].as_array().map(Vec::len), Some(1));
    assert_eq!(dialects().await, served);
}

#[actix_web::test]
async fn collections_return_the_selected_fields_of_the_selected_records_and_the_total() {
    let site = Site::new();
    for revision in ["a", "b", "c"] {
        site.add(delivery(revision, NewState::Accepted(vec![change(revision)]))).await;
    }
    let json = |target: &'static str| async { site.get(target).await.json() };
    assert_eq!(
        json("/api/v2/changes?field=changeid&field=revision&order=-changeid&limit=2").await,
        json!({ "changes": [{ "changeid": 3, "revision": "c" }, { "changeid": 2, "revision": "b" }], "meta": { "total": 3 } })
    );
    assert_eq!(
        json("/api/v2/deliveries?forge_id=b&field=deliveryid&field=forge_id").await,
        json!({ "deliveries": [{ "deliveryid": 2, "forge_id": "b" }], "meta": { "total": 1 } })
    );
    assert_eq!(json("/api/v2/changes/2?field=revision").await, json!({ "changes": [{ "revision": "b" }], "meta": {} }));
    let whole = json("/api/v2/deliveries/1").await;
    assert_eq!(
        whole["deliveries"][0]["request"],
        json!({ "method": "POST", "path": "/change_hook/base", "query": "", "headers": {} })
    );
}

#[actix_web::test]
async fn a_body_is_downloaded_byte_for_byte_and_never_shown() {
    let site = Site::new();
    let bodies: [Vec<u8>; 4] = [
        (0..=255).collect(),
        b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
        b"{}".to_vec(),
        (0..300_000_u32).flat_map(u32::to_le_bytes).collect(),
    ];
    for body in bodies {
        let mut with_body = delivery("a", NewState::Ignored("no".into()));
        with_body.request.as_mut().unwrap().body = body.clone().into();
        let id = site.add(with_body).await;
        let target = format!("/api/v2/deliveries/{id}/body");
        let answer = site.get_bytes(&target).await;
        assert_eq!((answer.0.as_u16(), &answer.2), (200, &body));
        for (name, value) in [
            ("content-type", "application/octet-stream"),
            ("content-disposition", &*format!("attachment; filename=\"delivery-{id}.body\"")),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.1.get(name).unwrap(), value);
        }
        let page = site.text(&format!("/deliveries/{id}")).await;
        assert!(page.contains(&format!("<a href=\"..{target}\" download>")), "{page}");
    }
    let without = site.add(NewDelivery { request: None, ..delivery("b", NewState::Ignored("no".into())) }).await;
    for (id, message) in [
        (without.to_string(), "the delivery came without a body, or it is no longer kept".to_owned()),
        ("99".to_owned(), "not found while getting from deliveries/99/body".to_owned()),
        ("x".to_owned(), "not found while getting from deliveries/x/body".to_owned()),
    ] {
        let answer = site.get(&format!("/api/v2/deliveries/{id}/body")).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::NOT_FOUND, json!({ "error": message })));
    }
    assert!(!site.text(&format!("/deliveries/{without}")).await.contains("/body\""));
}

#[actix_web::test]
async fn errors_of_the_api_are_json_in_buildbots_words() {
    let site = Site::new();
    site.add(delivery("a", NewState::Accepted(vec![change("a")]))).await;
    for (target, status, message) in [
        ("/api/v2/changes/2", 404, "not found while getting from changes/2"),
        ("/api/v2/deliveries/x", 404, "not found while getting from deliveries/x"),
        ("/api/v2/nothing", 404, "not found: /api/v2/nothing"),
        ("/api/v2/changes?limit=x", 400, "invalid limit"),
        ("/api/v2/changes/1?branch=main", 400, "this is not a collection"),
        ("/api/v2/changes?%ff=1", 400, "a query parameter is not UTF-8"),
    ] {
        let answer = site.get(target).await;
        assert_eq!(answer.status.as_u16(), status, "{target}");
        assert_eq!(answer.json(), json!({ "error": message }), "{target}");
    }
}

#[actix_web::test]
async fn lists_unverified_requests_newest_first() {
    let site = Site::new();
    for number in [1, 2] {
        site.unverified.push(UnverifiedRequest {
            received_at: Timestamp::from_micros(number * 500_000),
            dialect: "base".into(),
            peer: Some("192.0.2.1".into()),
            event: None,
            reason: format!("reason {number}"),
        });
    }
    let entry = |seconds: f64, reason: &str| json!({ "received_at": seconds, "dialect": "base", "peer": "192.0.2.1", "event": Value::Null, "reason": reason });
    assert_eq!(
        site.get("/api/v2/unverified").await.json(),
        json!({ "unverified": [entry(1.0, "reason 2"), entry(0.5, "reason 1")], "meta": { "total": 2 } })
    );
}

#[actix_web::test]
async fn metrics_have_the_names_labels_and_units_of_the_manual() {
    let site = Site::new();
    site.metrics.request("base", "accepted");
    site.metrics.request("other", "unverified");
    site.metrics.duration("base", Duration::from_millis(3));
    site.metrics.api_call("base", "answered");
    site.metrics.committed(7, Duration::from_millis(2));
    site.metrics.failed(2);
    let text = site.text("/metrics").await;
    for line in [
        "hookd_requests_total{dialect=\"base\",outcome=\"accepted\"} 1",
        "hookd_requests_total{dialect=\"other\",outcome=\"unverified\"} 1",
        "hookd_request_duration_seconds_bucket{le=\"0.0032\",dialect=\"base\"} 1",
        "hookd_request_duration_seconds_count{dialect=\"base\"} 1",
        "hookd_api_calls_total{dialect=\"base\",outcome=\"answered\"} 1",
        "hookd_store_batch_writes_sum 7.0",
        "hookd_store_commit_seconds_count 1",
        "hookd_store_failed_writes_total 2",
        "hookd_store_failing 1",
        "hookd_store_queued_writes 0",
        "hookd_store_size_bytes 0",
        "hookd_buffered_bytes 0",
        "# TYPE hookd_requests_total counter",
        "hookd_pending_deliveries 0",
        "# TYPE hookd_build_info gauge",
        concat!("hookd_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "hookd_config_last_reload_successful 1",
        "# TYPE process_cpu_seconds_total counter",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
    }
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds"] {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{name}: {value:?}");
    }
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    site.add(delivery("a", NewState::Pending { reported_changes: 1, about: hookd_core::Subject::default() })).await;
    assert!(site.text("/metrics").await.contains("\nhookd_pending_deliveries 1\n"));
    site.metrics.committed(1, Duration::from_millis(1));
    assert!(site.text("/metrics").await.contains("\nhookd_store_failing 0\n"));
}

#[actix_web::test]
async fn a_delivery_is_replayed_by_name_and_not_by_a_page_of_another_site() {
    let site = Site::new();
    let preview = site.get("/api/v2/deliveries/7/replay").await;
    assert_eq!((preview.status, &preview.json()["replay"]["replay_of"]), (StatusCode::OK, &json!(7)));
    let replayed = site.post("/api/v2/deliveries/7/replay?request=run-1.a_B").await;
    assert_eq!((replayed.status, &replayed.json()["replay"]["request"]), (StatusCode::OK, &json!("run-1.a_B")));
    for (target, status, error) in [
        ("/api/v2/deliveries/7/replay", 400, "expected a `request`: a name of your own"),
        ("/api/v2/deliveries/7/replay?request=", 400, "expected a `request`"),
        ("/api/v2/deliveries/7/replay?request=a%20b", 400, "expected a `request`"),
        ("/api/v2/deliveries/7/replay?request=a&x=1", 400, "unrecognized query parameter 'x'"),
        ("/api/v2/deliveries/x/replay?request=a", 404, "not found while getting from deliveries/x"),
        ("/api/v2/deliveries/404/replay?request=a", 404, "not found while getting from deliveries/404"),
        ("/api/v2/deliveries/409/replay?request=a", 409, "it is pending"),
    ] {
        let answer = site.post(target).await;
        assert_eq!(answer.status.as_u16(), status, "{target}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with(error), "{target}: {}", answer.text);
    }
    assert_eq!((NOT_THERE, NOT_REPLAYED), (404, 409));
    let foreign = TestRequest::post().uri("/api/v2/deliveries/7/replay?request=a");
    let foreign = foreign.insert_header(("Origin", "http://evil.example"));
    assert_eq!(site.send(foreign).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn the_request_of_a_delivery_comes_whole() {
    let site = Site::new();
    site.add(delivery("1", NewState::Ignored("nothing".into()))).await;
    let mut binary = delivery("2", NewState::Ignored("nothing".into()));
    binary.request.as_mut().unwrap().body = vec![0xff, 0].into();
    site.add(binary).await;
    let replay = Some(Replay { of: 1, request: "a".into() });
    let without = NewDelivery { request: None, ..delivery("1", NewState::Ignored("nothing".into())) };
    site.add(NewDelivery { replay, ..without.clone() }).await;
    site.add(without).await;
    let request = |answer: Answer| answer.json()["request"].clone();
    let text = request(site.get("/api/v2/deliveries/1/request").await);
    assert_eq!(
        (&text["method"], &text["path"], &text["body"]),
        (&json!("POST"), &json!("/change_hook/base"), &json!("{}"))
    );
    let bytes = request(site.get("/api/v2/deliveries/2/request").await);
    assert_eq!((&bytes["body"], &bytes["body_base64"]), (&Value::Null, &json!("/wA=")));
    // That of a replay is the original's.
    let replayed = request(site.get("/api/v2/deliveries/3/request").await);
    assert_eq!((&replayed["deliveryid"], &replayed["body"]), (&json!(3), &json!("{}")));
    assert_eq!(site.get("/api/v2/deliveries/4/request").await.status, StatusCode::CONFLICT);
    assert_eq!(site.get("/api/v2/deliveries/5/request").await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn metrics_are_open_metrics_when_asked_for() {
    let site = Site::new();
    site.metrics.request("base", "accepted");
    let ask = TestRequest::get().uri("/metrics").insert_header((ACCEPT, "application/openmetrics-text"));
    let answer = site.send(ask).await;
    assert_eq!(answer.headers.get(CONTENT_TYPE).unwrap(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(
        answer.text.contains("# TYPE hookd_requests counter\n") && answer.text.ends_with("# EOF\n"),
        "{}",
        answer.text
    );
    let answer = site.get("/metrics").await;
    assert_eq!(answer.headers.get(CONTENT_TYPE).unwrap(), "text/plain; version=0.0.4; charset=utf-8");
}

#[actix_web::test]
async fn metrics_report_the_last_reload() {
    let site = Site::new();
    std::fs::write(&site.config_file, "[sever]\n").unwrap();
    assert_eq!(site.post("/api/v2/reload").await.status, StatusCode::BAD_REQUEST);
    assert!(site.text("/metrics").await.contains("\nhookd_config_last_reload_successful 0\n"));
    std::fs::write(&site.config_file, "[change_hook_dialects]\nbase = true\n").unwrap();
    assert_eq!(site.post("/api/v2/reload").await.status, StatusCode::OK);
    assert!(site.text("/metrics").await.contains("\nhookd_config_last_reload_successful 1\n"));
}
