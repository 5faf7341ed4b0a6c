//! Pollers in the REST API, in metrics and on the pages, with an engine and a store in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, LOCATION, ORIGIN};
use actix_web::test::TestRequest;
use futures_util::future::BoxFuture;
use hookd_pollers::{EveryPoller, Poll, PollError, Polled, Poller, PollerSettings, PollerState, PollerStatus};
use serde_json::{Value, json};

use crate::site::{Site, change};

/// A poller whose polls all end as its script says.
#[derive(Clone)]
struct Scripted(Arc<Mutex<Result<Polled, PollError>>>);

impl Scripted {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Ok(Polled::default()))))
    }

    fn answers(&self, result: Result<Polled, &str>) {
        *self.0.lock().unwrap() = result.map_err(|error| PollError(error.to_owned()));
    }
}

impl Poller for Scripted {
    fn poll<'a>(&'a self, _: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        let result = self.0.lock().unwrap().clone();
        Box::pin(async { result })
    }

    fn repository(&self) -> String {
        "https://example.org/<repo>".to_owned()
    }
}

const NAME: &str = "https://example.org/r?a&b";
const ESCAPED: &str = "https%3A%2F%2Fexample%2Eorg%2Fr%3Fa%26b";

/// A site with a poller that has polled once.
async fn site() -> (Site, Scripted) {
    let (site, scripted) = (Site::new(), Scripted::new());
    let every = EveryPoller { poll_interval: Duration::from_secs(3600), ..EveryPoller::default() };
    let settings = PollerSettings::new("git", NAME.to_owned(), Box::new(scripted.clone()), every).unwrap();
    site.pollers.apply(&[Arc::new(settings)]).await;
    wait_for(&site, |status| status.state == PollerState::Waiting && status.succeeded_at.is_some()).await;
    (site, scripted)
}

async fn wait_for(site: &Site, is_so: impl FnMut(&PollerStatus) -> bool) -> PollerStatus {
    let mut status = site.pollers.watch(NAME).unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(30), status.wait_for(is_so)).await;
    waited.expect("it takes too long").unwrap().clone()
}

async fn shown(site: &Site) -> Value {
    site.get(&format!("/api/v2/pollers/{ESCAPED}")).await.json()["pollers"][0].clone()
}

fn found() -> Polled {
    Polled { changes: vec![change("1")], set: vec![("main".to_owned(), Some("1".to_owned()))], ..Polled::default() }
}

