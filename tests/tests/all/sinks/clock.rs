//! The clock is set while changes are delivered.

use hookd_tests::{Receiver, Reply, until};

use super::{dead_letters, numbers_without, revisions, send, stored, tables, wait_for_position, webhook_sink};
use crate::faults::clock;

/// How many changes are sent at a time.
const COUNT: usize = 10;

#[test]
#[ignore = "needs faketime from cargo xtask test"]
fn a_clock_that_jumps_makes_no_sink_wait_and_repeats_nothing() {
    let receiver = Receiver::start();
    let hookd = clock::start(&tables(&webhook_sink(&receiver.url(), "")));
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    for (round, offset) in (2..).zip(["-2d", "+3d", "+0", "-1h"]) {
        // An attempt has failed and the next one is due in a moment, by the clock before it was set.
        receiver.answer(|_| Reply::Status(503));
        let before = receiver.count();
        send(hookd.public(), COUNT);
        until("attempts fail", || (receiver.count() >= before + 2).then_some(()));
        clock::set(&hookd, offset);
        receiver.answer(|_| Reply::Status(204));
        wait_for_position(&hookd, round * COUNT);
    }
    let taken = receiver.taken();
    let expected: Vec<String> = (0..5).flat_map(|_| numbers_without(COUNT, &[])).collect();
    assert_eq!(revisions(&taken), expected);
    let ids: Vec<String> = taken.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, stored(&hookd).into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    let arrived = receiver.seen().iter().filter(|(_, reply)| *reply == Reply::Status(204)).count();
    assert_eq!(arrived, 5 * COUNT, "none was sent twice");
    assert!(dead_letters(hookd.home()).is_empty());
}

#[test]
#[ignore = "needs faketime from cargo xtask test"]
fn a_sink_that_is_misconfigured_is_probed_however_the_clock_is_set_back() {
    let receiver = Receiver::start();
    receiver.answer(|_| Reply::Status(401));
    let hookd = clock::start(&tables(&webhook_sink(&receiver.url(), "")));
    send(hookd.public(), COUNT);
    until("it was probed", || (receiver.count() >= 2).then_some(()));
    clock::set(&hookd, "-2d");
    let before = receiver.count();
    until("it is probed still", || (receiver.count() >= before + 3).then_some(()));
    receiver.answer(|_| Reply::Status(204));
    wait_for_position(&hookd, COUNT);
}
