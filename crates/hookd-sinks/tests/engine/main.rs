//! The engine against a store in memory and a scripted sink.

#![allow(clippy::unwrap_used)]

mod batches;
mod kit;

use std::time::Duration;

use hookd_sinks::{Attempt, Command, EverySink, From, Known, Order, SinkState, Verdict};
use hookd_store::{SettlementKind, Store as _, StoreError};
use kit::{Script, World};

fn branch() -> EverySink {
    EverySink { order: Order::Branch, ..kit::options() }
}

#[test]
fn delivers_in_the_order_of_the_log() {
    let world = World::new();
    world.append(&["a", "b", "a", "c", "b"]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), [1, 2, 3, 4, 5]);
    world.append(&["a"]);
    run.wait_until_done();
    assert_eq!(world.arrived(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(run.status().state, SinkState::Idle);
    run.stop();
    assert_eq!(world.cursor().position, 6);
    assert_eq!(world.settled(3), [SettlementKind::Delivered]);
}

#[test]
fn one_that_fails_holds_up_all_that_come_after_it() {
    let world = World::new();
    world.script(2, Script::times(3, Attempt::later("no route")));
    world.append(&["a", "b", "a"]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.attempts(), [1, 2, 2, 2, 2, 3]);
}

#[test]
fn in_the_order_of_branches_others_overtake_one_that_fails() {
    let world = World::new();
    world.script(1, Script::always(Attempt::later("no route")));
    world.append(&["a", "b", "a", "b", "c"]);
    let run = world.start(branch());
    run.wait_until(|status| status.done_beyond == 3);
    assert_eq!(world.sorted_arrivals(), [2, 4, 5]);
    assert_eq!(run.status().position, 0);
    world.script(1, Script::default());
    run.wait_until_done();
    let arrived = world.arrived();
    let place = |changeid| arrived.iter().position(|other| *other == changeid);
    assert!(place(1) < place(3) && place(2) < place(4), "{arrived:?}");
}

#[test]
fn a_change_that_the_sink_refuses_becomes_a_dead_letter_and_the_next_one_is_sent() {
    let world = World::new();
    world.script(2, Script::always(Attempt::refused("413 too large")));
    world.append(&["a", "a", "a"]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), [1, 3]);
    run.stop();
    let dead = world.store.reader().settlements("sink", SettlementKind::Dead, 0, 9).unwrap();
    assert_eq!((dead[0].changeid, dead[0].answer.as_str(), dead[0].attempts), (2, "413 too large", 1));
}

#[test]
fn a_sink_that_is_misconfigured_keeps_every_change_and_is_probed_slowly() {
    let world = World::new();
    world.script_all(Script::always(Attempt::misconfigured("401")));
    world.append(&["a", "b", "c"]);
    let run = world.start(branch());
    run.wait_until(|status| status.state == SinkState::Misconfigured && status.attempts.misconfigured >= 5);
    assert_eq!(run.status().error.as_deref(), Some("401"));
    assert_eq!(world.store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 0);
    assert_eq!(world.cursor().position, 0);
    // One change probes; the others wait for it.
    let attempts = world.attempts();
    assert!(attempts[3..].iter().all(|changeid| *changeid == attempts[3]), "{attempts:?}");
    world.script_all(Script::default());
    run.wait_until_done();
    assert_eq!(world.sorted_arrivals(), [1, 2, 3]);
}

#[test]
fn the_change_is_at_fault_where_it_alone_keeps_failing() {
    let world = World::new();
    let fails = Attempt {
        verdict: Verdict::Later { after: None, blames_change: true },
        ..Attempt::later("500 Internal Server Error")
    };
    world.script(1, Script::always(fails));
    world.append(&["a", "a"]);
    let run = world.start(EverySink { head_attempts: 3, ..kit::options() });
    // The sink is not healthy, so it is not the change's fault.
    run.wait_until(|status| status.attempts.later >= 6);
    assert_eq!(world.store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 0);
    world.is_healthy(true);
    run.wait_until_done();
    assert_eq!(world.arrived(), [2]);
    run.stop();
    assert_eq!(world.settled(1), [SettlementKind::Dead]);
}

