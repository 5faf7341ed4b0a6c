//! The calls of a dialect's code, of which none may do harm: it may be anybody's.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hookd_config::ServedDialect;
use hookd_core::{ApiAnswers, ChangeList, Evidence, Hook, HookRequest, MAX_API_CALLS, Outcome, Reason, Refusal};
use hookd_http::LogLimiter;

use super::{Failure, Verdict, naming_other_forge};

/// Logs the faults of dialects, not more than a reader can follow.
#[derive(Default)]
pub(super) struct Faults(LogLimiter);

/// A dialect whose faults are caught and logged.
pub(super) struct Guarded<'g> {
    dialect: &'g ServedDialect,
    faults: &'g Faults,
}

impl Faults {
    pub(super) fn of<'g>(&'g self, dialect: &'g ServedDialect) -> Guarded<'g> {
        Guarded { dialect, faults: self }
    }
}

impl Guarded<'_> {
    /// What the dialect says about a request, and what is kept of that; all of it if it was not verified.
    pub(super) fn verdict(&self, request: HookRequest) -> (HookRequest, Verdict) {
        let dialect = self.dialect;
        let nothing =
            |outcome| Verdict { event: None, forge_id: None, proof: None, outcome, note: None, is_ping: false };
        let recognised = self.call(|hook| {
            let recognised = hook.recognise(&request);
            (recognised.event.map(Cow::into_owned), recognised.forge_id.map(Cow::into_owned))
        });
        let (event, forge_id) = match recognised {
            Ok(recognised) => recognised,
            Err(failure) => return (request, nothing(Err(failure))),
        };
        let known = |outcome| Verdict { event, forge_id, ..nothing(outcome) };
        match self.call(|hook| hook.is_ping(&request)) {
            Ok(false) => {}
            Ok(true) => {
                let outcome = Ok(Outcome::ignored("it is a test of the connection"));
                return (request, Verdict { is_ping: true, ..known(outcome) });
            }
            Err(failure) => return (request, known(Err(failure))),
        }
        let verified = self.call(|hook| hook.verify(&request)).and_then(|verified| Ok(verified?));
        match verified {
            Ok(proof) => {
                let kept = request.kept(&dialect.kept);
                let bytes = request.body().len();
                let outcome = self.translated(&ApiAnswers::default(), bytes, |hook| hook.translate(&kept));
                let outcome = naming_other_forge(dialect, &request, Evidence::Payload, outcome);
                let note = kept.left_out();
                (kept, Verdict { proof: Some(proof), note, ..known(outcome) })
            }
            Err(failure) => {
                let outcome = naming_other_forge(dialect, &request, Evidence::Headers, Err(failure));
                (request, known(outcome))
            }
        }
    }

    /// The outcome of translating with these answers of the API, if it is one that a dialect may give.
    ///
    /// # Errors
    /// The refusal, or what is wrong with the dialect.
    pub(super) fn translated(
        &self,
        answers: &ApiAnswers,
        input_bytes: usize,
        translate: impl FnOnce(&dyn Hook) -> Result<Outcome, Refusal>,
    ) -> Result<Outcome, Failure> {
        let outcome = self.call(translate).and_then(|outcome| Ok(outcome?))?;
        match &outcome {
            // Dialects of hookd check that as they make them; this is for those of others.
            Outcome::Changes(changes) => ChangeList::check(changes, input_bytes)?,
            Outcome::Calls { calls, .. } => {
                let new = calls.iter().filter(|call| answers.get(&call.url).is_none()).count();
                match calls.first() {
                    None => return Err(self.fault("it asks for calls to the forge's API and names none")),
                    Some(first) if new == 0 => {
                        let again = format!("it asks again for what the forge's API has answered: {}", first.url);
                        return Err(self.fault(&again));
                    }
                    Some(_) if answers.len() + new > MAX_API_CALLS => {
                        let more = format!("it asks for more than {MAX_API_CALLS} calls to the forge's API");
                        return Err(self.fault(&more));
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
        Ok(outcome)
    }

    /// Calls code of the dialect.
    fn call<T>(&self, code: impl FnOnce(&dyn Hook) -> T) -> Result<T, Failure> {
        // Where it panicked is in the line before.
        catch_unwind(AssertUnwindSafe(|| code(&*self.dialect.hook))).map_err(|_| self.fault("it panicked"))
    }

    /// Logs a fault of the dialect.
    fn fault(&self, what: &str) -> Failure {
        let ServedDialect { name, class, .. } = self.dialect;
        let reason = Reason::new(format!("the dialect `{name}` failed on this request: {what}"));
        let summary = |more| tracing::error!(more, "dialects failed on more requests within a second");
        if self.faults.0.allows(summary) {
            tracing::error!(dialect = name, class, "{reason}");
        }
        Failure::Faulty(reason)
    }
}
