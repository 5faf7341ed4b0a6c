//! Pull requests, as Bitbucket Cloud sends them.

use hookd_core::{Change, Json, Outcome, Refusal, View, parse_date};

use crate::hook::{BitbucketCloud, Event, Stage};
use crate::payload::described;

impl BitbucketCloud {
    /// The change of a pull request: of its source, or of its destination once it is merged.
    ///
    /// Bitbucket Cloud has no ref of what a merge would give, so what is named is a branch that there is, in the
    /// repository that has it.
    pub(crate) fn pull_request(&self, event: &Event<'_>, stage: Stage) -> Result<Outcome, Refusal> {
        let pull = event.payload.at("pullrequest")?;
        let number = match pull.need("id")? {
            Json::Number(number) if number.is_u64() => number.to_string(),
            other => return Err(pull.unexpected("id", other, "an integer that is not negative")),
        };
        let base = self.change(event)?;
        let source = pull.at("source")?;
        let is_gone = [source.need("repository")?, source.need("commit")?].contains(&&Json::Null);
        if is_gone && matches!(stage, Stage::Created | Stage::Updated) {
            return Ok(Outcome::ignored(format!("the source of pull request #{number} is gone")));
        }
        let mut revision = hash_of(&source, "commit")?;
        let mut side = source;
        if stage == Stage::Fulfilled {
            side = pull.at("destination")?;
            // Without a merge commit it was fast-forwarded to the source.
            let merged = pull.optional_text("merge_commit.hash")?;
            revision = merged.or(revision);
        }
        let page = pull.text("links.html.href")?;
        let mut properties = serde_json::Map::new();
        properties.insert("pullrequesturl".to_owned(), page.into());
        properties.extend(self.whitelist.extract("bitbucket", pull.json()));
        let when = match pull.optional_text("updated_on")? {
            Some(when) => Some(when),
            None => pull.optional_text("created_on")?,
        };
        Ok(Outcome::Changes(vec![Change {
            author: self.actor(&event.payload)?,
            branch: Some(format!("refs/heads/{}", side.text("branch.name")?)),
            category: Some(stage.category().to_owned()),
            comments: described(&pull, &number)?,
            properties,
            repository: match side.need("repository")? {
                Json::Null => base.repository,
                _ => side.text("repository.links.html.href")?.to_owned(),
            },
            revision: revision.map(str::to_owned),
            revlink: Some(page.to_owned()),
            when_timestamp: when.map(parse_date).transpose()?,
            ..base
        }]))
    }
}

/// The hash of the commit at `path`; `None` where it is null, as it is when its repository or branch is gone.
fn hash_of<'p>(side: &View<'p>, path: &'static str) -> Result<Option<&'p str>, Refusal> {
    match side.need(path)? {
        Json::Null => Ok(None),
        _ => side.at(path)?.text("hash").map(Some),
    }
}
