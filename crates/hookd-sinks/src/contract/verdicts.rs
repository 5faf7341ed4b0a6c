//! Laws of one attempt: each way to fail is somebody's fault.

use std::sync::Arc;

use hookd_store::LoggedChange;

use super::served::{changes, wait_for};
use super::{Behaviour, Peer};
use crate::{Attempt, Verdict};

fn deliver(peer: &dyn Peer, change: &LoggedChange) -> Attempt {
    let sink = peer.sink();
    wait_for(sink.deliver(change))
}

fn ids(changes: &[Arc<LoggedChange>]) -> Vec<String> {
    changes.iter().map(|change| change.hookd_id.clone()).collect()
}

/// In one line, for people.
pub fn describes_where_changes_go(peer: &dyn Peer) {
    let sink = peer.sink();
    let destination = sink.destination();
    assert!(!destination.is_empty() && !destination.contains('\n'), "{destination:?}");
    assert!(sink.batch_size() > 0, "a batch without changes");
    assert!(sink.warnings().iter().all(|warning| !warning.is_empty() && !warning.contains('\n')));
}

/// And nothing arrives before that.
pub fn a_change_that_is_taken_has_arrived(peer: &dyn Peer) {
    let changes = changes(2);
    assert_eq!(peer.arrived(), [""; 0], "a new peer has nothing");
    for (index, change) in changes.iter().enumerate() {
        let attempt = deliver(peer, change);
        assert_eq!((&attempt.verdict, attempt.may_have_arrived), (&Verdict::Delivered, false), "{attempt:?}");
        assert_eq!(peer.arrived(), ids(&changes[..=index]));
    }
}

/// The next attempt delivers.
pub fn a_moment_at_which_nothing_is_taken_passes(peer: &dyn Peer) {
    let changes = changes(1);
    if peer.behave(&Behaviour::TakeNone) {
        let attempt = deliver(peer, &changes[0]);
        assert!(matches!(attempt.verdict, Verdict::Later { .. }), "{attempt:?}");
        assert!(!attempt.answer.is_empty(), "nobody knows why");
        peer.behave(&Behaviour::Take);
    }
    assert_eq!(peer.arrived(), [""; 0]);
    assert_eq!(deliver(peer, &changes[0]).verdict, Verdict::Delivered);
    assert_eq!(peer.arrived(), ids(&changes));
}

/// The next change is taken.
pub fn a_change_that_is_refused_is_its_own_fault(peer: &dyn Peer) {
    let changes = changes(2);
    if peer.behave(&Behaviour::Refuse(changes[0].hookd_id.clone())) {
        let attempt = deliver(peer, &changes[0]);
        assert_eq!((&attempt.verdict, attempt.may_have_arrived), (&Verdict::ThisChange, false), "{attempt:?}");
        assert!(!attempt.answer.is_empty(), "nobody knows why");
    }
    assert_eq!(deliver(peer, &changes[1]).verdict, Verdict::Delivered);
    assert_eq!(peer.arrived(), ids(&changes[1..]));
}

/// It ends when the configuration is fixed.
pub fn a_wrong_configuration_is_the_fault_of_no_change(peer: &dyn Peer) {
    let changes = changes(1);
    if peer.behave(&Behaviour::Misconfigured) {
        let attempt = deliver(peer, &changes[0]);
        assert_eq!((&attempt.verdict, attempt.may_have_arrived), (&Verdict::ThisSink, false), "{attempt:?}");
        assert!(!attempt.answer.is_empty(), "nobody knows why");
        peer.behave(&Behaviour::Take);
    }
    assert_eq!(peer.arrived(), [""; 0]);
    assert_eq!(deliver(peer, &changes[0]).verdict, Verdict::Delivered);
}

/// So that the sink is asked, or the change is sent once more.
pub fn a_lost_answer_leaves_open_whether_the_change_has_arrived(peer: &dyn Peer) {
    let changes = changes(1);
    if peer.behave(&Behaviour::TakeSilently) {
        let attempt = deliver(peer, &changes[0]);
        assert!(matches!(attempt.verdict, Verdict::Later { .. }) && attempt.may_have_arrived, "{attempt:?}");
        assert_eq!(peer.arrived(), ids(&changes));
    }
}

/// None behind that one arrives, unless its own attempt says so.
pub fn changes_of_a_batch_are_delivered_up_to_the_first_that_fails(peer: &dyn Peer) {
    let changes = changes(3);
    let sink = peer.sink();
    assert!(wait_for(sink.deliver_many(&[])).is_empty());
    if peer.behave(&Behaviour::Refuse(changes[1].hookd_id.clone())) {
        let attempts = wait_for(sink.deliver_many(&changes));
        assert_eq!(attempts.len(), 2, "{attempts:?}");
        assert_eq!([&attempts[0].verdict, &attempts[1].verdict], [&Verdict::Delivered, &Verdict::ThisChange]);
        assert_eq!(peer.arrived(), ids(&changes[..1]));
        return;
    }
    let attempts = wait_for(sink.deliver_many(&changes));
    assert!(attempts.len() == 3 && attempts.iter().all(|attempt| attempt.verdict == Verdict::Delivered));
    assert_eq!(peer.arrived(), ids(&changes));
    if peer.behave(&Behaviour::TakeNone) {
        let attempts = wait_for(peer.sink().deliver_many(&changes));
        assert!(matches!(attempts[0].verdict, Verdict::Later { .. }), "{attempts:?}");
        assert!(attempts[1..].iter().all(|attempt| attempt.may_have_arrived), "it was not tried: {attempts:?}");
    }
}
