//! A hook around another one: the same webhooks, with other changes.

use std::fmt;

use crate::{ApiAnswers, Change, Hook, HookRequest, Method, Outcome, Proof, Recognised, Refusal};

/// A hook whose changes go through a function: for a dialect that is a built-in one with some changes left out, or with
/// fields of one's own. Verifying, headers, methods and everything else are those of the hook inside.
///
/// ```
/// use hookd_core::{Adapted, Change, Hook, HookRequest, Outcome, Refusal};
///
/// struct Inner;
///
/// impl Hook for Inner {
///     fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
///         Ok(Outcome::Changes(vec![Change::default()]))
///     }
/// }
///
/// let hook = Adapted::new(Box::new(Inner), |mut changes: Vec<Change>| {
///     changes.iter_mut().for_each(|change| change.category = Some("tea".to_owned()));
///     Outcome::changes_or(changes, "there is no tea in it")
/// });
/// let Ok(Outcome::Changes(changes)) = hook.translate(&HookRequest::post("/change_hook/tea")) else { panic!() };
/// assert_eq!(changes[0].category.as_deref(), Some("tea"));
/// ```
pub struct Adapted<F> {
    inner: Box<dyn Hook>,
    adapt: F,
}

impl<F: Fn(Vec<Change>) -> Outcome + Send + Sync> Adapted<F> {
    /// `inner`, with what `adapt` makes of its changes. It is asked for each delivery that has changes, once they are all
    /// there: after the calls to the forge's API.
    pub fn new(inner: Box<dyn Hook>, adapt: F) -> Self {
        Self { inner, adapt }
    }

    fn adapted(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Changes(changes) => (self.adapt)(changes),
            other => other,
        }
    }
}

impl<F> fmt::Debug for Adapted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hook inside holds secrets.
        f.debug_struct("Adapted").finish_non_exhaustive()
    }
}

/// All methods, also those with a default: one that was not passed on would be another hook's.
impl<F: Fn(Vec<Change>) -> Outcome + Send + Sync> Hook for Adapted<F> {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.inner.translate(request).map(|outcome| self.adapted(outcome))
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        self.inner.translate_with(request, answers).map(|outcome| self.adapted(outcome))
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        self.inner.verify(request)
    }

    fn is_ping(&self, request: &HookRequest) -> bool {
        self.inner.is_ping(request)
    }

    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        self.inner.recognise(request)
    }

    fn headers(&self) -> &[&'static str] {
        self.inner.headers()
    }

    fn methods(&self) -> &'static [Method] {
        self.inner.methods()
    }

    fn requires_proof(&self) -> bool {
        self.inner.requires_proof()
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.warnings()
    }
}

#[cfg(test)]
mod tests {
    /// A method that is added to the trait has to be passed on here.
    #[test]
    fn every_method_of_a_hook_is_passed_on() {
        let methods = |source: &str, start: &str, end: &str| -> Vec<String> {
            let (_, block) = source.split_once(start).expect("it is there");
            let (block, _) = block.split_once(end).expect("it ends");
            let lines = block.lines().filter_map(|line| line.strip_prefix("    fn "));
            let mut names: Vec<String> =
                lines.filter_map(|line| line.split(['(', '<']).next()).map(str::to_owned).collect();
            names.sort();
            names
        };
        let declared = methods(include_str!("hook.rs"), "pub trait Hook", "\n}\n");
        let passed_on = methods(include_str!("adapted.rs"), "Hook for Adapted<F> {", "\n}\n");
        assert!(declared.len() > 8, "{declared:?}");
        assert_eq!(passed_on, declared);
    }
}
