//! Pushes to branches and tags.

use hookd_core::{Change, Event, Outcome, Refusal, View, changed_files, is_zero_id, put_head_last};

use crate::{Options, base, user};

impl Options {
    /// A change for each commit, oldest first. A push without commits (a tag, a branch made from another) is one of the
    /// head that it names.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let Some(pushed) = payload.git_ref("ref")? else {
            return Ok(Outcome::ignored(format!("ref `{}` is neither a branch nor a tag", payload.text("ref")?)));
        };
        let after = payload.text("after")?;
        if is_zero_id(after) {
            return Ok(Outcome::ignored(format!("{pushed} was deleted")));
        }
        let base = Change { branch: Some(pushed.name.to_owned()), ..base(event)? };
        let mut commits = payload.list_or_empty("commits")?;
        if commits.is_empty() {
            commits.extend(payload.optional_object("head_commit")?);
        }
        let mut changes = payload.collect_changes(commits.iter().map(|commit| commit_change(commit, &base)))?;
        if changes.is_empty() {
            changes.push(Change { author: user(payload, "pusher")?, revision: Some(after.to_owned()), ..base });
        }
        // They come newest first.
        put_head_last(&mut changes, after);
        if self.only_include_push_commit {
            changes.drain(..changes.len() - 1);
        }
        Ok(event.changes_or(changes, "the push has no commit"))
    }
}

fn commit_change(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    Ok(Change {
        author: commit.person("author.name", "author.email")?.unwrap_or_default(),
        comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
        files: changed_files(commit)?,
        revision: Some(commit.text("id")?.to_owned()),
        revlink: commit.maybe("url")?.map(str::to_owned),
        when_timestamp: commit.maybe_date("timestamp")?,
        ..base.clone()
    })
}
