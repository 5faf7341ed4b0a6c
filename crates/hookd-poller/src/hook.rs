//! From names to pollers that poll.

use std::sync::Arc;

use hookd_core::{Hook, HookRequest, Method, Outcome, Pollers, Refusal};

/// The dialect at work.
pub struct Knock {
    pollers: Arc<dyn Pollers>,
    allowed: Option<Vec<String>>,
}

impl Knock {
    /// A hook that tells these pollers to poll, or only those that are allowed.
    pub fn new(pollers: Arc<dyn Pollers>, allowed: Option<Vec<String>>) -> Self {
        Self { pollers, allowed }
    }

    fn is_allowed(&self, name: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == name))
    }
}

impl Hook for Knock {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let within_reach: Vec<String> = self.pollers.names().into_iter().filter(|name| self.is_allowed(name)).collect();
        let asked = request.arguments()?.all("poller")?;
        let chosen = if asked.is_empty() {
            within_reach
        } else {
            let mut missing: Vec<&str> =
                asked.iter().copied().filter(|name| !within_reach.iter().any(|one| one == name)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                return Err(Refusal::new(format!("Could not find pollers: {}", missing.join(","))));
            }
            within_reach.into_iter().filter(|name| asked.contains(&name.as_str())).collect()
        };
        chosen.iter().for_each(|name| self.pollers.poll(name));
        Ok(Outcome::Ignored(if chosen.is_empty() {
            "no poller to poll".to_owned()
        } else {
            format!("told to poll: {}", chosen.join(", "))
        }))
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }
}
