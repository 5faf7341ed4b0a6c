//! The one place that calls dialects: when a request is received, and again after each round of API calls.
//!
//! Invariants, for every call:
//! - A panic of a dialect is an error in the log and a [`Failure`], never the end of a thread. So is an outcome that no dialect may
//!   give.
//! - A dialect translates what is kept of a request, whenever it does. Only what comes before sees all of it.
//! - Small requests are never held up by large ones. A large input is translated on threads of its own, two at a time, and
//!   a huge one alone. The bodies of the API's answers count as well.

mod guard;
mod large;

use std::sync::Arc;

use hookd_config::ServedDialect;
use hookd_core::{ApiAnswers, Change, Evidence, HookRequest, Outcome, Proof, Reason, Refusal, other_forge};
use hookd_store::NewState;
use tokio::sync::Semaphore;

use self::guard::Faults;
use self::large::LargeWork;

/// The input from which on a request is translated on threads for large work. Less takes some milliseconds at most.
const LARGE_BYTES: usize = 256 << 10;

/// The input from which on a request is translated alone: JSON takes up to thirty times its size in memory.
const HUGE_BYTES: usize = 4 << 20;

/// How many large inputs are translated at a time.
const MAX_CONCURRENT_LARGE: u32 = 2;

/// Why a request makes no change, other than that it is of no interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is wrong.
    Refused(Refusal),
    /// Its dialect is: it panicked, or gave an outcome that it may not give. The reason names it.
    Faulty(Reason),
}

impl Failure {
    /// The reason, for whoever looks at the delivery.
    pub(crate) fn into_reason(self) -> Reason {
        match self {
            Self::Refused(refusal) => refusal.into(),
            Self::Faulty(reason) => reason,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a dialect says about a request when it is received.
pub(crate) struct Verdict {
    /// The forge's name for the kind of event.
    pub(crate) event: Option<String>,
    /// The forge's id of the delivery.
    pub(crate) forge_id: Option<String>,
    /// Who vouches for the request; `None` if verifying it failed.
    pub(crate) proof: Option<Proof>,
    /// Its changes, the calls that it needs, or why there are none; that of verifying if there is no proof.
    pub(crate) outcome: Result<Outcome, Failure>,
    /// What was left out of its changes.
    pub(crate) note: Option<String>,
    /// Whether it is a test of the connection that needs no proof. Nothing else is known of it then.
    pub(crate) is_ping: bool,
}

/// What a request was translated to again, with the answers that it was made from.
pub(crate) struct Retranslated {
    /// The same answers.
    pub(crate) answers: ApiAnswers,
    /// The result.
    pub(crate) outcome: Result<Outcome, Failure>,
    /// What was left out of its changes.
    pub(crate) note: Option<String>,
}

/// hookd stops, and translates no more.
#[derive(Debug, thiserror::Error)]
#[error("hookd is stopping")]
pub(crate) struct Stopping;

/// Translates requests within limits that the front and the follow-ups share.
pub(crate) struct Translator {
    permits: Arc<Semaphore>,
    large: LargeWork,
    faults: Arc<Faults>,
}

impl Default for Translator {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_LARGE as usize));
        Self { permits, large: LargeWork::on_threads(MAX_CONCURRENT_LARGE as usize), faults: Arc::default() }
    }
}

impl Translator {
    /// Recognises, verifies and translates a request that was just received: a small one at once, a large one on threads of
    /// its own. Returns what is kept of it; all of it if it was not verified.
    ///
    /// # Errors
    /// When hookd stops.
    pub(crate) async fn translate(
        &self,
        dialect: &Arc<ServedDialect>,
        request: HookRequest,
    ) -> Result<(HookRequest, Verdict), Stopping> {
        let bytes = request.body().len();
        if bytes < LARGE_BYTES {
            return Ok(self.faults.of(dialect).verdict(request));
        }
        let (dialect, faults) = (Arc::clone(dialect), Arc::clone(&self.faults));
        self.on_pool(bytes, move || faults.of(&dialect).verdict(request)).await
    }

    /// Loads something that may be large, such as a stored request, on the threads for large work.
    ///
    /// # Errors
    /// When hookd stops.
    pub(crate) async fn load<T: Send + 'static>(
        &self,
        load: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopping> {
        self.large.run(load).await
    }

    /// Translates a stored request again, with the API's answers so far. Never at once, since nobody waits for it.
    ///
    /// # Errors
    /// When hookd stops.
    pub(crate) async fn translate_with(
        &self,
        dialect: &Arc<ServedDialect>,
        request: HookRequest,
        answers: ApiAnswers,
    ) -> Result<Retranslated, Stopping> {
        let bytes = request.body().len().saturating_add(answers.body_bytes());
        let (dialect, faults) = (Arc::clone(dialect), Arc::clone(&self.faults));
        self.on_pool(bytes, move || {
            let request = request.kept(&dialect.kept);
            let outcome =
                faults.of(&dialect).translated(&answers, bytes, |hook| hook.translate_with(&request, &answers));
            Retranslated { answers, outcome, note: request.left_out() }
        })
        .await
    }

    async fn on_pool<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopping> {
        let permits = match bytes {
            ..LARGE_BYTES => return tokio::task::spawn_blocking(work).await.map_err(|_| Stopping),
            LARGE_BYTES..HUGE_BYTES => 1,
            HUGE_BYTES.. => MAX_CONCURRENT_LARGE,
        };
        let permit = Arc::clone(&self.permits).acquire_many_owned(permits).await.map_err(|_| Stopping)?;
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        self.large.run(work).await
    }
}

/// What is stored of an outcome.
pub(crate) fn new_state(outcome: Outcome) -> NewState {
    match outcome {
        Outcome::Changes(mut changes) if !changes.is_empty() => {
            changes.iter_mut().for_each(Change::fill_revlink);
            NewState::Accepted(changes)
        }
        Outcome::Changes(_) => NewState::Ignored("it contains no change".to_owned()),
        Outcome::Ignored(reason) => NewState::Ignored(reason.into_string()),
        Outcome::Calls { reported_changes, about, .. } => NewState::Pending { reported_changes, about },
    }
}

/// Says of a request that makes no change when it looks like the webhook of another forge.
fn naming_other_forge(
    dialect: &ServedDialect,
    request: &HookRequest,
    evidence: Evidence,
    outcome: Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let named = |message: &str| Some(format!("{}: {message}", other_forge(dialect.class, request, evidence)?));
    match outcome {
        Ok(Outcome::Ignored(reason)) => Ok(named(&reason).map_or(Outcome::Ignored(reason), Outcome::ignored)),
        Err(Failure::Refused(refusal)) => Err(named(refusal.message()).map_or(refusal, Refusal::new).into()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
