//! The engine over a store in memory, with a poller whose polls the test answers.

#![allow(clippy::unwrap_used, missing_docs)]

mod kit;
mod reload;

use std::time::Duration;

use hookd_pollers::{EveryPoller, Polled, PollerState};
use hookd_store::{Log as _, Positions, State, Store as _, StoreError};
use kit::{World, hourly, up_to};

fn position(positions: Option<&Positions>) -> Option<&str> {
    positions?.at.get("main").map(String::as_str)
}

#[tokio::test]
async fn the_first_poll_sets_the_baseline_and_the_next_continues_from_it() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    let first = world.call().await;
    assert_eq!(first.positions, None);
    first.answer(up_to("a", &[]));
    let status = world.at_rest("x").await;
    assert_eq!((status.positions, status.failures, status.error, status.changed_at), (1, 0, None, None));
    assert_eq!(status.next_at, status.tried_at.map(|at| at.saturating_add(Duration::from_secs(3600))));
    assert_eq!(world.deliveries(), []);

    world.engine.poke("x");
    let second = world.call().await;
    assert_eq!(position(second.positions.as_ref()), Some("a"));
    second.answer(up_to("c", &["b", "c"]));
    let status = world.at_rest("x").await;
    assert_eq!((status.succeeded_at, status.changed_at), (status.tried_at, status.tried_at));
    assert_eq!(position(world.store.positions("x").unwrap().as_ref()), Some("c"));
}

#[tokio::test]
async fn a_poll_is_a_delivery_of_its_type_with_the_options_of_its_poller() {
    let mut world = World::new();
    let options = EveryPoller {
        project: "tea".to_owned(),
        codebase: "pot".to_owned(),
        category: Some("polled".to_owned()),
        ..hourly()
    };
    world.serve(&["a@b"], &options).await;
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("a@b").await;
    let mut polled = up_to("c", &["b", "c"]);
    polled.changes[1].project = "its own".to_owned();
    polled.note = Some("one branch was left out".to_owned());
    world.poll("a@b", polled).await;
    let deliveries = world.deliveries();
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!((delivery.dialect.as_str(), delivery.event.as_deref()), ("fake", Some("poll")));
    assert_eq!((delivery.polled_by(), delivery.state), (Some("a@b"), State::Accepted));
    assert_eq!(delivery.reason.as_deref(), Some("one branch was left out"));
    let change = |id| world.store.reader().change(id).unwrap().unwrap().change;
    let (first, second) = (change(1), change(2));
    assert_eq!((first.project.as_str(), second.project.as_str()), ("tea", "its own"));
    assert_eq!((first.codebase.as_str(), first.category.as_deref()), ("pot", Some("polled")));
}

#[tokio::test]
async fn no_more_than_eight_poll_at_once_and_none_waits_for_another_that_is_slow() {
    let mut world = World::new();
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.serve(&names, &hourly()).await;
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(world.call().await);
    }
    let waiting: Vec<&str> = names.iter().copied().filter(|name| calls.iter().all(|call| call.name != *name)).collect();
    for name in &waiting {
        world.until(name, |status| status.state == PollerState::Queued).await;
    }
    world.assert_quiet();
    calls.pop().unwrap().answer(up_to("a", &[]));
    let ninth = world.call().await;
    assert!(waiting.contains(&ninth.name.as_str()));
    // The others hang, and it is polled again and again.
    let name = ninth.name.clone();
    ninth.answer(up_to("a", &[]));
    let tenth = world.call().await;
    tenth.answer(up_to("a", &[]));
    world.at_rest(&name).await;
    world.poll(&name, up_to("b", &["b"])).await;
    world.poll(&name, up_to("c", &["c"])).await;
    assert_eq!(world.deliveries().len(), 2);
}

#[tokio::test]
async fn pokes_during_a_poll_cause_exactly_one_more() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    let first = world.call().await;
    for _ in 0..3 {
        assert!(world.engine.poke("x"));
    }
    world.assert_quiet();
    first.answer(up_to("a", &[]));
    let second = world.call().await;
    assert_eq!(position(second.positions.as_ref()), Some("a"), "it begins when the first is over");
    second.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.assert_quiet();
    assert!(!world.engine.poke("y"), "there is no such poller");
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_poll_and_the_next_one_takes_place() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.panic();
    let status = world.at_rest("x").await;
    assert_eq!(status.error.as_deref(), Some("the poller panicked: this is a bug, see the log"));
    assert_eq!(status.failures, 1);
    let status = world.poll("x", up_to("a", &[])).await;
    assert_eq!((status.error, status.failures), (None, 0));
}

