//! An event class: in Buildbot, a subclass of `GitHubEventHandler` with one method more, `handle_blah`.

use hookd_core::{Change, Outcome, Refusal, register};
use hookd_github::{Event, EventClass};

register! {
    EventClass { name: "blah", summary: "The event `blah` makes a change, too.", handle: handle_blah }
}

/// A change for the event `blah`. All other events are those of the dialect.
fn handle_blah(event: &Event<'_>) -> Option<Result<Outcome, Refusal>> {
    (event.name == "blah").then(|| {
        Ok(Outcome::Changes(vec![Change {
            author: event.payload.maybe("sender.login")?.unwrap_or_default().to_owned(),
            category: Some("blah".to_owned()),
            comments: event.payload.maybe("blah.message")?.unwrap_or_default().to_owned(),
            ..event.change()?
        }]))
    })
}
