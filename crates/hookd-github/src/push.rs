//! Pushes to branches and tags.

use hookd_core::{Change, Json, Outcome, Refusal, View, parse_date};
use serde_json::Value;

use crate::class::Event;
use crate::hook::GitHub;
use crate::payload::{commit_page, person};

impl GitHub {
    /// The changes of a push: one for each commit, or the head commit alone.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let reference = payload.text("ref")?;
        let Some((kind, name)) = branch_or_tag(reference) else {
            return Ok(Outcome::ignored(format!("ref `{reference}` is neither a branch nor a tag")));
        };
        if payload.is_truthy("deleted") || (!self.compat && is_zero(payload.optional_text("after")?)) {
            return Ok(Outcome::ignored(format!("{kind} `{name}` was deleted")));
        }
        let base = Change {
            branch: Some(name.to_owned()),
            category: (kind == "tag").then(|| kind.to_owned()),
            project: self.project(event, "repository.full_name")?.to_owned(),
            ..self.change(event)?
        };
        let whitelisted = self.whitelist.extract("github", payload.json());
        if self.compat { self.compat_push(event, base, whitelisted) } else { self.whole_push(event, base, whitelisted) }
    }

    /// As Buildbot: of what is `created` the head commit, of all else `commits`, even if there are none.
    fn compat_push(&self, event: &Event<'_>, base: Change, whitelisted: Properties) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        payload.need("head_commit")?;
        let Some(head) = head_commit(payload)? else {
            return Ok(Outcome::ignored("the push has no head commit"));
        };
        if let Some(outcome) = self.skipped(head.optional_text("message")?.unwrap_or_default()) {
            return Ok(outcome);
        }
        let commits = if payload.is_truthy("created") { vec![head] } else { payload.list("commits")? };
        let changes: Result<Vec<Change>, Refusal> = commits
            .iter()
            .map(|commit| {
                let person = |name, email| -> Result<String, Refusal> {
                    Ok(format!("{} <{}>", commit.python_str(name)?, commit.python_str(email)?))
                };
                Ok(Change {
                    author: person("author.name", "author.email")?,
                    committer: Some(person("committer.name", "committer.email")?),
                    comments: commit.nullable_text("message")?.unwrap_or_default().to_owned(),
                    revision: Some(commit.text("id")?.to_owned()),
                    revlink: commit.nullable_text("url")?.map(str::to_owned),
                    when_timestamp: Some(parse_date(commit.text("timestamp")?)?),
                    files: files(commit)?,
                    properties: properties(event, Some(commit), &whitelisted),
                    ..base.clone()
                })
            })
            .collect();
        Ok(Outcome::changes_or(changes?, "the push has no commits"))
    }

    /// Of a tag the head commit; of a branch all commits, or the head commit where the push brings none: a branch that
    /// was made of another, a reset.
    fn whole_push(&self, event: &Event<'_>, base: Change, whitelisted: Properties) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let head = head_commit(payload)?;
        let mut commits = match payload.get("commits") {
            None | Some(Json::Null) => Vec::new(),
            Some(_) => payload.list("commits")?,
        };
        let last = head.as_ref().or(commits.last());
        let message = last.map(|commit| commit.optional_text("message")).transpose()?.flatten();
        if let Some(outcome) = self.skipped(message.unwrap_or_default()) {
            return Ok(outcome);
        }
        if base.category.is_some() || commits.is_empty() {
            commits = head.into_iter().collect();
        }
        if commits.is_empty() {
            return Ok(Outcome::Changes(vec![self.headless(event, base, &whitelisted)?]));
        }
        let changes: Result<Vec<Change>, Refusal> = commits
            .iter()
            .map(|commit| {
                let revision = commit.text("id")?;
                let page = || commit_page(&base.repository, revision);
                Ok(Change {
                    author: person(commit, "author.name", "author.email")?.unwrap_or_default(),
                    committer: person(commit, "committer.name", "committer.email")?,
                    comments: commit.optional_text("message")?.unwrap_or_default().to_owned(),
                    revision: Some(revision.to_owned()),
                    revlink: Some(commit.optional_text("url")?.map_or_else(page, str::to_owned)),
                    when_timestamp: Some(parse_date(commit.text("timestamp")?)?),
                    files: files(commit)?,
                    properties: properties(event, Some(commit), &whitelisted),
                    ..base.clone()
                })
            })
            .collect();
        Ok(Outcome::Changes(changes?))
    }

    /// The change of a push that names no commit: all that is known is where the ref points now.
    fn headless(&self, event: &Event<'_>, base: Change, whitelisted: &Properties) -> Result<Change, Refusal> {
        let revision = event.payload.text("after")?;
        let author = match person(&event.payload, "pusher.name", "pusher.email")? {
            Some(pusher) => pusher,
            None => event.payload.optional_text("sender.login")?.unwrap_or_default().to_owned(),
        };
        Ok(Change {
            author,
            revision: Some(revision.to_owned()),
            revlink: Some(commit_page(&base.repository, revision)),
            properties: properties(event, None, whitelisted),
            ..base
        })
    }
}

type Properties = serde_json::Map<String, Value>;

/// `branch` or `tag`, and its name.
fn branch_or_tag(reference: &str) -> Option<(&'static str, &str)> {
    let (kind, name) = reference
        .strip_prefix("refs/heads/")
        .map(|name| ("branch", name))
        .or_else(|| reference.strip_prefix("refs/tags/").map(|name| ("tag", name)))?;
    (!name.is_empty() && !name.contains('\n')).then_some((kind, name))
}

/// The head commit; `None` where it is null or not there.
fn head_commit<'p>(payload: &View<'p>) -> Result<Option<View<'p>>, Refusal> {
    match payload.get("head_commit") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Object(_)) => payload.at("head_commit").map(Some),
        Some(other) => Err(payload.unexpected("head_commit", other, "an object")),
    }
}

/// Whether `revision` is git's way to say that there is none.
fn is_zero(revision: Option<&str>) -> bool {
    revision.is_some_and(|revision| !revision.is_empty() && revision.bytes().all(|byte| byte == b'0'))
}

fn files(commit: &View<'_>) -> Result<Vec<String>, Refusal> {
    let mut files = Vec::new();
    for kind in ["added", "modified", "removed"] {
        files.extend(commit.texts(kind)?.into_iter().map(str::to_owned));
    }
    Ok(files)
}

fn properties(event: &Event<'_>, commit: Option<&View<'_>>, whitelisted: &Properties) -> Properties {
    let distinct = commit.and_then(|commit| commit.get("distinct")).map_or(Value::Bool(true), Json::to_value);
    let mut properties = Properties::new();
    properties.insert("github_distinct".to_owned(), distinct);
    properties.insert("event".to_owned(), event.name.into());
    properties.extend(whitelisted.clone());
    properties
}
