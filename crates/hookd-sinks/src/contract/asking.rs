//! Laws of asking a sink what it has.

use super::served::{changes, wait_for};
use super::{Behaviour, Peer};
use crate::Known;

/// Before anything has arrived and after.
pub fn a_sink_either_can_tell_what_it_has_or_says_that_it_cannot(peer: &dyn Peer) {
    let changes = changes(3);
    let sink = peer.sink();
    let can_tell = sink.can_tell();
    let expected = if can_tell { Known::No } else { Known::CannotTell };
    assert_eq!(wait_for(sink.has(&changes[0])), expected);
    for change in &changes[..2] {
        wait_for(sink.deliver(change));
        let known = wait_for(sink.has(change));
        assert!(if can_tell { matches!(known, Known::Yes(_)) } else { known == Known::CannotTell }, "{known:?}");
    }
    // Also by another that is made later, and about each.
    let sink = peer.sink();
    for (index, change) in changes.iter().enumerate() {
        let known = wait_for(sink.has(change));
        let is_right = match known {
            Known::Yes(_) => can_tell && index < 2,
            Known::No => can_tell && index == 2,
            Known::CannotTell => !can_tell,
            Known::NoAnswer(_) => false,
        };
        assert!(is_right, "change {}: {known:?}", index + 1);
    }
}

/// That is what it is asked for.
pub fn what_has_arrived_without_an_answer_is_found(peer: &dyn Peer) {
    let changes = changes(1);
    let sink = peer.sink();
    if peer.behave(&Behaviour::TakeSilently) && sink.can_tell() {
        assert!(wait_for(sink.deliver(&changes[0])).may_have_arrived);
        peer.behave(&Behaviour::Take);
        let known = wait_for(sink.has(&changes[0]));
        assert!(matches!(known, Known::Yes(_)), "{known:?}");
    }
}