#[test]
fn gives_up_after_the_time_that_the_operator_sets() {
    let world = World::new();
    world.script(1, Script::always(Attempt::later("no route")));
    world.append(&["a", "a"]);
    let run = world.start(EverySink { give_up_after: Some(Duration::from_millis(60)), ..kit::options() });
    run.wait_until_done();
    assert_eq!(world.arrived(), [2]);
    assert!(world.attempts().iter().filter(|changeid| **changeid == 1).count() > 1);
}

#[test]
fn asks_before_it_sends_again_what_may_have_arrived() {
    let world = World::new();
    // It arrives, and the answer is lost.
    world.script(1, Script::times(1, Attempt::unanswered("timed out")).arriving());
    // It does not arrive.
    world.script(2, Script::times(1, Attempt::unanswered("timed out")));
    world.append(&["a", "a"]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), [1, 2]);
    assert_eq!(world.attempts(), [1, 2, 2]);
    // Once for the first, which was there; twice for the second, with a pause.
    assert_eq!(world.asked(), [1, 2, 2]);
}

#[test]
fn a_sink_that_does_not_say_whether_it_has_a_change_is_asked_again_and_not_sent_it() {
    let world = World::new();
    world.script(1, Script::times(1, Attempt::unanswered("timed out")).arriving());
    world.answers(Some(Known::NoAnswer("its API answered 503".to_owned())));
    world.append(&["a"]);
    let run = world.start(kit::options());
    run.wait_until(|status| status.attempts.later >= 4);
    assert_eq!(world.attempts(), [1]);
    world.answers(None);
    run.wait_until_done();
    assert_eq!(world.arrived(), [1]);
}

#[test]
fn a_restart_neither_retries_early_nor_counts_anew() {
    let world = World::new();
    world.script_all(Script::always(Attempt::later("no route")));
    world.append(&["a"]);
    let slow =
        || EverySink { retry_min: Duration::from_secs(60), retry_max: Duration::from_secs(120), ..kit::options() };
    let run = world.start(slow());
    run.wait_until(|status| status.head.as_ref().is_some_and(|head| head.attempts == 1));
    let next_at = run.status().head.unwrap().next_at;
    run.stop();
    let run = world.start(slow());
    run.wait_until(|status| status.head.is_some());
    let head = run.status().head.unwrap();
    assert_eq!((head.attempts, head.next_at, head.answer.as_deref()), (1, next_at, Some("no route")));
    assert_eq!(world.attempts(), [1]);
    run.command(Command::Retry).unwrap();
    run.wait_until(|status| status.head.as_ref().is_some_and(|head| head.attempts == 2));
}

#[test]
fn what_was_sent_before_a_crash_is_not_sent_again() {
    let world = World::new();
    world.append(&["a"; 40]);
    let run = world.start(kit::options());
    run.wait_until(|status| status.attempts.delivered >= 20);
    run.kill();
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=40).collect::<Vec<_>>());
}

#[test]
fn progress_that_was_never_stored_is_found_by_asking() {
    let world = World::new();
    world.append(&["a", "b", "a", "c"]);
    let run = world.start(branch());
    run.wait_until(|status| status.state == SinkState::Idle || status.attempts.delivered > 0);
    run.kill();
    world.forget_progress();
    let run = world.start(branch());
    run.wait_until_done();
    assert_eq!(world.sorted_arrivals(), [1, 2, 3, 4]);
    assert!(!world.asked().is_empty());
}

