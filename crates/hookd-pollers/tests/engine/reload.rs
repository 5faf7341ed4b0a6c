//! Another configuration takes the place of the one that is served.

use std::time::Duration;

use hookd_pollers::{EveryPoller, PollerState};
use hookd_store::Log as _;

use crate::kit::{World, hourly, soon, up_to};
use crate::position;

#[tokio::test]
async fn a_poller_that_was_changed_continues_where_it_was() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    let before = world.at_rest("x").await;
    // Also one that polls when hookd starts, which this is not.
    let daily = EveryPoller { poll_interval: Duration::from_secs(86_400), poll_at_launch: true, ..hourly() };
    world.serve(&["x"], &daily).await;
    let status = world.at_rest("x").await;
    assert_eq!((status.succeeded_at, status.positions), (before.succeeded_at, 1));
    assert_eq!(status.next_at, before.succeeded_at.map(|at| at.saturating_add(Duration::from_secs(86_400))));
    world.assert_quiet();
    world.engine.poke("x");
    let call = world.call().await;
    assert_eq!(position(call.positions.as_ref()), Some("a"));
}

#[tokio::test]
async fn the_poll_of_a_poller_that_was_changed_is_abandoned_and_made_anew() {
    let mut world = World::new();
    world.serve(&["x"], &hourly()).await;
    let old = world.call().await;
    soon(world.serve(&["x"], &hourly())).await;
    assert!(old.was_abandoned(), "polls of one poller never overlap");
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    assert_eq!(position(world.store.positions("x").unwrap().as_ref()), Some("a"));
}

#[tokio::test]
async fn a_poller_that_was_not_changed_is_not_disturbed_and_takes_pokes_of_both() {
    let mut world = World::new();
    let made = |fingerprint: u8| std::sync::Arc::new(world.make("x", hourly()).with_fingerprint([fingerprint; 32]));
    let (old, same, other) = (made(1), made(1), made(2));
    world.engine.apply(&[std::sync::Arc::clone(&old)]).await;
    let call = world.call().await;
    // A request of the new configuration may come before the engine has it.
    same.poke.poke();
    world.engine.apply(&[std::sync::Arc::clone(&same)]).await;
    assert!(!call.was_abandoned());
    same.poke.poke();
    old.poke.poke();
    call.answer(up_to("a", &[]));
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.assert_quiet();

    // Through all that came before it.
    world.engine.apply(&[std::sync::Arc::clone(&other)]).await;
    world.at_rest("x").await;
    for settings in [&old, &same, &other] {
        settings.poke.poke();
        world.call().await.answer(up_to("a", &[]));
        world.at_rest("x").await;
    }
    world.assert_quiet();
}

#[tokio::test]
async fn pokes_of_the_old_configuration_reach_the_new_one() {
    let mut world = World::new();
    let old = world.serve(&["x"], &hourly()).await;
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.serve(&["x"], &hourly()).await;
    world.at_rest("x").await;
    old[0].poke.poke();
    world.call().await.answer(up_to("a", &[]));
    world.at_rest("x").await;
    world.assert_quiet();
}

#[tokio::test]
async fn a_poller_that_is_gone_stops_and_continues_when_it_comes_back() {
    let mut world = World::new();
    world.serve(&["x", "y"], &hourly()).await;
    for _ in 0..2 {
        world.call().await.answer(up_to("a", &[]));
    }
    world.at_rest("x").await;
    world.at_rest("y").await;
    let status = world.engine.watch("x").unwrap();
    world.serve(&["y"], &hourly()).await;
    assert_eq!(status.borrow().state, PollerState::Stopped);
    assert!(world.engine.watch("x").is_none() && !world.engine.poke("x"));
    // It is a launch of this poller.
    world.serve(&["x"], &EveryPoller { poll_at_launch: true, ..hourly() }).await;
    let call = world.call().await;
    assert_eq!((call.name.as_str(), position(call.positions.as_ref())), ("x", Some("a")));
}
