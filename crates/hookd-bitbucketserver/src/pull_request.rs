//! Pull requests, as Bitbucket itself sends them.

use hookd_core::{Change, Outcome, PullRequestStage, Refusal, pull_request_comments};

use crate::change::pull_request_heading;
use crate::date::first_date;
use crate::hook::{BitbucketServer, Event};
use crate::repository::{address_of, link_of, page_of};
use crate::user::user;

impl BitbucketServer {
    /// A pull request that got another title, description or target branch: only the last is something to build.
    pub(crate) fn modified(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let before = payload.optional_text("previousTarget.id")?;
        if before.is_none() || before == Some(payload.text("pullRequest.toRef.id")?) {
            return Ok(Outcome::ignored(
                "event `pr:modified` makes no change unless the pull request got another target branch",
            ));
        }
        self.pull_request(event, PullRequestStage::Updated)
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
            None => page_of(&target)?.map(|page| format!("{page}/pull-requests/{number}")),
        };
        let mut properties = self.whitelist.extract("bitbucket", pull.json())?;
        if let Some(page) = &page {
            properties.insert("pullrequesturl".to_owned(), page.as_str().into());
        }
        let when = first_date(&pull, &["updatedDate", "createdDate"])?;
        Ok(Outcome::Changes(vec![Change {
            author: user(payload, "actor")?.unwrap_or_default(),
            branch: Some(side.text("id")?.to_owned()),
            category: Some(stage.category().to_owned()),
            comments: pull_request_comments(&pull_request_heading(number), &pull)?,
            properties,
            repository: address_of(&side.at("repository")?)?,
            revision: Some(revision.to_owned()),
            revlink: page,
            when_timestamp: when.map_or_else(|| first_date(payload, &["date"]), |when| Ok(Some(when)))?,
            ..self.change(event, &target)?
        }]))
    }
}
