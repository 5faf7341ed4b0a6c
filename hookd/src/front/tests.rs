//! Requests to the front, with a store in memory.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderMap, RETRY_AFTER};
use actix_web::test::{TestRequest, call_service, init_service};
use hookd_admin::{Exposition, Metrics, Unverified};
use hookd_core::{ApiCall, Outcome, Refusal, Subject};
use hookd_store::{Log, MemoryStore, SharedStore, State, Store as _, StoreError};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Front, app};
use crate::followups::{Announced, Queue};
use crate::scripted::{self, NAME, Scripted, TOKEN, one_change};

/// A front, and what it works with.
struct House {
    front: Arc<Front>,
    store: Arc<MemoryStore>,
    metrics: Arc<Metrics>,
    unverified: Arc<Unverified>,
    announced: UnboundedReceiver<Announced>,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn line(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.text)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl House {
    /// A front with this configuration, which serves the scripted dialect besides: the body decides what it does.
    fn new(config: &str) -> Self {
        let dialect = Scripted::new(|request, _| match &request.body()[..] {
            b"wrong" => Err(Refusal::new("`ref` is missing")),
            b"boring" => Ok(Outcome::ignored("nobody builds this")),
            b"calls" => Ok(Outcome::calls([ApiCall::get("http://api/").announced()], Subject::default())),
            b"no calls" => Ok(Outcome::calls([], Subject::default())),
            b"panic" => panic!("on purpose"),
            body => Ok(one_change(&String::from_utf8_lossy(body))),
        });
        let config = scripted::config(config, Some(dialect.served(Duration::ZERO)));
        let store = Arc::new(MemoryStore::new());
        let (queue, announced) = Queue::new();
        let (unverified, metrics) = (Arc::<Unverified>::default(), Arc::new(Metrics::new(Arc::default())));
        let shared = Arc::clone(&store) as SharedStore;
        let (list, counts) = (Arc::clone(&unverified), Arc::clone(&metrics));
        let front = Front::new(config, shared, queue, list, counts, Arc::default(), Arc::default());
        Self { front: Arc::new(front), store, metrics, unverified, announced }
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let service = init_service(app(Arc::clone(&self.front))).await;
        let peer = "192.0.2.1:1234".parse().unwrap();
        let answer = call_service(&service, request.peer_addr(peer).to_request()).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = to_bytes(answer.into_body()).await.unwrap();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// How many requests for the scripted dialect had this outcome.
    fn count(&self, outcome: &str) -> u64 {
        let text = self.metrics.encode(Exposition::Text, &*self.store, &[], &[], &scripted::config("", None));
        let name = format!("hookd_requests_total{{dialect=\"{NAME}\",outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }

    fn is_empty(&self) -> bool {
        self.store.reader().delivery(1).unwrap().is_none()
    }
}

/// A request with this body, to the scripted dialect.
fn post(body: &'static str) -> TestRequest {
    TestRequest::post().uri("/change_hook/scripted").set_payload(body)
}

/// The same with a valid token and a forge id.
fn verified(body: &'static str) -> TestRequest {
    post(body).insert_header(("X-Token", TOKEN)).insert_header(("X-Id", "id-1")).insert_header(("X-Event", "push"))
}

#[actix_web::test]
async fn an_accepted_request_is_stored_with_its_changes() {
    let house = House::new("");
    let answer = house.send(verified("fix")).await;
    assert_eq!((answer.line(), answer.header("x-hookd-delivery")), ("202 1 change found".to_owned(), Some("1")));
    let delivery = house.store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((delivery.state, delivery.event.as_deref()), (State::Accepted, Some("push")));
    assert_eq!((delivery.dialect.as_str(), delivery.forge_id.as_deref()), (NAME, Some("id-1")));
    assert_eq!(house.store.reader().change(1).unwrap().unwrap().change.comments, "fix");
    assert_eq!(&house.store.reader().request(1).unwrap().unwrap().body[..], b"fix");
    assert_eq!((house.count("accepted"), house.count("duplicate")), (1, 0));
}

#[actix_web::test]
async fn a_request_without_changes_is_stored_with_its_reason() {
    let house = House::new("");
    let answer = house.send(post("boring")).await;
    assert_eq!(answer.line(), "202 no change found");
    let delivery = house.store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((delivery.state, delivery.reason.as_deref()), (State::Ignored, Some("nobody builds this")));
}

#[actix_web::test]
async fn a_duplicate_gets_the_first_receipt_and_is_not_stored() {
    let house = House::new("");
    house.send(verified("fix")).await;
    let again = house.send(verified("fix")).await;
    assert_eq!((again.line(), again.header("x-hookd-delivery")), ("202 1 change found".to_owned(), Some("1")));
    let other = house.send(verified("another fix")).await;
    assert_eq!(other.header("x-hookd-delivery"), Some("2"));
    assert_eq!((house.count("accepted"), house.count("duplicate")), (2, 1));
    assert!(house.store.reader().change(3).unwrap().is_none());
}

#[actix_web::test]
async fn a_wrong_request_is_stored_as_refused_if_it_is_verified() {
    let house = House::new("");
    let answer = house.send(verified("wrong")).await;
    assert_eq!((answer.line(), answer.header("x-hookd-delivery")), ("400 `ref` is missing".to_owned(), Some("1")));
    let delivery = house.store.reader().delivery(1).unwrap().unwrap();
    assert_eq!((delivery.state, delivery.reason.as_deref()), (State::Refused, Some("`ref` is missing")));
    assert!(house.unverified.newest().is_empty());
    assert_eq!((house.count("refused"), house.count("unverified")), (1, 0));
}

#[actix_web::test]
async fn a_wrong_request_is_not_stored_if_it_is_unverified() {
    for (request, text) in [
        (post("wrong"), "400 `ref` is missing"),
        (post("fix").insert_header(("X-Token", "wrong")).insert_header(("X-Event", "push")), "400 wrong token"),
    ] {
        let house = House::new("");
        let answer = house.send(request).await;
        assert_eq!((answer.line().as_str(), answer.header("x-hookd-delivery")), (text, None));
        assert!(house.is_empty());
        let [entry] = house.unverified.newest().try_into().unwrap();
        assert_eq!((entry.peer.as_deref(), text.contains(&entry.reason)), (Some("192.0.2.1"), true));
        assert_eq!((house.count("refused"), house.count("unverified")), (0, 1));
    }
}

#[actix_web::test]
async fn a_request_on_which_the_dialect_panics_is_kept() {
    let reason = "the dialect `scripted` failed on this request: it panicked";
    let house = House::new("");
    for (request, number) in [(verified("panic"), 1), (post("panic"), 2)] {
        let answer = house.send(request).await;
        assert_eq!(answer.line(), format!("500 {reason}; it is kept as delivery {number}"));
        assert_eq!(answer.header("x-hookd-delivery"), Some(&*number.to_string()));
        let delivery = house.store.reader().delivery(number).unwrap().unwrap();
        assert_eq!((delivery.state, delivery.reason.as_deref()), (State::Refused, Some(reason)));
        assert_eq!(&house.store.reader().request(number).unwrap().unwrap().body[..], b"panic");
    }
    assert!(house.unverified.newest().is_empty());
    assert_eq!((house.count("refused"), house.count("unverified")), (2, 0));
}

#[actix_web::test]
async fn nothing_is_stored_of_a_request_that_the_dialect_could_not_verify() {
    let house = House::new("");
    let answer = house.send(post("fix").insert_header(("X-Token", "panic"))).await;
    assert_eq!(answer.line(), "500 the dialect `scripted` failed on this request: it panicked");
    assert!(house.is_empty());
    assert_eq!(house.unverified.newest().len(), 1);
}

#[actix_web::test]
async fn calls_that_are_none_are_a_fault_of_the_dialect() {
    let house = House::new("");
    let reason = "the dialect `scripted` failed on this request: it asks for calls to the forge's API and names none";
    assert_eq!(house.send(verified("no calls")).await.line(), format!("500 {reason}; it is kept as delivery 1"));
    assert_eq!(house.store.reader().delivery(1).unwrap().unwrap().state, State::Refused);
}

#[actix_web::test]
async fn nothing_is_stored_or_acknowledged_while_the_store_fails() {
    let unavailable = StoreError::Unavailable { cause: "disk full".to_owned(), remedy: "free space".to_owned() };
    let failed = StoreError::Failed("damaged".to_owned());
    for (error, seconds) in [(unavailable, "10"), (failed, "10"), (StoreError::Overloaded, "1")] {
        let mut house = House::new("");
        house.store.fail_with(error.clone());
        for body in ["fix", "wrong", "calls"] {
            let answer = house.send(verified(body)).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
            assert_eq!(answer.header(RETRY_AFTER.as_str()), Some(seconds), "{error}");
            assert!(answer.text.contains("nothing was stored") && !answer.text.contains("disk"), "{}", answer.text);
        }
        assert!(house.is_empty() && house.announced.try_recv().is_err(), "{error}");
        assert_eq!((house.count("unstored"), house.count("accepted")), (3, 0), "{error}");
        house.store.recover();
        assert_eq!(house.send(verified("fix")).await.header("x-hookd-delivery"), Some("1"), "{error}");
    }
}

#[actix_web::test]
async fn a_pending_delivery_is_announced_once() {
    let mut house = House::new("");
    for _ in 0..2 {
        assert_eq!(house.send(verified("calls")).await.line(), "202 1 change found");
    }
    let announced = house.announced.try_recv().unwrap();
    assert_eq!((announced.deliveryid, announced.route.endpoint.as_str()), (1, "http://api"));
    assert!(house.announced.try_recv().is_err());
    let [due] = house.store.pending().unwrap().try_into().unwrap();
    assert_eq!((due.deliveryid, due.dialect.as_str(), due.attempts), (1, NAME, 0));
    assert_eq!((house.count("pending"), house.count("duplicate")), (1, 1));
}

#[actix_web::test]
async fn what_is_rejected_before_its_dialect_sees_it_is_not_stored() {
    let method = TestRequest::get().uri("/change_hook/scripted");
    let elsewhere = TestRequest::post().uri("/elsewhere").set_payload("fix");
    let unknown = TestRequest::post().uri("/change_hook/unknown").set_payload("fix");
    for (request, text) in [
        (elsewhere, "404 not found: hookd serves /change_hook here, and nothing else"),
        (unknown, "400 The dialect specified, 'unknown', wasn't whitelisted in change_hook"),
        (method, "405 method not allowed, expected POST"),
        (
            verified("fix").insert_header(("Content-Encoding", "gzip")),
            "415 the body is compressed or encoded, expected one without `Content-Encoding`",
        ),
        (verified("longer than four bytes"), "413 the body is larger than 4 bytes"),
    ] {
        let house = House::new("[server]\nmax_body = 4\n");
        let answer = house.send(request).await;
        assert_eq!(answer.line(), text);
        assert_eq!(answer.header(ALLOW.as_str()).is_some(), answer.status == StatusCode::METHOD_NOT_ALLOWED);
        assert!(house.is_empty(), "{text}");
        assert_eq!(house.unverified.newest().len(), 1, "{text}");
    }
}
