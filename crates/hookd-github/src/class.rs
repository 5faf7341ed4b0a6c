//! Event classes: how a third party handles events that the dialect does not, or not as it likes.

use std::fmt;

use hookd_core::registry::Named;
use hookd_core::{
    ApiAnswers, BuildContext, Change, ChangeArguments, Compat, Hook, HookRequest, Outcome, Problem, Refusal, View, plug,
};

use crate::hook::GitHub;
use crate::options::Options;

/// An event, as an [`EventClass`] gets it: verified as far as the options require it, its payload parsed.
#[derive(Clone, Copy)]
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
    pub(crate) hook: &'e GitHub,
}

impl<'e> Event<'e> {
    /// What the dialect itself makes of the event, with all its options.
    ///
    /// # Errors
    /// As [`Hook::translate_with`].
    pub fn built_in(&self) -> Result<Outcome, Refusal> {
        self.hook.built_in(self)
    }

    /// What every change of the event has: repository, codebase and `src`.
    ///
    /// # Errors
    /// When the payload names no repository.
    pub fn change(&self) -> Result<Change, Refusal> {
        self.hook.change(self)
    }

    /// The options of the dialect, as they are configured.
    pub fn options(&self) -> &'e Options {
        &self.hook.options
    }

    /// The mode of the dialect.
    pub fn compat(&self) -> Compat {
        self.hook.compat
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hook has tokens.
        f.debug_struct("Event").field("name", &self.name).field("payload", &self.payload).finish_non_exhaustive()
    }
}

/// Handles an event; `None` leaves it to the dialect, as [`Event::built_in`] does.
pub(crate) type Handle = fn(&Event<'_>) -> Option<Result<Outcome, Refusal>>;

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
///         let change = Change { branch: Some(tag.to_owned()), category: Some("release".to_owned()), ..event.change()? };
///         Ok(Outcome::Changes(vec![change]))
///     })
/// }
/// ```
pub struct EventClass {
    /// The name, for `class = "NAME"`.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Handles an event; `None` leaves it to the dialect, as [`Event::built_in`] does, of which the outcome can be changed.
    /// Outcomes mean what they mean to [`Hook::translate_with`](hookd_core::Hook::translate_with).
    pub handle: fn(&Event<'_>) -> Option<Result<Outcome, Refusal>>,
}

plug!(EventClass);

impl EventClass {
    /// The dialect with these options and this class, whatever is registered: for tests of a class alone.
    ///
    /// ```
    /// use hookd_core::{BuildContext, Compat, HookRequest, Outcome, Secret, SecretSource};
    /// use hookd_github::{Event, EventClass, Options};
    ///
    /// # struct NoSecrets;
    /// # impl SecretSource for NoSecrets {
    /// #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
    /// # }
    /// let class = EventClass {
    ///     name: "stars",
    ///     summary: "Says who starred.",
    ///     handle: |event: &Event<'_>| (event.name == "star").then(|| Ok(Outcome::ignored("a star"))),
    /// };
    /// let context = BuildContext::new("github", Compat::Off, &NoSecrets);
    /// let hook = class.hook(Options::default(), &context).unwrap();
    /// let request = HookRequest::post("/change_hook/github")
    ///     .with_header("X-GitHub-Event", "star")
    ///     .with_header("Content-Type", "application/json")
    ///     .with_body("{}");
    /// assert_eq!(hook.translate(&request), Ok(Outcome::ignored("a star")));
    /// ```
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn hook(&self, options: Options, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        GitHub::build(options, Ok(Some(self.handle)), context)
    }
}

impl Named for EventClass {
    const KIND: &'static str = "event class";

    fn name(&self) -> &'static str {
        self.name
    }
}
