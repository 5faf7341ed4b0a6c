//! Event classes: how a third party handles events that the dialect does not, or not as it likes.

use hookd_core::registry::Named;
use hookd_core::{ApiAnswers, ChangeArguments, HookRequest, Outcome, Refusal, View};

/// An event, as an [`EventClass`] gets it: verified as far as the options require it, its payload parsed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<'e> {
    /// The header `X-GitHub-Event`: `push`.
    pub name: &'e str,
    /// The whole payload.
    pub payload: View<'e>,
    /// The request.
    pub request: &'e HookRequest,
    /// `?project=` and `?codebase=`, as the mode of the dialect reads them.
    pub arguments: ChangeArguments<'e>,
    /// What the API answered to the calls of earlier [`Outcome::Calls`]; none at first.
    pub answers: &'e ApiAnswers,
}

/// What stands for a subclass of Buildbot's `GitHubEventHandler`: chosen by name with the option `class`.
///
/// ```
/// use hookd_core::{Change, Outcome, Refusal, inventory};
/// use hookd_github::{Event, EventClass};
///
/// inventory::submit! {
///     EventClass { name: "releases", summary: "Releases make changes, too.", handle: release }
/// }
///
/// fn release(event: &Event<'_>) -> Option<Result<Outcome, Refusal>> {
///     (event.name == "release").then(|| {
///         let tag = event.payload.text("release.tag_name")?;
///         let repository = event.payload.text("repository.html_url")?;
///         Ok(Outcome::Changes(vec![Change {
///             branch: Some(tag.to_owned()),
///             category: Some("release".to_owned()),
///             repository: repository.to_owned(),
///             ..Change::default()
///         }]))
///     })
/// }
/// ```
pub struct EventClass {
    /// The name, for `class = "NAME"`.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Handles an event; `None` leaves it to the dialect. Outcomes mean what they mean to
    /// [`Hook::translate_with`](hookd_core::Hook::translate_with).
    pub handle: fn(&Event<'_>) -> Option<Result<Outcome, Refusal>>,
}

inventory::collect!(EventClass);

impl Named for EventClass {
    const KIND: &'static str = "event class";

    fn name(&self) -> &'static str {
        self.name
    }
}
