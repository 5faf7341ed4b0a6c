//! The hook: what is pushed, and who translates it in which mode.

use hookd_core::{Compat, Hook, HookRequest, Outcome, Recognised, Refusal, Skips};

use crate::{branches, buildbot, push};

const EVENT: &str = "X-Event-Key";

/// The dialect at work.
pub(crate) struct Bitbucket {
    pub(crate) compat: Compat,
    pub(crate) skips: Skips,
}

impl Hook for Bitbucket {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, EVENT, &[])
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let payload = request.json_in(payload(request)?.as_bytes())?.reading(self.compat);
        let base = push::base(request, request.header(EVENT), &payload)?;
        let mut commits = payload.list("commits")?;
        if self.compat == Compat::Off {
            branches::sort(&mut commits);
        }
        let pages = match self.compat {
            Compat::Off => push::pages(&base.repository),
            Compat::Buildbot => {
                buildbot::require_nodes(&commits)?;
                buildbot::pages(&base.repository)
            }
        };
        let branches = match self.compat {
            Compat::Off => branches::of(&commits)?,
            Compat::Buildbot => buildbot::branches(&commits)?,
        };
        let change = |(commit, branch): (_, Option<&str>)| push::change(commit, branch, &base, &pages);
        let mut changes = payload.collect_changes(commits.iter().zip(branches).map(change))?;
        if let Some(outcome) = branches::skip(&mut changes, &self.skips) {
            return Ok(outcome);
        }
        Ok(Outcome::changes_or(changes, "the push names no commit"))
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, "Content-Type"]
    }

    fn warnings(&self) -> Vec<String> {
        self.skips.warnings()
    }
}

/// The text of the payload.
fn payload(request: &HookRequest) -> Result<&str, Refusal> {
    request.argument("payload")?.ok_or_else(|| {
        Refusal::new(if request.content_type() == "application/json" {
            "argument `payload` is missing: webhooks with JSON are for the dialects `bitbucketcloud` and `bitbucketserver`"
        } else {
            "argument `payload` is missing"
        })
    })
}
