//! The hook under test, and what it makes of a request.

use std::fmt;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use hookd_core::{
    ApiAnswer, ApiAnswers, ApiCall, BuildContext, Change, Compat, Hook, HookRequest, Outcome, Pollers, Proof, Refusal,
    Secret, SecretSource,
};

use crate::{Forge, Options};

/// The most rounds of calls that a hook may ask for.
const MAX_ROUNDS: usize = 100;

/// The most characters of a reason or a refusal, which is one line of an answer and of the log.
const MAX_LINE_CHARS: usize = 300;

/// Secrets as the configuration spells them; an environment variable contains its own name, and no file exists.
struct SpelledOut;

impl SecretSource for SpelledOut {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) | Secret::Env(text) => Ok(text.clone().into_bytes()),
            Secret::File(path) => Err(format!("no file `{path}`")),
        }
    }
}

/// Pollers that write down which of them were to poll.
struct FakePollers {
    names: &'static [&'static str],
    polled: Mutex<Vec<String>>,
}

impl Pollers for FakePollers {
    fn names(&self) -> Vec<String> {
        self.names.iter().map(ToString::to_string).collect()
    }

    fn poll(&self, name: &str) {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    }
}

/// A hook under test, built from the registration of its dialect. It is a [`Hook`], with methods to test it.
pub struct Subject {
    hook: Box<dyn Hook>,
    api: fn(&str) -> ApiAnswer,
    pollers: Arc<FakePollers>,
}

impl Deref for Subject {
    type Target = dyn Hook;

    fn deref(&self) -> &Self::Target {
        &*self.hook
    }
}

impl Subject {
    /// Builds the dialect; the problems with its options are lines as `hookd check` prints them behind the position.
    #[track_caller]
    pub(crate) fn build(forge: &Forge, compat: Compat, options: impl Options) -> Result<Self, Vec<String>> {
        let table = forge.with_needed(options);
        let pollers = Arc::new(FakePollers { names: forge.pollers, polled: Mutex::default() });
        let mut context = BuildContext::new(forge.dialect, compat, &SpelledOut);
        context.pollers = Arc::clone(&pollers) as Arc<dyn Pollers>;
        let built = forge.descriptor().build(table, &context);
        let hook = built.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        Ok(Self { hook, api: forge.api, pollers })
    }

    /// Verifies a request, and translates it as [`Subject::run`] does: what a hookd makes of it.
    ///
    /// # Panics
    /// As [`Subject::run_with`].
    #[track_caller]
    pub fn receive(&self, request: &HookRequest) -> Run {
        match self.hook.verify(request) {
            Ok(_) => self.run(request),
            Err(refusal) => Run { outcome: Err(refusal), rounds: Vec::new() },
        }
    }

    /// Translates a request. Calls to the forge's API are answered by the forge of the test, until there are none.
    ///
    /// # Panics
    /// When the hook breaks a rule whatever was sent: see [`Subject::run_with`].
    #[track_caller]
    pub fn run(&self, request: &HookRequest) -> Run {
        self.run_with(request, self.api)
    }

    /// Translates a request, with an API that gives these answers, by URL.
    ///
    /// # Panics
    /// When the hook makes no change and gives no reason, gives one that is not a short line, makes a call twice,
    /// never stops calling, or refuses a request after its calls: the sender was answered before them.
    #[track_caller]
    pub fn run_with(&self, request: &HookRequest, mut api: impl FnMut(&str) -> ApiAnswer) -> Run {
        let mut answers = ApiAnswers::default();
        let mut rounds = Vec::new();
        let mut outcome = self.hook.translate(request);
        while let Ok(Outcome::Calls { calls, reported_changes, .. }) = &outcome {
            assert!(*reported_changes > 0, "calls that no change is reported for");
            assert!(!calls.is_empty(), "calls that are none");
            assert!(rounds.len() < MAX_ROUNDS, "calls without end, the last for {:?}", calls[0].url);
            for call in calls {
                assert!(answers.get(&call.url).is_none(), "{:?} was answered before", call.url);
                answers.insert(call.url.clone(), api(&call.url));
            }
            rounds.push(calls.clone());
            outcome = self.hook.translate_with(request, &answers);
        }
        let line = match &outcome {
            Ok(Outcome::Changes(changes)) => {
                assert!(!changes.is_empty(), "neither a change nor a reason why there is none");
                None
            }
            Ok(Outcome::Ignored(reason)) => Some(reason.as_str()),
            Ok(Outcome::Calls { .. }) => unreachable!("they were answered"),
            Err(refusal) => {
                assert!(rounds.is_empty(), "refused after its sender was answered: {refusal}");
                Some(refusal.message())
            }
        };
        if let Some(line) = line {
            let is_short = line.chars().count() <= MAX_LINE_CHARS && !line.chars().any(char::is_control);
            assert!(is_short && !line.is_empty(), "not a short line: {line:?}");
        }
        Run { outcome, rounds }
    }

    /// The changes of a request.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn changes(&self, request: &HookRequest) -> Vec<Change> {
        self.run(request).changes()
    }

    /// The only change of a request.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn change(&self, request: &HookRequest) -> Change {
        self.run(request).change()
    }

    /// The pollers that were made to poll, in this order, since it was last asked.
    pub fn polled(&self) -> Vec<String> {
        mem::take(&mut *self.pollers.polled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the check of a signature or token comes to: `verified`, `not required`, or `refused: MESSAGE`. By which key is
    /// in [`Hook::verify`].
    pub fn proof(&self, request: &HookRequest) -> String {
        match self.hook.verify(request) {
            Ok(Proof::Verified { .. }) => "verified".to_owned(),
            Ok(Proof::NotRequired) => "not required".to_owned(),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }
}

/// What a hook made of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The outcome, after all calls.
    pub outcome: Result<Outcome, Refusal>,
    /// The calls that it asked for, round by round.
    pub rounds: Vec<Vec<ApiCall>>,
}

impl Run {
    /// The outcome in one line: `ignored: REASON`, `refused: MESSAGE`, or for each change, separated by commas, the
    /// category if there is one, the branch, `@`, and the first four characters of the revision.
    pub fn summary(&self) -> String {
        match &self.outcome {
            Ok(Outcome::Changes(changes)) => changes.iter().map(brief).collect::<Vec<_>>().join(", "),
            Ok(Outcome::Ignored(reason)) => format!("ignored: {reason}"),
            Ok(Outcome::Calls { calls, .. }) => format!("{calls:?}"),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }

    /// The changes.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn changes(self) -> Vec<Change> {
        let summary = self.summary();
        match self.outcome {
            Ok(Outcome::Changes(changes)) => changes,
            _ => panic!("expected changes, found {summary}"),
        }
    }

    /// The only change.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn change(self) -> Change {
        let summary = self.summary();
        match <[Change; 1]>::try_from(self.changes()) {
            Ok([change]) => change,
            Err(_) => panic!("expected one change, found {summary}"),
        }
    }

    /// The URLs of the calls, round by round.
    pub fn urls(&self) -> Vec<Vec<&str>> {
        self.rounds.iter().map(|calls| calls.iter().map(|call| &*call.url).collect()).collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}

fn brief(change: &Change) -> String {
    let category = change.category.as_ref().map(|category| format!("{category} ")).unwrap_or_default();
    let branch = change.branch.as_deref().unwrap_or("-");
    let revision: String = change.revision.as_deref().unwrap_or("-").chars().take(4).collect();
    format!("{category}{branch}@{revision}")
}
