//! What a receiver answers decides what happens to one change, to those after it, and to the sink.

use hookd_tests::{Home, Hookd, Receiver, Reply, until};

use super::{
    dead_letters, delivered, logged_once, numbers_without, revisions, send, tables, wait_for_position, webhook_sink,
};

const COUNT: usize = 20;

fn start(receiver: &Receiver, more: &str) -> Hookd {
    Home::serving(&tables(&webhook_sink(&receiver.url(), more))).start()
}

/// Answers this once to this revision; takes everything else.
fn answers_once(receiver: &Receiver, revision: &'static str, reply: Reply, times: usize) {
    let mut left = times;
    receiver.answer(move |event| {
        if event.field("revision") == revision && left > 0 {
            left -= 1;
            return reply;
        }
        Reply::Status(204)
    });
}

#[test]
fn changes_arrive_in_the_order_in_which_they_were_received() {
    let receiver = Receiver::start();
    let hookd = start(&receiver, "");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[]));
    assert_eq!(receiver.count(), COUNT, "each was sent once");
    assert_eq!(delivered(hookd.home()), COUNT);
}

#[test]
fn one_change_that_gets_500_holds_up_the_others_until_it_is_taken() {
    let receiver = Receiver::start();
    answers_once(&receiver, "7", Reply::Status(500), 3);
    let hookd = start(&receiver, "");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[]));
    assert_eq!(receiver.count(), COUNT + 3);
    // An outage is logged once when it begins and once when it ends.
    logged_once(&hookd, "does not take changes, will retry: 500");
    logged_once(&hookd, "takes changes again");
}

#[test]
fn one_change_that_gets_500_for_ever_is_given_up_where_the_operator_says_so() {
    let receiver = Receiver::start();
    answers_once(&receiver, "7", Reply::Status(500), usize::MAX);
    let hookd = start(&receiver, "give_up_after = \"300ms\"");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[7]));
    let [(changeid, answer)] = dead_letters(hookd.home()).try_into().expect("one dead letter");
    assert_eq!(changeid, 7);
    assert!(answer.starts_with("500") && answer.ends_with("given up after `give_up_after`"), "{answer}");
}

#[test]
fn changes_that_are_refused_are_dead_letters_and_hold_up_nothing() {
    let receiver = Receiver::start();
    receiver.answer(|event| match event.field("revision") {
        "3" => Reply::Status(400),
        "5" => Reply::Status(413),
        "20" => Reply::Status(422),
        _ => Reply::Status(204),
    });
    let hookd = start(&receiver, "");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[3, 5, 20]));
    assert_eq!(receiver.count(), COUNT, "none was sent twice");
    let dead = dead_letters(hookd.home());
    assert_eq!(dead.iter().map(|(changeid, _)| *changeid).collect::<Vec<_>>(), [3, 5, 20]);
    assert!(dead[1].1.starts_with("413") && dead[1].1.contains("said 413"), "{dead:?}");
}

#[test]
fn a_sink_that_is_misconfigured_gives_nothing_up_and_catches_up_when_it_is_mended() {
    let receiver = Receiver::start();
    receiver.answer(|_| Reply::Status(401));
    let hookd = start(&receiver, "");
    send(hookd.public(), COUNT);
    until("it was probed a few times", || (receiver.count() >= 4).then_some(()));
    assert_eq!(super::position(hookd.home()), 0);
    logged_once(&hookd, "misconfigured, nothing more is sent: 401");
    // One change is tried again and again; the others are not sent to a sink that would refuse them.
    let seen = receiver.seen();
    assert!(seen.iter().all(|(event, _)| event.field("revision") == "1"), "{seen:?}");

    receiver.answer(|_| Reply::Status(204));
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[]));
    assert!(dead_letters(hookd.home()).is_empty());
    logged_once(&hookd, "takes changes again");
}

#[test]
fn a_receiver_that_hangs_costs_a_time_limit_and_no_change() {
    let receiver = Receiver::start();
    answers_once(&receiver, "4", Reply::Hang, 2);
    let hookd = start(&receiver, "timeout = \"300ms\"");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[]));
    assert_eq!(receiver.count(), COUNT + 2);
    logged_once(&hookd, "did not answer within 300ms");
}

#[test]
fn a_change_that_was_taken_without_an_answer_comes_again_with_the_same_id() {
    let receiver = Receiver::start();
    answers_once(&receiver, "4", Reply::TakeAndClose, 1);
    let hookd = start(&receiver, "");
    send(hookd.public(), COUNT);
    wait_for_position(&hookd, COUNT);
    assert_eq!(revisions(&receiver.taken()), numbers_without(COUNT, &[]), "repeats have the same id");
    let repeats = receiver.seen().iter().filter(|(event, _)| event.field("revision") == "4").count();
    assert_eq!((repeats, receiver.count()), (2, COUNT + 1));
}

#[test]
fn in_the_order_of_branches_the_others_go_on_while_one_fails() {
    let receiver = Receiver::start();
    receiver.answer(|event| if event.field("branch") == "bad" { Reply::Status(503) } else { Reply::Status(204) });
    let hookd = start(&receiver, "order = \"branch\"");
    for number in 1..=30 {
        let branch = ["bad", "good", "fine"][number % 3];
        assert_eq!(hookd.send(&super::change(branch, &number.to_string())).line(), "202 1 change found");
    }
    until("all others have arrived", || (receiver.taken().len() == 20).then_some(()));
    // One change of the branch is tried, again and again.
    let seen = receiver.seen();
    assert!(seen.iter().all(|(event, _)| event.field("branch") != "bad" || event.field("revision") == "3"));
    assert!(super::position(hookd.home()) < 3);

    // What is done beyond the cursor is not sent again after a restart.
    let hookd = hookd.terminate().1.start();
    receiver.answer(|_| Reply::Status(204));
    wait_for_position(&hookd, 30);
    let good: Vec<String> = receiver
        .seen()
        .iter()
        .filter(|(event, _)| event.field("branch") != "bad")
        .map(|(event, _)| event.id.clone())
        .collect();
    assert_eq!(good.len(), 20);
    for branch in ["bad", "good", "fine"] {
        let arrived: Vec<usize> = receiver
            .taken()
            .iter()
            .filter(|event| event.field("branch") == branch)
            .map(|event| event.field("revision").parse().expect("a number"))
            .collect();
        assert!(arrived.is_sorted() && arrived.len() == 10, "{branch}: {arrived:?}");
    }
}
