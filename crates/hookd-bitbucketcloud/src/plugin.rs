//! Pull requests with `fromRef`, `toRef` and `link`: the shape that Buildbot's hook expects, that of a plugin for Bitbucket
//! Server. Bitbucket Cloud does not send it; bridges may.

use hookd_core::{Change, Outcome, PullRequestStage, Refusal, View, pull_request_comments};

use crate::change::{actor, pull_request_heading};
use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// The change of a pull request.
    pub(crate) fn plugin_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let pull = event.payload.at("pullrequest")?;
        let change = self.plugin_change(&event.payload, &pull, stage, self.change(event)?)?;
        Ok(self.built(Change { comments: pull_request_comments(&change.comments, &pull)?, ..change }))
    }

    /// The change of `pull`, with its heading as comments.
    pub(crate) fn plugin_change(
        &self,
        payload: &View<'_>,
        pull: &View<'_>,
        stage: PullRequestStage,
        base: Change,
    ) -> Result<Change, Refusal> {
        let number = pull.python_int("id")?;
        let branch = match stage {
            PullRequestStage::Created | PullRequestStage::Updated => format!("refs/pull-requests/{number}/merge"),
            PullRequestStage::Fulfilled => format!("refs/heads/{}", pull.shown("toRef.branch.name")?),
            PullRequestStage::Rejected => format!("refs/heads/{}", pull.shown("fromRef.branch.name")?),
        };
        let mut properties = self.whitelist.extract("bitbucket", pull.json())?;
        properties.insert("pullrequesturl".to_owned(), pull.maybe_value("link")?);
        Ok(Change {
            author: actor(payload)?,
            branch: Some(branch),
            category: Some(stage.category().to_owned()),
            comments: pull_request_heading(&number),
            properties,
            revision: pull.nullable_text("fromRef.commit.hash")?.map(str::to_owned),
            revlink: pull.maybe("link")?.map(str::to_owned),
            ..base
        })
    }
}
