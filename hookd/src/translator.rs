//! The one place that calls dialects: when a request is received, and again after each round of API calls.
//!
//! Invariants, for every call:
//! - A panic of a dialect is one error in the log and a refusal, never the end of a thread.
//! - Small requests are never held up by large ones. A large input is translated on threads of its own, two at a time, and
//!   a huge one alone. The bodies of the API's answers count as well.

mod large;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hookd_config::ServedDialect;
use hookd_core::{ApiAnswers, Change, ChangeList, Evidence, HookRequest, Outcome, Proof, Refusal, other_forge};
use hookd_http::LogLimiter;
use hookd_store::NewState;
use tokio::sync::Semaphore;

use self::large::LargeWork;

/// The input from which on a request is translated on threads for large work. Less takes some milliseconds at most.
const LARGE_BYTES: usize = 256 << 10;

/// The input from which on a request is translated alone: JSON takes up to thirty times its size in memory.
const HUGE_BYTES: usize = 4 << 20;

/// How many large inputs are translated at a time.
const MAX_CONCURRENT_LARGE: u32 = 2;

/// The refusal of a request on which its dialect panicked.
const PANICKED: &str = "the dialect failed on this request";

/// What a dialect says about a request when it is received.
pub(crate) struct Verdict {
    /// The forge's name for the kind of event.
    pub(crate) event: Option<String>,
    /// The forge's id of the delivery.
    pub(crate) forge_id: Option<String>,
    /// Who vouches for the request; `None` if verifying it failed.
    pub(crate) proof: Option<Proof>,
    /// Its changes, the calls that it needs, or the refusal; that of verifying if there is no proof.
    pub(crate) outcome: Result<Outcome, Refusal>,
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
    pub(crate) outcome: Result<Outcome, Refusal>,
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
    panics: Arc<LogLimiter>,
}

impl Default for Translator {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_LARGE as usize));
        Self { permits, large: LargeWork::on_threads(MAX_CONCURRENT_LARGE as usize), panics: Arc::default() }
    }
}

impl Translator {
    /// Recognises, verifies and translates a request that was just received: a small one at once, a large one on threads of
    /// its own.
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
            let verdict = verdict(dialect, &request, &self.panics);
            return Ok((request, verdict));
        }
        let (dialect, panics) = (Arc::clone(dialect), Arc::clone(&self.panics));
        self.on_pool(bytes, move || {
            let verdict = verdict(&dialect, &request, &panics);
            (request, verdict)
        })
        .await
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
        let (dialect, panics) = (Arc::clone(dialect), Arc::clone(&self.panics));
        self.on_pool(bytes, move || {
            let outcome = guarded(&dialect, &panics, || dialect.hook.translate_with(&request, &answers)).flatten();
            let outcome = outcome.and_then(|outcome| bounded(outcome, bytes));
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

fn verdict(dialect: &ServedDialect, request: &HookRequest, panics: &LogLimiter) -> Verdict {
    let hook = &*dialect.hook;
    let recognised = guarded(dialect, panics, || {
        let recognised = hook.recognise(request);
        (recognised.event.map(Cow::into_owned), recognised.forge_id.map(Cow::into_owned))
    });
    let refused = |event, forge_id, refusal| Verdict {
        event,
        forge_id,
        proof: None,
        outcome: Err(refusal),
        note: None,
        is_ping: false,
    };
    let (event, forge_id) = match recognised {
        Ok(recognised) => recognised,
        Err(refusal) => return refused(None, None, refusal),
    };
    match guarded(dialect, panics, || hook.is_ping(request)) {
        Ok(false) => {}
        Ok(true) => {
            let outcome = Ok(Outcome::ignored("it is a test of the connection"));
            return Verdict { event, forge_id, proof: None, outcome, note: None, is_ping: true };
        }
        Err(refusal) => return refused(event, forge_id, refusal),
    }
    match guarded(dialect, panics, || hook.verify(request)).flatten() {
        Ok(proof) => {
            let outcome = guarded(dialect, panics, || hook.translate(request)).flatten();
            let outcome = outcome.and_then(|outcome| bounded(outcome, request.body().len()));
            let outcome = naming_other_forge(dialect, request, Evidence::Payload, outcome);
            Verdict { event, forge_id, proof: Some(proof), outcome, note: request.left_out(), is_ping: false }
        }
        Err(refusal) => {
            let outcome = naming_other_forge(dialect, request, Evidence::Headers, Err(refusal));
            Verdict { event, forge_id, proof: None, outcome, note: None, is_ping: false }
        }
    }
}

/// Says of a request that makes no change when it looks like the webhook of another forge.
fn naming_other_forge(
    dialect: &ServedDialect,
    request: &HookRequest,
    evidence: Evidence,
    outcome: Result<Outcome, Refusal>,
) -> Result<Outcome, Refusal> {
    let named = |message: &str| Some(format!("{}: {message}", other_forge(dialect.class, request, evidence)?));
    match outcome {
        Ok(Outcome::Ignored(reason)) => Ok(named(&reason).map_or(Outcome::Ignored(reason), Outcome::ignored)),
        Err(refusal) => Err(named(refusal.message()).map_or(refusal, Refusal::new)),
        other => other,
    }
}

/// Refuses changes that take more than their input allows. Dialects of hookd check that as they make them; this is for
/// those of others.
fn bounded(outcome: Outcome, input_bytes: usize) -> Result<Outcome, Refusal> {
    if let Outcome::Changes(changes) = &outcome {
        ChangeList::check(changes, input_bytes)?;
    }
    Ok(outcome)
}

/// Calls code of a dialect, with the same treatment of panics everywhere.
fn guarded<T>(dialect: &ServedDialect, panics: &LogLimiter, code: impl FnOnce() -> T) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| {
        let summary = |more| tracing::error!(more, "dialects panicked on more requests within a second");
        if panics.allows(summary) {
            // The line before says where.
            tracing::error!(dialect = dialect.name, "the dialect panicked on a request, which is refused");
        }
        Refusal::new(PANICKED)
    })
}

#[cfg(test)]
mod tests;
