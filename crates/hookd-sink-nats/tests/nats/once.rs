//! A change is in the stream once, whatever breaks, also where JetStream itself no longer recognizes a duplicate.

use std::sync::Arc;
use std::time::Duration;

use hookd_sinks::{Engine, EverySink, From, Known, Order, Sink, SinkSettings, SinkState, SinkStatus};
use hookd_store::{Log as _, MemoryStore, NewDelivery, NewState, Origin, SharedStore, Timestamp};
use hookd_tests::{Wire, until};
use serde_json::json;

use super::kit::{PROBE, STREAM, acknowledges, build, change, deliver, has, ids, server, sink};

/// The shortest time for which JetStream recognizes duplicates.
const WINDOW: Duration = Duration::from_millis(100);

fn window() -> serde_json::Value {
    json!({ "duplicate_window": WINDOW.as_nanos() as u64 })
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_change_that_comes_again_after_the_window_is_there_once() {
    let server = server(window());
    let change = change(1, "main");
    deliver(&*sink(server.address()), &change).await;
    server.wait_until_duplicates_are_forgotten(PROBE);
    deliver(&*sink(server.address()), &change).await;
    assert_eq!(ids(&server), [change.hookd_id]);
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_change_is_found_behind_any_number_of_others() {
    let server = server(window());
    let first_sink = sink(server.address());
    let wanted = change(1, "main");
    deliver(&*first_sink, &wanted).await;
    for number in 2..=300 {
        deliver(&*first_sink, &change(number, if number % 2 == 0 { "main" } else { "other" })).await;
    }
    // Of somebody else: more than there is in two sections, and in the same subject.
    server.publish("hookd.theirs", 15_000);
    server.publish("hookd.main", 50);
    let missing = change(2000, "main");
    let sink = sink(server.address());
    assert!(has(&*sink, &wanted).await);
    assert!(!has(&*sink, &missing).await);
    deliver(&*sink, &missing).await;
    server.publish("hookd.main", 1);
    // It is read onward from where it was.
    assert!(has(&*sink, &missing).await && has(&*sink, &wanted).await);
    assert!(!has(&*sink, &change(2001, "new")).await);
    // A stream that is made anew has nothing of that.
    server.call(&format!("STREAM.DELETE.{STREAM}"), json!({}));
    server.add_stream(STREAM, &["hookd.>"], window());
    server.publish("hookd.main", 1);
    assert!(!has(&*sink, &wanted).await);
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn of_two_attempts_at_one_change_only_one_is_stored() {
    let server = server(window());
    let (one, other) = (sink(server.address()), sink(server.address()));
    let (before, change) = (change(1, "main"), change(2, "main"));
    deliver(&*one, &before).await;
    deliver(&*other, &change).await;
    server.wait_until_duplicates_are_forgotten(PROBE);
    // This one believes that `before` is the last message, as an attempt does that comes late.
    deliver(&*one, &change).await;
    assert_eq!(ids(&server), [before.hookd_id, change.hookd_id]);
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_message_that_comes_late_is_refused() {
    fn publishes(bytes: &[u8]) -> bool {
        bytes.windows(10).any(|part| part == b"HPUB hookd")
    }
    fn refuses(bytes: &[u8]) -> bool {
        bytes.windows(19).any(|part| part == b"wrong last sequence")
    }
    let server = server(window());
    let wire = Wire::to(server.address());
    let late = build(json!({"url": format!("nats://{}", wire.address()), "timeout": "500ms"}));
    let changes = [1, 2].map(|number| change(number, "main"));
    deliver(&*late, &changes[0]).await;
    // It is on its way, and the attempt at it ends. The connection stays, since nobody asks for another one.
    wire.hold(publishes);
    wire.lose(refuses);
    assert!(late.deliver(&changes[1]).await.may_have_arrived);
    let other = sink(server.address());
    assert!(!has(&*other, &changes[1]).await);
    deliver(&*other, &changes[1]).await;
    server.wait_until_duplicates_are_forgotten(PROBE);
    wire.release();
    until("the server refuses the first one", || (wire.losses() == 1).then_some(()));
    assert_eq!(ids(&server), changes.map(|change| change.hookd_id));
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn one_that_took_over_has_gone_on_meanwhile() {
    let server = server(window());
    // The last one has overtaken the others in its own branch, whose subject is the same.
    let changes = [1, 3, 2].map(|number| change(number, "main"));
    let other = sink(server.address());
    for change in &changes {
        deliver(&*other, change).await;
    }
    server.wait_until_duplicates_are_forgotten(PROBE);
    // This one was about to deliver the second, and knows nothing of the subject.
    deliver(&*sink(server.address()), &changes[1]).await;
    assert_eq!(ids(&server), changes.map(|change| change.hookd_id));
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_stream_that_removes_what_was_consumed_cannot_tell_and_takes_changes_nevertheless() {
    let server = server(json!({ "retention": "workqueue" }));
    let one = sink(server.address());
    let changes = [1, 2, 3].map(|number| change(number, "main"));
    assert_eq!(one.has(&changes[0]).await, Known::CannotTell);
    deliver(&*one, &changes[0]).await;
    deliver(&*one, &changes[1]).await;
    assert_eq!(one.has(&changes[0]).await, Known::CannotTell);
    assert!(has(&*one, &changes[1]).await);
    // Somebody else is the last meanwhile.
    server.publish("hookd.main", 1);
    deliver(&*one, &changes[2]).await;
    assert_eq!(ids(&server).into_iter().filter(|id| !id.is_empty()).count(), 3);
    assert!(one.look().await[0].contains("`retention = workqueue`"));
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn others_may_publish_to_the_same_subject() {
    let server = server(json!({}));
    let sink = sink(server.address());
    for number in 1..=5 {
        deliver(&*sink, &change(number, "main")).await;
        server.publish("hookd.main", 1);
    }
    assert_eq!(ids(&server).len(), 10);
}

/// The engine, with a store in memory, and the sink at its work.
struct World {
    store: Arc<MemoryStore>,
    engine: Engine,
}

impl World {
    async fn start(sink: Box<dyn Sink>, order: Order) -> Self {
        let store = Arc::new(MemoryStore::new());
        let shared: SharedStore = Arc::<MemoryStore>::clone(&store);
        let (retry_min, retry_max) = (Duration::from_millis(5), Duration::from_millis(50));
        let every = EverySink {
            name: "s".to_owned(),
            from: From::Beginning,
            order,
            retry_min,
            retry_max,
            ..EverySink::default()
        };
        let engine = Engine::start(shared, Arc::new(())).unwrap();
        engine.apply(&[SinkSettings::new("nats", sink, every).unwrap()], Duration::ZERO).await;
        Self { store, engine }
    }

    async fn append(&self, count: i64) -> Vec<String> {
        let changes = (1..=count).map(|number| change(number, &format!("b{}", number % 3)).change).collect();
        let delivery = NewDelivery {
            received_at: Timestamp::now(),
            dialect: "base".to_owned(),
            event: None,
            forge_id: None,
            deduplicate: false,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            request: None,
            note: None,
            state: NewState::Accepted(changes),
        };
        self.store.append(delivery).await.unwrap();
        self.store.read_on(0, usize::MAX).unwrap().iter().map(|change| change.hookd_id.clone()).collect()
    }

    async fn wait_until(&self, what: &str, is_so: impl FnMut(&SinkStatus) -> bool) {
        let mut status = self.engine.watch("s").unwrap();
        let is_so = tokio::time::timeout(Duration::from_secs(60), status.wait_for(is_so));
        assert!(is_so.await.is_ok(), "{what}: {:?}", self.engine.sinks());
    }
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_server_that_is_killed_before_its_acknowledgement_has_each_change_once() {
    let mut server = server(window());
    let wire = Wire::to(server.address());
    let sink = build(json!({"url": format!("nats://{}", wire.address()), "timeout": "5s"}));
    let world = World::start(sink, Order::All).await;
    let expected = world.append(60).await;
    let mut rounds = 0;
    for round in 1..=4 {
        // The acknowledgement is lost, and then the server is killed.
        wire.lose(acknowledges);
        let lost = wire.losses();
        until("an answer is lost", || (wire.losses() > lost).then_some(()));
        wire.cut();
        server.kill_9();
        server.start_again();
        server.wait_until_duplicates_are_forgotten(PROBE);
        wire.lead_to(server.address());
        wire.mend();
        let at_least = round * 8;
        world.wait_until("it goes on", |status| status.position >= at_least).await;
        rounds += 1;
    }
    world.wait_until("all changes end", |status| status.position == 60 && status.state == SinkState::Idle).await;
    assert_eq!((ids(&server), rounds), (expected, 4));
    assert!(wire.losses() >= 4);
}