#[tokio::test]
async fn a_poll_that_takes_too_long_is_abandoned() {
    let mut world = World::new();
    let options = EveryPoller { poll_timeout: Duration::from_millis(20), ..hourly() };
    world.serve(&["x"], &options).await;
    world.call().await.wait_until_abandoned().await;
    let status = world.at_rest("x").await;
    assert_eq!(status.error.as_deref(), Some("the poll took longer than 20ms, its `poll_timeout`"));
    assert_eq!(world.store.positions("x").unwrap(), None);
}

#[tokio::test]
async fn what_one_poll_leaves_is_polled_at_once() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.engine.poke("x");
    world.call().await.answer(Polled { has_more: true, ..up_to("b", &["b"]) });
    let next = world.call().await;
    assert_eq!(position(next.positions.as_ref()), Some("b"));
    next.answer(up_to("c", &["c"]));
    world.at_rest("x").await;
    assert_eq!(world.deliveries().len(), 2);
    world.assert_quiet();
}

#[tokio::test]
async fn failures_in_a_row_are_counted_and_repeated_with_growing_pauses() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    let before = world.at_rest("x").await;
    for (failures, least) in [(1, 30), (2, 60), (3, 120)] {
        world.engine.poke("x");
        world.call().await.fail("no route to host");
        let status = world.at_rest("x").await;
        assert_eq!((status.failures, status.error.as_deref()), (failures, Some("no route to host")));
        let pause = status.next_at.unwrap().since(status.tried_at.unwrap());
        assert!((least..least * 2).contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(status.succeeded_at, before.succeeded_at);
    }
    let status = world.poll("x", up_to("b", &["b"])).await;
    assert_eq!((status.failures, status.error), (0, None));
    assert_eq!(status.next_at, status.tried_at.map(|at| at.saturating_add(Duration::from_secs(3600))));
}

#[tokio::test]
async fn what_could_be_read_counts_although_the_poll_has_failed() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    let before = world.at_rest("x").await;
    let partly = Polled { error: Some("there is no branch `none`".to_owned()), ..up_to("b", &["b"]) };
    let status = world.poll("x", partly).await;
    assert_eq!((status.failures, status.error.as_deref()), (1, Some("there is no branch `none`")));
    assert_eq!(status.succeeded_at, before.succeeded_at);
    assert_eq!(position(world.store.positions("x").unwrap().as_ref()), Some("b"));
    assert_eq!(world.deliveries().len(), 1);
}

#[tokio::test]
async fn nothing_moves_while_the_store_fails_and_nothing_is_missed_afterwards() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.engine.poke("x");
    let call = world.call().await;
    world.store.fail_with(StoreError::Failed("the disk is full".to_owned()));
    call.answer(up_to("b", &["b"]));
    let status = world.at_rest("x").await;
    assert!(status.error.as_deref().unwrap().contains("the disk is full"), "{status:?}");
    world.store.recover();
    assert_eq!(position(world.store.positions("x").unwrap().as_ref()), Some("a"));
    world.engine.poke("x");
    let call = world.call().await;
    assert_eq!(position(call.positions.as_ref()), Some("a"));
    call.answer(up_to("b", &["b"]));
    let status = world.at_rest("x").await;
    assert_eq!((status.failures, world.deliveries().len()), (0, 1));
}

#[tokio::test]
async fn of_two_processes_that_poll_the_same_the_second_is_refused() {
    let mut one = World::new();
    one.serve(&["x"], &hourly()).await;
    one.call().await.answer(up_to("a", &[]));
    one.at_rest("x").await;
    let mut other = World::on(std::sync::Arc::clone(&one.store));
    other.serve(&["x"], &hourly()).await;
    other.at_rest("x").await;
    one.engine.poke("x");
    other.engine.poke("x");
    let (first, second) = (one.call().await, other.call().await);
    first.answer(up_to("b", &["b"]));
    one.at_rest("x").await;
    second.answer(up_to("b", &["b"]));
    let status = other.at_rest("x").await;
    assert_eq!(status.failures, 1);
    assert!(status.error.as_deref().unwrap().contains("`x`"), "{status:?}");
    assert_eq!(one.deliveries().len(), 1, "nothing is reported twice");
    other.engine.poke("x");
    let call = other.call().await;
    assert_eq!(position(call.positions.as_ref()), Some("b"));
    call.answer(up_to("b", &[]));
    assert_eq!(other.at_rest("x").await.failures, 0);
}

#[tokio::test]
async fn stopping_abandons_what_is_polled() {
    let mut world = World::new();
    world.serve(&["x", "y"], &hourly()).await;
    let (one, other) = (world.call().await, world.call().await);
    let status = world.engine.watch("x").unwrap();
    kit::soon(world.engine.stop()).await;
    assert!(one.was_abandoned() && other.was_abandoned());
    assert_eq!(status.borrow().state, PollerState::Stopped);
    assert_eq!(world.store.positions("x").unwrap(), None);
    assert!(world.engine.pollers().is_empty());
}