#[test]
fn an_order_that_is_changed_after_a_crash_repeats_nothing() {
    let world = World::new();
    world.script(1, Script::always(Attempt::later("no route")));
    world.append(&["a", "b", "a", "c"]);
    let run = world.start(branch());
    run.wait_until(|status| status.attempts.delivered == 2);
    run.kill();
    world.forget_progress();
    world.script(1, Script::default());
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived()[2..], [1, 3]);
    assert_eq!(world.sorted_arrivals(), [1, 2, 3, 4]);
}

#[test]
fn a_new_sink_begins_at_the_end_or_where_it_says() {
    for (from, expected) in
        [(From::End, vec![4]), (From::Beginning, vec![1, 2, 3, 4]), (From::Time(kit::time(2)), vec![2, 3, 4])]
    {
        let world = World::new();
        world.append(&["a", "a", "a"]);
        let run = world.start_with_from(EverySink { from, ..kit::options() });
        run.wait_until(|status| !matches!(status.state, SinkState::Starting));
        world.append(&["a"]);
        run.wait_until_done();
        assert_eq!(world.arrived(), expected, "{from:?}");
    }
}

#[test]
fn a_new_sink_misses_nothing_that_is_stored_after_it_was_asked_for() {
    for _ in 0..20 {
        let world = World::new();
        world.append(&["a", "a", "a"]);
        let run = world.start_with_from(EverySink { from: From::End, ..kit::options() });
        world.append(&["a", "a"]);
        run.wait_until(|status| status.position == 5);
        assert_eq!(world.arrived(), [4, 5]);
    }
}

#[test]
fn a_filter_drops_changes_and_says_which_condition_did_it() {
    let world = World::new();
    world.append(&["main", "x", "main"]);
    let filter = serde_json::from_value(serde_json::json!({"branch": "main"})).unwrap();
    let run = world.start(EverySink { filter, ..kit::options() });
    run.wait_until_done();
    run.stop();
    assert_eq!(world.arrived(), [1, 3]);
    let dropped = world.store.reader().settlements("sink", SettlementKind::Filtered, 0, 9).unwrap();
    assert_eq!((dropped[0].changeid, dropped[0].answer.as_str()), (2, "branch"));
}

#[test]
fn an_operator_pauses_resumes_skips_and_requeues() {
    let world = World::new();
    world.script(1, Script::always(Attempt::later("no route")));
    world.append(&["a", "a"]);
    let run = world.start(kit::options());
    run.wait_until(|status| status.state == SinkState::Retrying);
    run.command(Command::Pause).unwrap();
    run.stop();
    let run = world.start(kit::options());
    run.wait_until(|status| status.state == SinkState::Paused && status.head.is_some());
    assert!(run.command(Command::Skip).unwrap().starts_with("change 1 was skipped"));
    assert_eq!(world.settled(1), [SettlementKind::Dead]);
    run.command(Command::Resume).unwrap();
    run.wait_until_done();
    assert_eq!(world.arrived(), [2]);
    assert_eq!(run.command(Command::Skip).unwrap_err(), "no change waits");
    world.script(1, Script::default());
    run.command(Command::Requeue(vec![1])).unwrap();
    run.wait_until(|status| status.attempts.delivered >= 2);
    assert_eq!(world.arrived(), [2, 1]);
    run.stop();
    assert_eq!(world.settled(1), [SettlementKind::Delivered]);
    assert!(world.start(kit::options()).command(Command::Requeue(vec![99])).is_err());
}

#[test]
fn a_dead_letter_that_others_have_overtaken_the_cursor_to_is_sent_once_more() {
    let world = World::new();
    world.script(1, Script::always(Attempt::later("no route")));
    world.script(2, Script::times(1, Attempt::refused("413")));
    world.append(&["a", "b", "c"]);
    let run = world.start(branch());
    run.wait_until(|status| status.attempts.dead == 1 && status.attempts.delivered == 1);
    assert_eq!(run.status().position, 0);
    assert!(run.command(Command::Requeue(vec![1])).unwrap_err().contains("has not ended here yet"));
    run.command(Command::Requeue(vec![2])).unwrap();
    run.wait_until(|status| status.attempts.delivered == 2);
    assert_eq!((world.arrived(), run.status().position), (vec![3, 2], 0));
    run.stop();
    assert_eq!(world.settled(2), [SettlementKind::Delivered]);
}

