//! Pull requests, as Bitbucket itself sends them.

use hookd_core::{Change, Outcome, PullRequestEvent, PullRequestStage, Refusal, pull_request_comments};

use crate::change::pull_request_heading;
use crate::date::first_date;
use crate::hook::{BitbucketServer, Event};
use crate::repository::link_of;
use crate::user::user;

impl BitbucketServer {
    /// The change of a pull request that is open, if this is built.
    pub(crate) fn open_pull_request(&self, event: &Event<'_>, happened: PullRequestEvent) -> Result<Outcome, Refusal> {
        match happened.stage() {
            Some(stage) => self.pull_request(event, stage),
            None => Ok(Outcome::ignored(
                "event `pr:modified` makes no change unless the pull request got another target branch",
            )),
        }
    }

    /// The change of a pull request: of its source, or of its target once it is merged.
    pub(crate) fn pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let pull = payload.at("pullRequest")?;
        let number = pull.count("id")?;
        let target = pull.at("toRef.repository")?;
        let (side, revision) = match stage {
            PullRequestStage::Fulfilled => {
                // Without a merge commit it was fast-forwarded to the source.
                let merged = pull.optional_text("properties.mergeCommit.id")?;
                ("toRef", merged.map_or_else(|| pull.text("fromRef.latestCommit"), Ok)?)
            }
            _ => ("fromRef", pull.text("fromRef.latestCommit")?),
        };
        let side = pull.at(side)?;
        let page = match link_of(&pull)? {
            Some(page) => Some(page.to_owned()),
            None => self.page_of(&target)?.map(|page| format!("{page}/pull-requests/{number}")),
        };
        let mut properties = self.whitelist.extract("bitbucket", pull.json())?;
        if let Some(page) = &page {
            properties.insert("pullrequesturl".to_owned(), page.as_str().into());
        }
        let when = first_date(&pull, &["updatedDate", "createdDate"]);
        let repository = self.address_of(&side.at("repository")?)?;
        Ok(self.built(Change {
            author: user(payload, "actor")?.unwrap_or_default(),
            branch: Some(side.text("id")?.to_owned()),
            category: Some(stage.category().to_owned()),
            comments: pull_request_comments(&pull_request_heading(number), &pull)?,
            properties,
            codebase: self.codebase_of(event, &repository)?,
            repository,
            revision: Some(revision.to_owned()),
            revlink: page,
            when_timestamp: when.or_else(|| first_date(payload, &["date"])),
            ..self.change(event, &target)?
        }))
    }
}

/// What happened to a pull request that got another title, description or target branch.
pub(crate) fn modified(event: &Event<'_>) -> Result<PullRequestEvent, Refusal> {
    let before = event.payload.maybe("previousTarget.id")?;
    let has_new_target = before.is_some() && before != Some(event.payload.text("pullRequest.toRef.id")?);
    Ok(if has_new_target { PullRequestEvent::NewTarget } else { PullRequestEvent::Other })
}
