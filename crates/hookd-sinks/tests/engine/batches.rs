//! Sinks that take several changes at a time.

use std::time::Duration;

use hookd_sinks::{Attempt, Command, EverySink, SinkState};
use hookd_store::SettlementKind;

use crate::branch;
use crate::kit::{self, Script, World};

#[test]
fn a_batch_is_delivered_up_to_the_first_that_fails() {
    let world = World::new();
    world.batches(16, 0);
    world.script(5, Script::times(2, Attempt::later("no route")));
    world.script(7, Script::always(Attempt::refused("413")));
    world.append(&["a"; 40]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=40).filter(|changeid| *changeid != 7).collect::<Vec<_>>());
    assert_eq!(world.attempts().len(), 42, "nothing is tried behind one that has failed: {:?}", world.attempts());
    run.stop();
    assert_eq!(world.settled(7), [SettlementKind::Dead]);
    assert_eq!(world.settled(40), [SettlementKind::Delivered]);
}

#[test]
fn changes_of_other_branches_fill_a_batch() {
    let world = World::new();
    world.batches(8, 0);
    world.script(2, Script::times(3, Attempt::later("no route")));
    world.append(&["a", "b", "a", "b", "c", "a", "b", "c"]);
    let run = world.start(EverySink { concurrency: Some(2), ..branch() });
    run.wait_until_done();
    let arrived = world.arrived();
    assert_eq!(world.sorted_arrivals(), (1..=8).collect::<Vec<_>>());
    for of_branch in [&[1, 3, 6][..], &[2, 4, 7], &[5, 8]] {
        let came: Vec<_> = arrived.iter().copied().filter(|changeid| of_branch.contains(changeid)).collect();
        assert_eq!(came, of_branch);
    }
}

#[test]
fn a_batch_whose_answer_is_lost_is_asked_for_change_by_change() {
    let world = World::new();
    world.batches(10, 2);
    world.append(&["a"; 40]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=40).collect::<Vec<_>>());
    assert!(world.asked().len() >= 10, "{:?}", world.asked());
}

#[test]
fn a_batch_whose_answer_is_lost_is_asked_for_also_after_a_stop() {
    let world = World::new();
    world.batches(10, 1);
    world.append(&["a"; 10]);
    let slow =
        || EverySink { retry_min: Duration::from_secs(60), retry_max: Duration::from_secs(120), ..kit::options() };
    let run = world.start(slow());
    run.wait_until(|status| status.state == SinkState::Retrying);
    run.stop();
    assert_eq!(world.cursor().position, 0);
    let run = world.start(slow());
    run.wait_until(|status| status.head.is_some());
    run.command(Command::Retry).unwrap();
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn a_change_is_not_skipped_while_it_is_under_way_with_others() {
    let world = World::new();
    world.batches(10, 0);
    world.hangs(true);
    world.append(&["a"; 10]);
    let run = world.start(kit::options());
    world.wait_for_attempt();
    assert!(run.command(Command::Skip).unwrap_err().contains("is being delivered at this moment"));
}
