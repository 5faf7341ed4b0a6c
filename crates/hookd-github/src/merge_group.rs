//! Merge groups: what a merge queue is about to merge, and waits for the checks of.

use hookd_core::{Change, Outcome, Refusal};

use crate::change::commit_page;
use crate::class::Event;
use crate::hook::GitHub;

impl GitHub {
    /// The change of a merge group whose checks are requested.
    ///
    /// The skip patterns do not count: GitHub would wait for a check that never comes.
    pub(crate) fn merge_group(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        match payload.optional_text("action")? {
            Some("checks_requested") => {}
            Some(other) => return Ok(Outcome::ignored(format!("merge group action \"{other}\" is not built"))),
            None => return Ok(Outcome::ignored("merge group event without an action is not built")),
        }
        let group = payload.at("merge_group")?;
        let revision = group.text("head_sha")?;
        let author = match group.person("head_commit.author.name", "head_commit.author.email")? {
            Some(author) => author,
            None => payload.optional_text("sender.login")?.unwrap_or_default().to_owned(),
        };
        let mut properties = self.options.github_property_whitelist.extract("github", group.json())?;
        properties.insert("event".to_owned(), event.name.into());
        properties.insert("basename".to_owned(), branch(group.text("base_ref")?).into());
        let base = self.change(event)?;
        Ok(Outcome::Changes(vec![Change {
            author,
            branch: Some(branch(group.text("head_ref")?).to_owned()),
            category: Some(event.name.to_owned()),
            comments: group.optional_text("head_commit.message")?.unwrap_or_default().to_owned(),
            committer: group.person("head_commit.committer.name", "head_commit.committer.email")?,
            project: self.project(event, "repository.full_name")?.to_owned(),
            properties,
            revision: Some(revision.to_owned()),
            revlink: Some(commit_page(&base.repository, revision)),
            when_timestamp: group.optional_date("head_commit.timestamp")?,
            ..base
        }]))
    }
}

fn branch(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}
