//! Pull requests, as Bitbucket Cloud sends them.

use hookd_core::{Change, Json, Outcome, PullRequestStage, RefKind, Refusal, View, pull_request_comments};

use crate::change::{actor, pull_request_heading};
use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// The change of a pull request: of its source, or of its destination once it is merged.
    ///
    /// Bitbucket Cloud has no ref for the result of a merge, so the branch of the change is one that exists, in the
    /// repository that has it.
    pub(crate) fn pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let pull = event.payload.at("pullrequest")?;
        let number = pull.count("id")?;
        let base = self.change(event)?;
        let source = pull.at("source")?;
        let is_gone = [source.need("repository")?, source.need("commit")?].contains(&&Json::Null);
        if is_gone && stage.is_open() {
            return Ok(Outcome::ignored(format!("the source of pull request #{number} is gone")));
        }
        let mut revision = hash_of(&source, "commit")?;
        let mut side = source;
        if stage == PullRequestStage::Fulfilled {
            side = pull.at("destination")?;
            // Without a merge commit it was fast-forwarded to the source.
            revision = pull.optional_text("merge_commit.hash")?.or(revision);
        }
        let page = match pull.maybe("links.html.href")? {
            Some(page) => page.to_owned(),
            None => format!("{}/pull-requests/{number}", base.repository.trim_end_matches('/')),
        };
        let mut properties = self.whitelist.extract("bitbucket", pull.json())?;
        properties.insert("pullrequesturl".to_owned(), page.as_str().into());
        let when = match pull.maybe_date("updated_on")? {
            Some(when) => Some(when),
            None => pull.maybe_date("created_on")?,
        };
        let repository = match side.need("repository")? {
            Json::Null => base.repository.clone(),
            _ => side.text("repository.links.html.href")?.to_owned(),
        };
        Ok(self.built(Change {
            author: actor(&event.payload)?,
            branch: Some(RefKind::Branch.full(side.text("branch.name")?)),
            category: Some(stage.category().to_owned()),
            comments: pull_request_comments(&pull_request_heading(number), &pull)?,
            properties,
            codebase: self.codebase_of(event, &repository)?,
            repository,
            revision: revision.map(str::to_owned),
            revlink: Some(page),
            when_timestamp: when,
            ..base
        }))
    }
}

/// The hash of the commit at `path`; `None` where it is null, as it is when its repository or branch is gone.
fn hash_of<'p>(side: &View<'p>, path: &str) -> Result<Option<&'p str>, Refusal> {
    match side.need(path)? {
        Json::Null => Ok(None),
        _ => side.at(path)?.text("hash").map(Some),
    }
}
