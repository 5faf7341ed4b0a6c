//! Laws of leads, as far as one hookd can see them.

use std::time::Duration;

use super::Open;
use super::samples::{accepted_many, append, at, cursor_move, delivery};
use crate::{CursorMove, Lead, Leadership, Moved, Part};

/// The lead, which comes within seconds where nobody else has it.
fn gained(leadership: &mut Leadership) -> Lead {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let gained = async { tokio::time::timeout(Duration::from_secs(30), leadership.gained()).await };
    runtime.block_on(gained).unwrap()
}

/// Parts are led apart from each other, and a move that names its epoch takes place.
pub fn whoever_is_alone_leads_what_it_asks_for(open: Open<'_>) {
    let store = open();
    append(&store, delivery("", accepted_many(3)));
    let mut sink = store.lead(Part::Sink("sink".to_owned()));
    let mut others =
        [Part::Sink("other".to_owned()), Part::Poller("sink".to_owned()), Part::Expiry].map(|part| store.lead(part));
    let lead = gained(&mut sink);
    assert!(lead.lasts());
    assert_eq!(sink.current().map(|lead| lead.epoch), Some(lead.epoch));
    others.iter_mut().for_each(|other| assert!(gained(other).lasts()));
    let led =
        |expected, position| CursorMove { epoch: Some(lead.epoch), ..cursor_move("sink", expected, at(position)) };
    let moved = store.move_cursors(vec![led(None, 1)]).wait().unwrap();
    let [Moved::To(version)] = moved.as_slice() else { panic!("the cursor did not move: {moved:?}") };
    let moved = store.move_cursors(vec![led(Some(*version), 2)]).wait().unwrap();
    assert!(matches!(moved.as_slice(), [Moved::To(_)]), "{moved:?}");
}

/// What was given up can be led again at once, also by the next process.
pub fn a_lead_that_was_given_up_is_free(open: Open<'_>) {
    let store = open();
    for _ in 0..3 {
        let mut leadership = store.lead(Part::Expiry);
        assert!(gained(&mut leadership).lasts());
    }
    store.close();
    drop(store);
    let store = open();
    assert!(gained(&mut store.lead(Part::Expiry)).lasts());
}
