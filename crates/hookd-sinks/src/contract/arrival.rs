//! Laws of what arrives while the engine serves a sink.

use std::collections::HashSet;
use std::sync::Arc;

use hookd_store::LoggedChange;

use super::served::World;
use super::{Behaviour, Peer};
use crate::Order;

/// How many changes a law sends: several batches of most sinks.
const COUNT: usize = 60;

/// Checks that each of these changes has arrived, in this order; and, where repeats are none, not more often than once.
fn check(peer: &dyn Peer, expected: &[Arc<LoggedChange>], may_repeat: bool) {
    let arrived = peer.arrived();
    let mut seen = HashSet::new();
    let first: Vec<&str> = arrived.iter().map(String::as_str).filter(|id| seen.insert(*id)).collect();
    let expected: Vec<&str> = expected.iter().map(|change| change.hookd_id.as_str()).collect();
    assert_eq!(first, expected);
    assert!(may_repeat || arrived.len() == expected.len(), "{} came for {}", arrived.len(), expected.len());
}

/// Also what is stored while others are under way.
pub fn changes_arrive_once_in_the_order_of_the_log(peer: &dyn Peer) {
    let world = World::new();
    world.append(COUNT);
    let run = world.serve(peer, Order::All);
    world.append(1);
    run.wait_until_done();
    check(peer, &world.log(), false);
}

/// Whatever overtakes what.
pub fn changes_arrive_once_in_the_order_of_their_branch(peer: &dyn Peer) {
    let world = World::new();
    world.append(COUNT);
    let run = world.serve(peer, Order::Branch);
    run.wait_until_done();
    let (log, arrived) = (world.log(), peer.arrived());
    assert_eq!(arrived.len(), log.len());
    for branch in log[..3].iter().map(|change| &change.change.branch) {
        let of_branch = log.iter().filter(|change| change.change.branch == *branch);
        let expected: Vec<&str> = of_branch.map(|change| change.hookd_id.as_str()).collect();
        let came: Vec<&str> = arrived.iter().map(String::as_str).filter(|id| expected.contains(id)).collect();
        assert_eq!(came, expected, "{branch:?}");
    }
}

/// All of it, when the moment has passed.
pub fn what_is_not_taken_arrives_later(peer: &dyn Peer) {
    let world = World::new();
    world.append(COUNT);
    if !peer.behave(&Behaviour::TakeNone) {
        return;
    }
    let run = world.serve(peer, Order::All);
    run.wait_until("some attempts fail", |status| status.attempts.later >= 3);
    assert_eq!(peer.arrived(), [""; 0]);
    peer.behave(&Behaviour::Take);
    run.wait_until_done();
    check(peer, &world.log(), false);
}

/// It becomes a dead letter.
pub fn a_refused_change_holds_up_no_other(peer: &dyn Peer) {
    let world = World::new();
    world.append(COUNT);
    let mut expected = world.log();
    let refused = expected.remove(COUNT / 2);
    if !peer.behave(&Behaviour::Refuse(refused.hookd_id.clone())) {
        return;
    }
    let run = world.serve(peer, Order::All);
    run.wait_until_done();
    run.wait_until("one is a dead letter", |status| status.attempts.dead == 1);
    check(peer, &expected, false);
}

/// A stop leaves nothing in doubt, so nothing is repeated.
pub fn a_sink_that_was_stopped_continues_where_it_was(peer: &dyn Peer) {
    let world = World::new();
    for _ in 0..3 {
        world.append(COUNT);
        let run = world.serve(peer, Order::All);
        run.wait_until("something arrives", |status| status.attempts.delivered > 0);
        run.stop();
    }
    let run = world.serve(peer, Order::All);
    run.wait_until_done();
    check(peer, &world.log(), false);
}

/// Where it cannot, each change arrives at least once, and first in its order.
pub fn a_crash_repeats_nothing_where_the_sink_can_tell(peer: &dyn Peer) {
    let world = World::new();
    for _ in 0..3 {
        world.append(COUNT);
        let run = world.serve(peer, Order::All);
        run.wait_until("something arrives", |status| status.attempts.delivered > 0);
        run.kill();
    }
    let run = world.serve(peer, Order::All);
    run.wait_until_done();
    check(peer, &world.log(), !peer.sink().can_tell());
}

/// Where it cannot, each change arrives at least once, and first in its order.
pub fn lost_answers_repeat_nothing_where_the_sink_can_tell(peer: &dyn Peer) {
    let world = World::new();
    world.append(COUNT);
    if !peer.behave(&Behaviour::TakeSilently) {
        return;
    }
    let run = world.serve(peer, Order::All);
    run.wait_until("some answers are lost", |status| status.attempts.later >= 3);
    peer.behave(&Behaviour::Take);
    run.wait_until_done();
    check(peer, &world.log(), !peer.sink().can_tell());
}
