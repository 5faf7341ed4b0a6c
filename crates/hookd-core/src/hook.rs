//! The [`Hook`] trait: what a dialect does with a request.

use std::borrow::Cow;

use crate::{ApiAnswers, ApiCall, Change, HookRequest, Method, Reason, Refusal};

/// A dialect at work: made from its options once per configuration, then asked for each request.
///
/// The way of a request: [`recognise`](Hook::recognise) → [`verify`](Hook::verify) → [`translate`](Hook::translate).
/// Only `translate` has to be written; a hook without `verify` accepts requests from anyone.
///
/// A hook keeps no state between requests and does no input or output: what it needs from the forge's API it asks for
/// with [`Outcome::Calls`].
pub trait Hook: Send + Sync {
    /// Translates a request that [`verify`](Hook::verify) let pass into changes. Of its headers it has those that
    /// [`headers`](Hook::headers) names.
    ///
    /// # Errors
    /// A refusal when the request is wrong: it is answered with 400 and the refusal's message. A request that is
    /// right but of no interest is [`Outcome::Ignored`], never an error: forges disable hooks that answer with errors.
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal>;

    /// Translates again, now that the calls which [`Outcome::Calls`] named are answered; `answers` holds those of
    /// all rounds. The request is the same.
    ///
    /// # Errors
    /// As [`Hook::translate`].
    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        let _ = answers;
        self.translate(request)
    }

    /// Checks who sent the request, by a signature or a token.
    ///
    /// # Errors
    /// A refusal when the proof is missing or invalid. It must not say how close it was.
    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        let _ = request;
        Ok(Proof::NotRequired)
    }

    /// Whether it is a test of the connection, which makes no change and needs no proof: it is answered with 202 and not
    /// stored. For forges that send it without one whatever they are set to: where it is signed like everything else, the
    /// proof shows whether the secret is right.
    fn is_ping(&self, request: &HookRequest) -> bool {
        let _ = request;
        false
    }

    /// What the forge says about the request outside its payload. None of it is verified yet.
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let _ = request;
        Recognised::default()
    }

    /// Names of the headers that [`translate`](Hook::translate) reads: they are kept with the delivery, and `translate` gets no
    /// others besides `Content-Type` and `User-Agent`, which are always kept.
    ///
    /// Never one that carries a secret: hookd does not start with a dialect that names `Authorization`, `Cookie`, or another
    /// that is a token or a signature by its name ([`carries_secret`](crate::carries_secret)). Nor one that differs when the
    /// forge sends the same delivery again, such as a count of attempts: these headers are part of its identity (but for
    /// `User-Agent`).
    fn headers(&self) -> &[&'static str] {
        &[]
    }

    /// The methods that the dialect takes; others are answered with 405.
    fn methods(&self) -> &'static [Method] {
        &[Method::Post]
    }

    /// Whether every request needs a proof. `hookd check` warns of dialects that accept requests from anyone.
    fn requires_proof(&self) -> bool {
        false
    }

    /// What an operator should know about the options, one sentence each: shown by `hookd check` and at start.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a forge says about a request outside its payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recognised<'r> {
    /// The forge's name for the kind of event, such as `push`.
    pub event: Option<Cow<'r, str>>,
    /// The forge's own id of the delivery, the same when it is sent again.
    pub forge_id: Option<Cow<'r, str>>,
}

/// Who vouches for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A valid signature or token.
    Verified {
        /// Which secret of the option it was made with, from 1, so that an operator can see which of them is still in use;
        /// `None` where there is nothing to choose from.
        key: Option<u32>,
    },
    /// Nobody: the dialect requires no proof, or (as Buildbot's GitHub hook without `strict`) only checks one that is
    /// there.
    NotRequired,
}

/// What a request means.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// These changes, at least one, in the order in which they happened.
    Changes(Vec<Change>),
    /// No change. The reason is one sentence for somebody who waits for a build.
    Ignored(Reason),
    /// Not known before these calls to the forge's API are answered. The delivery is stored and its sender answered
    /// first, with `reported_changes`. [`Outcome::calls`] makes it.
    #[non_exhaustive]
    Calls {
        /// The calls, at least one that was not answered before, and with those that were at most
        /// [`MAX_API_CALLS`](crate::MAX_API_CALLS). Otherwise the delivery ends as refused, with a reason that names the
        /// dialect.
        calls: Vec<ApiCall>,
        /// What the calls are about, such as one pull request. Deliveries of a dialect that have this in common publish
        /// their changes in the order in which they were received; `None` waits for no other.
        line: Option<String>,
        /// What the delivery is about, for people who look at it meanwhile.
        about: Subject,
        /// How many changes the answer reports: as many as there will be unless the API's answers change that.
        reported_changes: usize,
    },
}

impl Proof {
    /// A valid signature or token that was made with the secret of this number, as [`Keys`](crate::Keys) count them.
    pub const fn by_key(number: u32) -> Self {
        Self::Verified { key: Some(number) }
    }

    /// Whether somebody vouches.
    pub const fn is_verified(self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

/// What a delivery is about, as far as is known before its changes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Where the repository is, as in [`Change::repository`]; empty if that is not known.
    pub repository: String,
    /// The branch.
    pub branch: Option<String>,
    /// The head.
    pub revision: Option<String>,
}

impl Subject {
    /// What this change is about.
    pub fn of(change: &Change) -> Self {
        let Change { repository, branch, revision, .. } = change;
        Self { repository: repository.clone(), branch: branch.clone(), revision: revision.clone() }
    }
}

impl<'r> Recognised<'r> {
    /// This event and this id, where they are known.
    pub fn new(event: Option<Cow<'r, str>>, forge_id: Option<Cow<'r, str>>) -> Self {
        Self { event, forge_id }
    }

    /// What these headers say: the event that one names, and the first id of those that are there. Empty ones count as
    /// not there.
    pub fn from_headers(request: &'r HookRequest, event: &str, forge_ids: &[&str]) -> Self {
        let header = |name: &str| request.nonempty_header(name).map(Cow::Borrowed);
        Self { event: header(event), forge_id: forge_ids.iter().find_map(|name| header(name)) }
    }
}

impl Outcome {
    /// [`Outcome::Calls`] about this, which wait for no other and are reported as one change.
    pub fn calls(calls: impl IntoIterator<Item = ApiCall>, about: Subject) -> Self {
        Outcome::Calls { calls: calls.into_iter().collect(), line: None, about, reported_changes: 1 }
    }

    /// The same calls, in this line: see [`Outcome::Calls`]. Other outcomes stay as they are.
    #[must_use]
    pub fn in_line(mut self, name: impl Into<String>) -> Self {
        if let Outcome::Calls { line, .. } = &mut self {
            *line = Some(name.into());
        }
        self
    }

    /// The same calls, reported as so many changes. Other outcomes stay as they are.
    #[must_use]
    pub fn reported_as(mut self, changes: usize) -> Self {
        if let Outcome::Calls { reported_changes, .. } = &mut self {
            *reported_changes = changes;
        }
        self
    }

    /// [`Outcome::Ignored`] for this reason.
    pub fn ignored(reason: impl AsRef<str>) -> Self {
        Outcome::Ignored(Reason::new(reason))
    }

    /// [`Outcome::Changes`], or [`Outcome::Ignored`] for this reason where there are none.
    pub fn changes_or(changes: Vec<Change>, reason: impl AsRef<str>) -> Self {
        if changes.is_empty() { Outcome::ignored(reason) } else { Outcome::Changes(changes) }
    }
}
