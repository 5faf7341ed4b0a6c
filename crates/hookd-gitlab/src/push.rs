//! Pushes to branches and tags, from projects, groups and the whole system.

use hookd_core::{Change, GitRef, Json, Outcome, Refusal, View, changed_files, is_zero_id};

use crate::change::{Event, GitLab, project_page};

impl GitLab {
    /// The changes of a push: its commits, or what the branch or tag points to where the push brings none (a tag, a branch
    /// made from another, a reset, or a push that a system hook reports).
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
        let commits = payload.list_or_empty("commits")?;
        if commits.is_empty() {
            return head(payload, pushed, base);
        }
        let mut changes = distinct_commits(payload, &commits, &base)?;
        for change in changes.iter_mut().filter(|change| change.revlink.is_none()) {
            let revision = change.revision.as_deref().unwrap_or_default();
            change.revlink = project_page(payload, &format!("commit/{revision}"))?;
        }
        Ok(none_is_distinct(changes))
    }
}

/// The change of what a branch or tag points to.
fn head(payload: &View<'_>, pushed: GitRef<'_>, base: Change) -> Result<Outcome, Refusal> {
    // Of a tag with a message, `after` is the tag itself, and `checkout_sha` the commit.
    let revision = match payload.get("checkout_sha") {
        Some(Json::Null) => {
            return Ok(Outcome::ignored(format!("{pushed} was deleted, or does not point to a commit")));
        }
        Some(_) => payload.text("checkout_sha")?,
        None => payload.text("after")?,
    };
    let author = match payload.person("user_name", "user_email")? {
        Some(author) => author,
        None => payload.optional_text("user_username")?.unwrap_or_default().to_owned(),
    };
    Ok(Outcome::Changes(vec![Change {
        author,
        comments: payload.optional_text("message")?.unwrap_or_default().to_owned(),
        revision: Some(revision.to_owned()),
        revlink: project_page(payload, &format!("commit/{revision}"))?,
        ..base
    }]))
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

/// The outcome of these changes of distinct commits.
pub(crate) fn none_is_distinct(changes: Vec<Change>) -> Outcome {
    Outcome::changes_or(changes, "none of the commits is distinct")
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
        None => match event.payload.first_text(&["repository.name", "project.name"])? {
            Some(name) => name,
            None => event.payload.text("project.name")?,
        },
    };
    Ok(project.to_owned())
}

/// Where to fetch from: as Buildbot, what GitLab takes for the URL of the repository, mostly that of SSH.
fn repository(payload: &View<'_>) -> Result<String, Refusal> {
    let urls = ["repository.url", "project.url", "project.git_ssh_url", "project.git_http_url"];
    let url = match payload.first_text(&urls)? {
        Some(url) => url,
        None => payload.text("project.git_ssh_url")?,
    };
    Ok(url.to_owned())
}