#[actix_web::test]
async fn a_poller_is_shown_with_its_times_and_its_error() {
    let (site, scripted) = site().await;
    let before = shown(&site).await;
    for (field, value) in [
        ("name", json!(NAME)),
        ("type", json!("git")),
        ("repository", json!("https://example.org/<repo>")),
        ("state", json!("waiting")),
        ("poll_interval", json!(3600.0)),
        ("failures", json!(0)),
        ("error", json!(null)),
        ("changed_at", json!(null)),
        ("positions", json!(0)),
    ] {
        assert_eq!(before[field], value, "{field}: {before}");
    }
    assert!(before["next_poll_at"].as_f64().unwrap() - before["succeeded_at"].as_f64().unwrap() >= 3600.0, "{before}");
    assert_eq!(site.get("/api/v2/pollers").await.json()["meta"], json!({ "total": 1, "not_configured": [] }));

    scripted.answers(Err("no route to <host>"));
    let answer = site.post(&format!("/api/v2/pollers/{ESCAPED}/poke")).await;
    assert_eq!(answer.json(), json!({ "result": format!("poller `{NAME}` polls now") }));
    wait_for(&site, |status| status.failures == 1 && status.state == PollerState::Waiting).await;
    let failed = shown(&site).await;
    assert_eq!((&failed["failures"], &failed["error"]), (&json!(1), &json!("no route to <host>")));
    assert_eq!(failed["succeeded_at"], before["succeeded_at"]);
    let page = site.text("/pollers").await;
    for part in [
        "failing",
        "no route to &lt;host&gt;",
        "https://example.org/r?a&amp;b",
        "https://example.org/&lt;repo&gt;",
        "every 1h",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<host>") && !page.contains("<repo>"), "{page}");
}

#[actix_web::test]
async fn the_button_of_the_page_pokes_and_another_site_may_not() {
    let (site, scripted) = site().await;
    let page = site.text("/pollers").await;
    let target = format!("/pollers/{ESCAPED}/poke");
    assert!(page.contains(&format!("action=\".{target}\"")), "{page}");
    scripted.answers(Err("down"));
    for path in [target.clone(), format!("/api/v2{target}")] {
        for origin in ["http://evil.example", "null"] {
            let request = TestRequest::post().uri(&path).insert_header((HOST, "127.0.0.1:8011"));
            let answer = site.send(request.insert_header((ORIGIN, origin))).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {origin}");
        }
        assert!(site.get(&path).await.status.is_client_error(), "{path}");
    }
    assert_eq!(shown(&site).await["failures"], 0);
    let request = TestRequest::post().uri(&target).insert_header((HOST, "127.0.0.1:8011"));
    let answer = site.send(request.insert_header((ORIGIN, "http://127.0.0.1:8011"))).await;
    let location = answer.headers.get(LOCATION).unwrap().to_str().unwrap();
    assert_eq!((answer.status, location), (StatusCode::SEE_OTHER, "../../pollers"));
    wait_for(&site, |status| status.failures == 1).await;
}

#[actix_web::test]
async fn what_is_not_there_is_404() {
    let (site, _scripted) = site().await;
    assert_eq!(site.get("/api/v2/pollers/other").await.status, StatusCode::NOT_FOUND);
    for path in ["/api/v2/pollers/other/poke", "/pollers/other/poke", "/pollers/other/pause"] {
        assert_eq!(site.post(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[actix_web::test]
async fn a_poller_is_forgotten_when_it_is_no_longer_configured() {
    let (site, _scripted) = site().await;
    let (api, page) = (format!("/api/v2/pollers/{ESCAPED}/forget"), format!("/pollers/{ESCAPED}/forget"));
    assert!(!site.text("/pollers").await.contains("No longer configured"));
    let refused = site.post(&api).await;
    let message = format!("poller `{NAME}` is configured: remove it from the configuration first");
    assert_eq!((refused.status, refused.json()), (StatusCode::CONFLICT, json!({ "error": message })));
    assert_eq!(site.post(&page).await.status, StatusCode::CONFLICT);
    assert!(site.get(&api).await.status.is_client_error());

    site.pollers.apply(&[]).await;
    let meta = json!({ "total": 0, "not_configured": [NAME] });
    assert_eq!(site.get("/api/v2/pollers").await.json(), json!({ "pollers": [], "meta": meta }));
    let shown = site.text("/pollers").await;
    for part in ["No poller is configured", "No longer configured", &format!("action=\".{page}\"")] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let unknown = site.post("/api/v2/pollers/other/forget").await;
    assert_eq!(unknown.json(), json!({ "error": "there is no poller `other`" }));
    let forgotten = site.post(&api).await;
    assert_eq!(forgotten.json(), json!({ "result": format!("poller `{NAME}` is forgotten") }));
    let meta = json!({ "total": 0, "not_configured": [] });
    assert_eq!(site.get("/api/v2/pollers").await.json(), json!({ "pollers": [], "meta": meta }));
    assert_eq!(site.post(&api).await.status, StatusCode::CONFLICT);
}

#[actix_web::test]
async fn a_delivery_of_a_poll_says_who_polled() {
    let (site, scripted) = site().await;
    scripted.answers(Ok(found()));
    site.pollers.poke(NAME);
    wait_for(&site, |status| status.changed_at.is_some() && status.state == PollerState::Waiting).await;
    let link = "<a href=\"./pollers\">https://example.org/r?a&amp;b</a>";
    let list = site.text("/").await;
    assert!(list.contains("polled by ") && list.contains(link), "{list}");
    let page = site.text("/deliveries/1").await;
    for part in ["Polled by", "<a href=\"../pollers\">https://example.org/r?a&amp;b</a>", "of the type `git`"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let timeline = site.get("/api/v2/deliveries/1").await.json()["deliveries"][0]["timeline"].clone();
    assert_eq!(timeline[0]["text"], json!(format!("polled by `{NAME}`, of the type `git`")));
    assert_eq!(timeline[1]["step"], json!("translated"));
}

#[actix_web::test]
async fn metrics_show_each_poller() {
    let (site, scripted) = site().await;
    scripted.answers(Ok(found()));
    site.pollers.poke(NAME);
    wait_for(&site, |status| status.changed_at.is_some() && status.state == PollerState::Waiting).await;
    scripted.answers(Err("down"));
    site.pollers.poke(NAME);
    wait_for(&site, |status| status.failures == 1 && status.state == PollerState::Waiting).await;
    let text = site.text("/metrics").await;
    let label = format!("poller=\"{NAME}\"");
    for line in [
        format!("hookd_poller_state{{{label},state=\"waiting\"}} 1"),
        format!("hookd_poller_state{{{label},state=\"polling\"}} 0"),
        format!("hookd_poller_failures{{{label}}} 1"),
        format!("hookd_poller_interval_seconds{{{label}}} 3600.0"),
        format!("hookd_polls_total{{{label},result=\"success\"}} 2"),
        format!("hookd_polls_total{{{label},result=\"failure\"}} 1"),
        format!("hookd_poll_changes_total{{{label}}} 1"),
        format!("hookd_poll_duration_seconds_count{{{label}}} 3"),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
    }
    let status = wait_for(&site, |_| true).await;
    for (name, time) in [
        ("last_try", status.tried_at),
        ("last_success", status.succeeded_at),
        ("last_change", status.changed_at),
        ("next_poll", status.next_at),
    ] {
        let start = format!("hookd_poller_{name}_timestamp_seconds{{{label}}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap();
        assert_eq!(value.parse::<f64>().unwrap(), time.unwrap().as_seconds_f64(), "{name}");
    }
    // The gauges of a poller that is gone go with it.
    site.pollers.apply(&[]).await;
    assert!(!site.text("/metrics").await.contains("hookd_poller_state{"));
}
