//! Pushes to branches and tags, from projects, groups and the whole system.

use hookd_core::{Change, GitRef, Json, Outcome, Refusal, View, changed_files, is_zero_id, put_head_last};

use crate::change::{Event, GitLab, project_page};

impl GitLab {
    /// The changes of a push: its commits, of which the head is the last, or what the branch or tag points to where the
    /// push brings none (a tag, a branch made from another, a reset, or a push that a system hook reports).
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let Some(pushed) = payload.git_ref("ref")? else { return Ok(other_ref(payload.text("ref")?)) };
        if payload.is_truthy("deleted") || points_nowhere(payload) {
            return Ok(deleted(pushed));
        }
        let base = Change {
            branch: Some(pushed.name.to_owned()),
            project: project(event)?,
            repository: repository(payload)?,
            ..self.change(event)?
        };
        let base = Change { codebase: self.codebase_of(event, &base.repository)?, ..base };
        let commits = payload.list_or_empty("commits")?;
        if commits.is_empty() {
            let reason = format!("{pushed} was deleted, or does not point to a commit");
            let changes: Vec<Change> = head(payload, &base)?.into_iter().collect();
            return Ok(self.built(changes, &reason));
        }
        let mut changes = distinct_commits(payload, &commits, &base)?;
        if let Some(revision) = revision(payload)? {
            let is_listed = |commit: &View<'_>| commit.get("id") == Some(&Json::Text(revision));
            if !put_head_last(&mut changes, revision) && !commits.iter().any(is_listed) {
                changes.extend(head(payload, &base)?);
            }
        }
        for change in changes.iter_mut().filter(|change| change.revlink.is_none()) {
            let revision = change.revision.as_deref().unwrap_or_default();
            change.revlink = project_page(payload, &format!("commit/{revision}"))?;
        }
        Ok(self.built(changes, NONE_IS_DISTINCT))
    }

    /// The outcome of these changes, of which the last is the head, or of none for this reason.
    pub(crate) fn built(&self, changes: Vec<Change>, reason: &str) -> Outcome {
        self.skips.outcome_of(&changes).unwrap_or_else(|| Outcome::changes_or(changes, reason))
    }
}

/// Why a push whose commits were all pushed before makes no change.
pub(crate) const NONE_IS_DISTINCT: &str = "none of the commits is distinct";

/// What a branch or tag points to; `None` where that is no commit, or not said.
fn revision<'p>(payload: &View<'p>) -> Result<Option<&'p str>, Refusal> {
    // Of a tag with a message, `after` is the tag itself, and `checkout_sha` the commit.
    let path = if payload.get("checkout_sha").is_some() { "checkout_sha" } else { "after" };
    payload.optional_text(path)
}

/// The change of what a branch or tag points to; `None` where that is no commit.
fn head(payload: &View<'_>, base: &Change) -> Result<Option<Change>, Refusal> {
    let revision = match payload.get("checkout_sha") {
        Some(Json::Null) => return Ok(None),
        Some(_) => payload.text("checkout_sha")?,
        None => payload.text("after")?,
    };
    let author = match payload.person("user_name", "user_email")? {
        Some(author) => author,
        None => payload.maybe("user_username")?.unwrap_or_default().to_owned(),
    };
    Ok(Some(Change {
        author,
        comments: payload.maybe("message")?.unwrap_or_default().to_owned(),
        revision: Some(revision.to_owned()),
        revlink: project_page(payload, &format!("commit/{revision}"))?,
        ..base.clone()
    }))
}

/// One change for each commit that is distinct, as are all that do not say.
pub(crate) fn distinct_commits(
    payload: &View<'_>,
    commits: &[View<'_>],
    base: &Change,
) -> Result<Vec<Change>, Refusal> {
    let distinct = commits.iter().filter(|commit| commit.get("distinct").is_none_or(Json::is_truthy));
    payload.collect_changes(distinct.map(|commit| {
        let revision = commit.text("id")?;
        let revlink = commit.maybe("url")?;
        Ok(Change {
            author: commit.person("author.name", "author.email")?.unwrap_or_default(),
            comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
            files: changed_files(commit)?,
            revision: Some(revision.to_owned()),
            revlink: revlink.map(str::to_owned),
            when_timestamp: commit.maybe_date("timestamp")?,
            ..base.clone()
        })
    }))
}

/// The outcome of a push to a ref that is neither a branch nor a tag.
pub(crate) fn other_ref(full: &str) -> Outcome {
    Outcome::ignored(format!("ref `{full}` is neither a branch nor a tag"))
}

/// The outcome of a push that deletes a branch or tag.
pub(crate) fn deleted(pushed: GitRef<'_>) -> Outcome {
    Outcome::ignored(format!("{pushed} was deleted"))
}

/// Whether `after` is no object.
pub(crate) fn points_nowhere(payload: &View<'_>) -> bool {
    matches!(payload.get("after"), Some(Json::Text(after)) if is_zero_id(after))
}

fn project(event: &Event<'_>) -> Result<String, Refusal> {
    let project = match event.arguments.project()? {
        Some(project) => project,
        None => match event.payload.maybe_first(&["repository.name", "project.name"])? {
            Some(name) => name,
            None => event.payload.text("project.name")?,
        },
    };
    Ok(project.to_owned())
}

/// Where to fetch from: as Buildbot, what GitLab takes for the URL of the repository, mostly that of SSH.
fn repository(payload: &View<'_>) -> Result<String, Refusal> {
    let urls = ["repository.url", "project.url", "project.git_ssh_url", "project.git_http_url"];
    let url = match payload.maybe_first(&urls)? {
        Some(url) => url,
        None => payload.text("project.git_ssh_url")?,
    };
    Ok(url.to_owned())
}
