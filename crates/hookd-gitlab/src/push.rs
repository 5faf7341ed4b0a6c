//! Pushes to branches and tags, from projects, groups and the whole system.

use hookd_core::{Change, Json, Outcome, Refusal, View};

use crate::hook::{Event, GitLab};
use crate::payload::{first_text, person, project_page};

impl GitLab {
    /// The changes of a push: one for each commit that it names.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let reference = payload.text("ref")?;
        let Some((kind, name)) = branch_or_tag(reference) else {
            return Ok(Outcome::ignored(format!("ref `{reference}` is neither a branch nor a tag")));
        };
        // Buildbot does not look at `after`, and makes changes of whatever commits there are.
        let has_commits = payload.is_truthy("commits");
        if payload.is_truthy("deleted") || (is_zero(payload.get("after")) && !(self.compat && has_commits)) {
            return Ok(Outcome::ignored(format!("{kind} `{name}` was deleted")));
        }
        let base = Change { branch: Some(name.to_owned()), ..self.change(event)? };
        if self.compat { self.compat_push(event, base) } else { self.whole_push(event, base, kind) }
    }

    /// As Buildbot: the commits, even if there are none.
    fn compat_push(&self, event: &Event<'_>, base: Change) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        payload.need("user_name")?;
        let base = Change {
            project: payload.text("repository.name")?.to_owned(),
            repository: payload.text("repository.url")?.to_owned(),
            ..base
        };
        let commits = payload.list("commits")?;
        if commits.is_empty() {
            let reason = "the push names no commit, and `compat = \"buildbot\"` builds nothing else";
            return Ok(Outcome::ignored(reason));
        }
        self.commits(event, &commits, &base)
    }

    /// The commits, or what the branch or tag points to where the push brings none: a tag, a branch that was made of
    /// another, a reset, or a push that a system hook tells of.
    fn whole_push(&self, event: &Event<'_>, base: Change, kind: &str) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let base = Change { project: self.project(event)?, repository: repository(payload)?, ..base };
        let commits = match payload.get("commits") {
            None | Some(Json::Null) => Vec::new(),
            Some(_) => payload.list("commits")?,
        };
        if !commits.is_empty() {
            return self.commits(event, &commits, &base);
        }
        // Of a tag with a message, `after` is the tag itself, and `checkout_sha` the commit.
        let revision = match payload.get("checkout_sha") {
            Some(Json::Null) => {
                let name = base.branch.unwrap_or_default();
                return Ok(Outcome::ignored(format!("{kind} `{name}` was deleted, or does not point to a commit")));
            }
            Some(_) => payload.text("checkout_sha")?,
            None => payload.text("after")?,
        };
        let author = match person(payload, "user_name", "user_email")? {
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
    fn commits(&self, event: &Event<'_>, commits: &[View<'_>], base: &Change) -> Result<Outcome, Refusal> {
        let distinct = commits.iter().filter(|commit| commit.get("distinct").is_none_or(Json::is_truthy));
        let changes: Result<Vec<Change>, Refusal> = distinct
            .map(|commit| {
                let revision = commit.text("id")?;
                let revlink = match self.text(commit, "url")? {
                    None if !self.compat => project_page(&event.payload, &format!("commit/{revision}"))?,
                    url => url.map(str::to_owned),
                };
                Ok(Change {
                    author: self.author(commit)?,
                    comments: self.text(commit, "message")?.unwrap_or_default().to_owned(),
                    files: files(commit)?,
                    revision: Some(revision.to_owned()),
                    revlink,
                    when_timestamp: self.time(commit)?,
                    ..base.clone()
                })
            })
            .collect();
        Ok(Outcome::changes_or(changes?, "none of the commits is distinct"))
    }

    fn project(&self, event: &Event<'_>) -> Result<String, Refusal> {
        let project = match self.project_argument(event)? {
            Some(project) => project,
            None => match first_text(&event.payload, &["repository.name", "project.name"])? {
                Some(name) => name,
                None => event.payload.text("project.name")?,
            },
        };
        Ok(project.to_owned())
    }
}

/// Where to fetch from: as Buildbot, what GitLab takes for the URL of the repository, mostly that of SSH.
fn repository(payload: &View<'_>) -> Result<String, Refusal> {
    let urls = ["repository.url", "project.url", "project.git_ssh_url", "project.git_http_url"];
    let url = match first_text(payload, &urls)? {
        Some(url) => url,
        None => payload.text("project.git_ssh_url")?,
    };
    Ok(url.to_owned())
}

/// `branch` or `tag`, and its name.
fn branch_or_tag(reference: &str) -> Option<(&'static str, &str)> {
    let (kind, name) = reference
        .strip_prefix("refs/heads/")
        .map(|name| ("branch", name))
        .or_else(|| reference.strip_prefix("refs/tags/").map(|name| ("tag", name)))?;
    (!name.is_empty() && !name.contains('\n')).then_some((kind, name))
}

/// Whether `revision` is git's way to say that there is none.
fn is_zero(revision: Option<&Json<'_>>) -> bool {
    matches!(revision, Some(Json::Text(text)) if !text.is_empty() && text.bytes().all(|byte| byte == b'0'))
}

fn files(commit: &View<'_>) -> Result<Vec<String>, Refusal> {
    let mut files = Vec::new();
    for kind in ["added", "modified", "removed"] {
        files.extend(commit.texts(kind)?.into_iter().map(str::to_owned));
    }
    Ok(files)
}
