//! From names of pollers to polls.

use std::sync::Arc;

use hookd_core::{Hook, HookRequest, Method, Outcome, Pollers, Refusal};

/// The dialect at work.
pub struct PollerHook {
    pollers: Arc<dyn Pollers>,
    allowed: Option<Vec<String>>,
}

impl PollerHook {
    /// A hook that triggers these pollers, or only those of them that are allowed.
    pub fn new(pollers: Arc<dyn Pollers>, allowed: Option<Vec<String>>) -> Self {
        Self { pollers, allowed }
    }

    fn is_allowed(&self, name: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == name))
    }
}

impl Hook for PollerHook {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let reachable: Vec<String> = self.pollers.names().into_iter().filter(|name| self.is_allowed(name)).collect();
        let asked = request.arguments()?.all("poller")?;
        let chosen = if asked.is_empty() {
            reachable
        } else {
            let mut missing: Vec<&str> =
                asked.iter().copied().filter(|name| !reachable.iter().any(|one| one == name)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                return Err(Refusal::new(format!("Could not find pollers: {}", missing.join(","))));
            }
            reachable.into_iter().filter(|name| asked.contains(&name.as_str())).collect()
        };
        chosen.iter().for_each(|name| self.pollers.poll(name));
        Ok(if chosen.is_empty() {
            Outcome::ignored("there is no poller to trigger")
        } else {
            Outcome::ignored(format!("triggered {}", chosen.join(", ")))
        })
    }

    fn warnings(&self) -> Vec<String> {
        let names = self.pollers.names();
        let unknown = self.allowed.iter().flatten().filter(|name| !names.contains(name));
        let mut warnings: Vec<String> =
            unknown.map(|name| format!("`allowed` names `{name}`, and no poller has this name")).collect();
        if names.is_empty() {
            warnings.push("there is no poller that it could trigger: see `[[pollers]]`".to_owned());
        }
        warnings
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }
}
