//! Follow-ups with a store in memory and an API on the loopback.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, rt, web};
use hookd_admin::Exposition;
use hookd_config::ServedDialect;
use hookd_core::{ApiAnswers, ApiCall, HookRequest, MAX_API_CALLS, Outcome, Refusal, Subject};
use hookd_store::{
    ApiCalls, Completion, DeliveryRecord, Log, MemoryStore, NewDelivery, NewState, Origin, Replay, State, Store as _,
    StoreError, StoredRequest, Timestamp,
};

use super::*;
use crate::scripted::{self, NAME, Scripted, one_change};

/// Short pauses.
const QUICK: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));

/// Pauses that no test waits for.
const SLOW: Backoff = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600));

/// A budget for API calls that no test uses up.
const LONG_BUDGET: Duration = Duration::from_secs(24 * 3600);

/// An API whose first answers have the given statuses, and all others 200. The body is always the same.
struct Api {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Api {
    fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/commit", listener.local_addr().unwrap());
        let calls = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        let server = HttpServer::new(move || {
            let counted = Arc::clone(&counted);
            App::new().default_service(web::to(move || {
                let status = statuses.get(counted.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(200);
                async move { HttpResponse::build(StatusCode::from_u16(status).unwrap()).body("from the API") }
            }))
        });
        rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { url, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// A dialect that makes one change of this API's answer, or of why there is none.
    fn dialect(&self, budget: Duration) -> Arc<ServedDialect> {
        let url = self.url.clone();
        let translate = move |_: &HookRequest, answers: &ApiAnswers| match answers.get(&url) {
            None => Ok(calls(&url)),
            Some(answer) => Ok(match answer.success() {
                Ok(body) => one_change(&String::from_utf8_lossy(body)),
                Err(_) => one_change("incomplete"),
            }),
        };
        Scripted::new(translate).served(budget)
    }
}

fn calls(url: &str) -> Outcome {
    Outcome::calls([ApiCall::get(url)], Subject::default())
}

/// A store with one pending delivery, number 1.
async fn store_with_a_pending_delivery() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let request = StoredRequest::new(&HookRequest::post("/change_hook/scripted"), &[]);
    add_pending(&store, Some(request)).await;
    store
}

async fn add_pending(store: &MemoryStore, request: Option<StoredRequest>) {
    add_pending_at(store, request, Timestamp::now()).await;
}

async fn add_pending_at(store: &MemoryStore, request: Option<StoredRequest>, received_at: Timestamp) {
    add(store, NewDelivery { received_at, ..pending(request) }).await;
}

async fn add(store: &MemoryStore, delivery: NewDelivery) {
    store.append(delivery).await.unwrap();
}

fn pending(request: Option<StoredRequest>) -> NewDelivery {
    NewDelivery {
        received_at: Timestamp::now(),
        dialect: NAME.to_owned(),
        event: None,
        forge_id: None,
        deduplicate: true,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request,
        state: NewState::Pending { reported_changes: 1, about: Subject::default() },
    }
}

struct Work {
    worker: Worker,
    metrics: Arc<Metrics>,
}

fn work(store: &Arc<MemoryStore>, dialect: Option<Arc<ServedDialect>>, backoff: Backoff) -> Work {
    // A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = Arc::new(Metrics::new(Arc::default()));
    let (config, client) = (scripted::config("", dialect), ApiClient::new().unwrap());
    let shared = Arc::clone(store) as SharedStore;
    let worker = Worker::new(shared, config, client, Arc::default(), Arc::clone(&metrics), backoff);
    Work { worker, metrics }
}

impl Work {
    /// Works on the one pending delivery.
    async fn run(&self) -> Result<(), String> {
        let [due] = self.worker.pending_after(0, 2).await.unwrap().try_into().unwrap();
        self.worker.work(due, "").await
    }
}

/// The delivery number 1: its state and reason, and the comments of its changes.
fn result(store: &MemoryStore) -> (State, Option<String>, Vec<String>) {
    let DeliveryRecord { state, reason, .. } = store.reader().delivery(1).unwrap().unwrap();
    let changes = store.read_on(0, 100).unwrap().into_iter();
    (state, reason, changes.map(|logged| logged.change.comments.clone()).collect())
}

/// Waits for a condition; fails after a minute.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("expected: {what}"));
}

#[actix_web::test]
async fn calls_are_retried_until_the_api_answers() {
    let (api, store) = (Api::start(&[503, 429, 500]), store_with_a_pending_delivery().await);
    let work = work(&store, Some(api.dialect(LONG_BUDGET)), QUICK);
    assert_eq!(work.run().await, Ok(()));
    assert_eq!(result(&store), (State::Accepted, None, vec!["from the API".to_owned()]));
    assert_eq!((api.calls(), store.pending().unwrap()), (4, vec![]));
    let metrics = work.metrics.encode(Exposition::Text, &*store, &[], &[], &scripted::config("", None));
    for (outcome, count) in [("retry", 3), ("success", 1)] {
        let line = format!("hookd_api_calls_total{{dialect=\"{NAME}\",outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[actix_web::test]
async fn the_calls_are_counted_and_kept_with_the_last_error() {
    let (api, store) = (Api::start(&[503, 429]), store_with_a_pending_delivery().await);
    assert_eq!(work(&store, Some(api.dialect(LONG_BUDGET)), QUICK).run().await, Ok(()));
    let last_error = Some(format!("{}: the API answered 429", api.url));
    let record = store.reader().delivery(1).unwrap().unwrap();
    assert_eq!(record.api_calls, Some(ApiCalls { made: 3, failed: 2, last_error }));
}

#[actix_web::test]
async fn a_replay_that_needs_calls_is_translated_from_the_original() {
    let (api, store) = (Api::start(&[]), Arc::new(MemoryStore::new()));
    let request = StoredRequest::new(&HookRequest::post("/change_hook/scripted"), &[]);
    add_pending(&store, Some(request)).await;
    let skipped = NewState::Ignored("skipped".to_owned());
    let completion = Completion { deliveryid: 1, state: skipped, note: None, api_calls: ApiCalls::default() };
    assert!(store.complete(completion).await.unwrap());
    let replay = Some(Replay { of: 1, request: "one".to_owned() });
    add(&store, NewDelivery { replay, ..pending(None) }).await;
    assert_eq!(work(&store, Some(api.dialect(LONG_BUDGET)), QUICK).run().await, Ok(()));
    let change = store.reader().change(1).unwrap().unwrap();
    assert_eq!((change.deliveryid, change.change.comments.as_str()), (2, "from the API"));
    assert_eq!(change.change.properties.get("hookd_replay_of"), Some(&1.into()));
}

#[actix_web::test]
async fn the_change_is_made_without_what_the_budget_did_not_suffice_for() {
    let (api, store) = (Api::start(&[503; 100]), store_with_a_pending_delivery().await);
    assert_eq!(work(&store, Some(api.dialect(Duration::ZERO)), QUICK).run().await, Ok(()));
    let note = format!("could not be fetched: {}: the API answered 503, given up after 1 attempt", api.url);
    assert_eq!(result(&store), (State::Accepted, Some(note), vec!["incomplete".to_owned()]));
    assert_eq!(api.calls(), 1);
}

#[actix_web::test]
async fn a_final_error_of_the_api_is_not_retried() {
    let (api, store) = (Api::start(&[404]), store_with_a_pending_delivery().await);
    assert_eq!(work(&store, Some(api.dialect(LONG_BUDGET)), SLOW).run().await, Ok(()));
    let note = format!("could not be fetched: {}: the API answered 404", api.url);
    assert_eq!(result(&store), (State::Accepted, Some(note), vec!["incomplete".to_owned()]));
    assert_eq!(api.calls(), 1);
}

#[actix_web::test]
async fn what_was_announced_may_be_absent_for_a_minute() {
    let announced = |api: &Api, budget| {
        let url = api.url.clone();
        let translate = move |_: &HookRequest, answers: &ApiAnswers| match answers.get(&url) {
            Some(answer) if answer.success().is_ok() => Ok(one_change("complete")),
            Some(_) => Ok(one_change("incomplete")),
            None => Ok(Outcome::calls([ApiCall::get(&url).announced()], Subject::default())),
        };
        Some(Scripted::new(translate).served(budget))
    };
    for statuses in [&[404, 404, 200], &[422, 422, 200]] {
        let (api, store) = (Api::start(statuses), store_with_a_pending_delivery().await);
        assert_eq!(work(&store, announced(&api, LONG_BUDGET), QUICK).run().await, Ok(()));
        assert_eq!(result(&store), (State::Accepted, None, vec!["complete".to_owned()]), "{statuses:?}");
        assert_eq!(api.calls(), 3);
    }
    // It counts when the minute, or the budget, is over.
    let long_ago = Timestamp::from_micros(Timestamp::now().as_micros() - 2 * 60_000_000);
    for (received_at, budget) in [(long_ago, LONG_BUDGET), (Timestamp::now(), Duration::ZERO)] {
        let (api, store) = (Api::start(&[404]), Arc::new(MemoryStore::new()));
        let request = StoredRequest::new(&HookRequest::post("/change_hook/scripted"), &[]);
        add_pending_at(&store, Some(request), received_at).await;
        assert_eq!(work(&store, announced(&api, budget), QUICK).run().await, Ok(()));
        let note = format!("could not be fetched: {}: the API answered 404", api.url);
        assert_eq!(result(&store), (State::Accepted, Some(note), vec!["incomplete".to_owned()]));
        assert_eq!(api.calls(), 1);
    }
}

#[actix_web::test]
async fn a_restart_resumes_what_is_pending() {
    let (api, store) = (Api::start(&[503]), store_with_a_pending_delivery().await);
    let before = Followups::start_with(work(&store, Some(api.dialect(LONG_BUDGET)), SLOW).worker).unwrap();
    let attempts = || store.pending().unwrap().first().map(|due| due.attempts);
    until("the failed attempt is stored", || attempts() == Some(1)).await;
    let error = format!("{}: the API answered 503", api.url);
    assert_eq!(store.pending().unwrap()[0].error, Some(error));
    before.stop().await;
    assert_eq!(result(&store), (State::Pending, None, vec![]));

    let store = Arc::new(store.reopen());
    let mut tail = store.tail();
    let after = Followups::start_with(work(&store, Some(api.dialect(LONG_BUDGET)), QUICK).worker).unwrap();
    tail.changed().await.unwrap();
    assert_eq!(result(&store), (State::Accepted, None, vec!["from the API".to_owned()]));
    assert_eq!(api.calls(), 2);
    after.stop().await;
}

#[actix_web::test]
async fn an_announced_delivery_is_worked_on() {
    let (api, store) = (Api::start(&[]), Arc::new(MemoryStore::new()));
    let followups = Followups::start_with(work(&store, Some(api.dialect(LONG_BUDGET)), SLOW).worker).unwrap();
    let mut tail = store.tail();
    add_pending(&store, Some(StoredRequest::new(&HookRequest::post("/"), &[]))).await;
    followups.queue().announce(1, Route::default());
    tail.changed().await.unwrap();
    assert_eq!(result(&store), (State::Accepted, None, vec!["from the API".to_owned()]));
    followups.stop().await;
}

#[actix_web::test]
async fn a_delivery_of_a_removed_dialect_ends() {
    let (api, store) = (Api::start(&[]), store_with_a_pending_delivery().await);
    let followups = Followups::start_with(work(&store, None, SLOW).worker).unwrap();
    until("it has ended", || store.pending().unwrap().is_empty()).await;
    let reason = "the dialect `scripted` was removed from the configuration before the forge's API had answered";
    assert_eq!((api.calls(), result(&store)), (0, (State::Ignored, Some(reason.to_owned()), vec![])));
    followups.stop().await;
}

/// A dialect that calls the URL which is the first word of the body, about what the second names.
fn by_body() -> Arc<ServedDialect> {
    let translate = |request: &HookRequest, answers: &ApiAnswers| {
        let text = String::from_utf8(request.body().to_vec()).unwrap();
        let (url, line) = text.split_once(' ').unwrap();
        Ok(match answers.get(url) {
            None => calls(url).in_line(line),
            Some(_) => one_change(line),
        })
    };
    Scripted::new(translate).served(LONG_BUDGET)
}

async fn add_with_body(store: &MemoryStore, body: String) {
    let request = HookRequest::post("/change_hook/scripted").with_body(body);
    add_pending(store, Some(StoredRequest::new(&request, &[]))).await;
}

#[actix_web::test]
async fn deliveries_of_one_line_publish_in_the_order_received_and_others_do_not_wait() {
    // One for each line, since nothing says which of the two calls first.
    let (api, other, store) = (Api::start(&[503]), Api::start(&[]), Arc::new(MemoryStore::new()));
    for (api, line) in [(&api, "pull 1"), (&api, "pull 1"), (&other, "pull 2")] {
        add_with_body(&store, format!("{} {line}", api.url)).await;
    }
    let state = |number| store.reader().delivery(number).unwrap().unwrap().state;
    let before = Followups::start_with(work(&store, Some(by_body()), SLOW).worker).unwrap();
    until("the other pull request is published", || state(3) == State::Accepted).await;
    until("the first has failed", || store.pending().unwrap()[0].attempts == 1).await;
    assert_eq!(([state(1), state(2)], api.calls(), other.calls()), ([State::Pending; 2], 1, 1));
    before.stop().await;

    let store = Arc::new(store.reopen());
    let after = Followups::start_with(work(&store, Some(by_body()), QUICK).worker).unwrap();
    until("all are published", || store.pending().unwrap().is_empty()).await;
    let order: Vec<i64> = store.read_on(0, 9).unwrap().iter().map(|logged| logged.deliveryid).collect();
    assert_eq!(order, [3, 1, 2]);
    after.stop().await;
}

#[actix_web::test]
async fn an_endpoint_that_hangs_holds_up_no_other() {
    let (api, store) = (Api::start(&[]), Arc::new(MemoryStore::new()));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    for number in 0..100 {
        add_with_body(&store, format!("{url} pull {number}")).await;
    }
    add_with_body(&store, format!("{} other", api.url)).await;
    let started = std::time::Instant::now();
    let followups = Followups::start_with(work(&store, Some(by_body()), SLOW).worker).unwrap();
    until("the other endpoint's is published", || store.pending().unwrap().len() == 100).await;
    assert!(started.elapsed() < Duration::from_secs(15), "it waited for a call to time out: {:?}", started.elapsed());
    assert_eq!(store.reader().delivery(101).unwrap().unwrap().state, State::Accepted);
    followups.stop().await;
}

#[actix_web::test]
async fn a_delivery_whose_request_is_gone_is_refused() {
    let (api, store) = (Api::start(&[]), Arc::new(MemoryStore::new()));
    add_pending(&store, None).await;
    assert_eq!(work(&store, Some(api.dialect(LONG_BUDGET)), QUICK).run().await, Ok(()));
    assert_eq!(result(&store), (State::Refused, Some("its request is no longer kept".to_owned()), vec![]));
    assert_eq!(api.calls(), 0);
}

#[actix_web::test]
async fn a_dialect_that_refuses_or_panics_after_the_calls_ends_in_a_refusal() {
    let refuse = || -> Result<Outcome, Refusal> { Err(Refusal::new("the answer is not JSON")) };
    let panic = || -> Result<Outcome, Refusal> { panic!("on purpose") };
    for (end, reason) in [
        (refuse as fn() -> Result<Outcome, Refusal>, "the answer is not JSON"),
        (panic, "the dialect `scripted` failed on this request: it panicked"),
    ] {
        let (api, store) = (Api::start(&[]), store_with_a_pending_delivery().await);
        let url = api.url.clone();
        let translate = move |_: &HookRequest, answers: &ApiAnswers| match answers.get(&url) {
            None => Ok(calls(&url)),
            Some(_) => end(),
        };
        let dialect = Scripted::new(translate).served(LONG_BUDGET);
        assert_eq!(work(&store, Some(dialect), QUICK).run().await, Ok(()));
        assert_eq!(result(&store), (State::Refused, Some(reason.to_owned()), vec![]));
        assert_eq!(api.calls(), 1);
    }
}

#[actix_web::test]
async fn a_dialect_whose_calls_do_not_end_ends_in_a_refusal() {
    let another = |url: &str, answers: &ApiAnswers| {
        let page = |number: usize| format!("{url}?page={number}");
        (1..).map(page).find(|page| answers.get(page).is_none()).expect("there is always another page")
    };
    let again = |url: &str, _: &ApiAnswers| url.to_owned();
    let many = format!("it asks for more than {MAX_API_CALLS} calls to the forge's API");
    for (next, made, what) in [
        (another as fn(&str, &ApiAnswers) -> String, MAX_API_CALLS, many),
        (again, 1, "it asks again for what the forge's API has answered: URL".to_owned()),
    ] {
        let (api, store) = (Api::start(&[]), store_with_a_pending_delivery().await);
        let url = api.url.clone();
        let translate = move |_: &HookRequest, answers: &ApiAnswers| Ok(calls(&next(&url, answers)));
        let dialect = Scripted::new(translate).served(LONG_BUDGET);
        assert_eq!(work(&store, Some(dialect), QUICK).run().await, Ok(()));
        let reason = format!("the dialect `scripted` failed on this request: {}", what.replace("URL", &api.url));
        assert_eq!(result(&store), (State::Refused, Some(reason), vec![]));
        assert_eq!(api.calls(), made);
    }
}

#[actix_web::test]
async fn a_store_that_cannot_be_written_to_any_more_leaves_the_delivery_pending() {
    let (api, store) = (Api::start(&[]), store_with_a_pending_delivery().await);
    let work = work(&store, Some(api.dialect(LONG_BUDGET)), QUICK);
    store.fail_with(StoreError::Failed("damaged".to_owned()));
    assert_eq!(work.run().await, Err("the store failed: damaged".to_owned()));
    assert_eq!(result(&store).0, State::Pending);
}