#[test]
fn a_stop_while_the_sink_cannot_be_asked_leaves_what_a_crash_has_sent_in_doubt() {
    let world = World::new();
    world.append(&["a"; 10]);
    let run = world.start(kit::options());
    run.wait_until_done();
    run.kill();
    world.forget_progress();
    // It is down, so that nothing can be asked, and is stopped in order meanwhile.
    world.answers(Some(Known::NoAnswer("no route".to_owned())));
    let run = world.start(kit::options());
    run.wait_until(|status| status.attempts.later > 0);
    run.stop();
    world.answers(None);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=10).collect::<Vec<_>>());
}

#[test]
fn changes_older_than_the_largest_lag_become_dead_letters() {
    let world = World::new();
    world.script_all(Script::always(Attempt::later("no route")));
    world.append(&["a", "a"]);
    // The changes of this test are years old.
    let run = world.start(EverySink { max_lag: Some(Duration::from_secs(60)), ..kit::options() });
    run.wait_until_done();
    run.stop();
    assert_eq!(world.arrived(), [0; 0]);
    assert_eq!(world.store.reader().settlement_count("sink", SettlementKind::Dead).unwrap(), 2);
}

#[test]
fn no_more_is_sent_than_can_be_asked_for_while_the_store_fails() {
    let world = World::new();
    let run = world.start(kit::options());
    run.wait_until(|status| status.state == SinkState::Idle);
    world.append(&["a"; 300]);
    run.wait_until(|status| status.attempts.delivered >= 1);
    world.store.fail_with(StoreError::Failed("disk full".to_owned()));
    let sent = run.wait_until_stable(|status| status.attempts.delivered);
    let noted = u64::try_from(world.cursor().position).unwrap();
    assert!(sent == 300 || sent - noted <= 129, "{sent} sent, {noted} noted");
    world.store.recover();
    run.wait_until_done();
    assert_eq!(world.arrived(), (1..=300).collect::<Vec<_>>());
}

#[test]
fn two_processes_do_not_serve_the_same_sink() {
    let world = World::new();
    let first = world.start(kit::options());
    first.wait_until(|status| status.state == SinkState::Idle);
    let second = world.start(kit::options());
    second.wait_until(|status| status.state == SinkState::Idle);
    world.append(&["a"]);
    first.wait_until(|status| status.state == SinkState::Failed);
    second.wait_until_done();
    assert_eq!(second.status().position, 1);
}

#[test]
fn stopping_waits_for_what_is_under_way_and_no_longer_than_it_may() {
    let world = World::new();
    world.hangs(true);
    world.append(&["a"]);
    let run = world.start(kit::options());
    world.wait_for_attempt();
    let started = std::time::Instant::now();
    run.stop_within(Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(world.cursor().position, 0);
    world.hangs(false);
    let run = world.start(kit::options());
    run.wait_until_done();
    // The attempt that was abandoned may have arrived.
    assert_eq!(world.asked().first(), Some(&1));
    assert_eq!(world.arrived(), [1]);
}

#[test]
fn a_sink_that_is_no_longer_configured_is_found_and_forgotten() {
    let world = World::new();
    world.append(&["a"]);
    let run = world.start(kit::options());
    run.wait_until_done();
    assert_eq!(run.orphans(), [""; 0]);
    assert!(run.forget("sink").unwrap_err().contains("is configured"));
    run.remove_all();
    assert_eq!(run.orphans(), ["sink"]);
    run.forget("sink").unwrap();
    assert_eq!(run.orphans(), [""; 0]);
    assert_eq!(run.forget("sink").unwrap_err(), "there is no sink `sink`");
    assert_eq!(world.store.reader().settlements_of(1).unwrap(), []);
}
