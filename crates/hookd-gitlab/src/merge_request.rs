//! Merge requests, and comments on them.

use hookd_core::{Change, Json, Outcome, PullRequestEvent, Refusal, View};
use serde_json::Value;

use crate::change::{Event, GitLab, project_page};

/// Properties of a merge request's changes, and where in the merge request they are.
const PROPERTIES: [(&str, &str); 8] = [
    ("source_branch", "source_branch"),
    ("source_project_id", "source_project_id"),
    ("source_repository", "source.git_http_url"),
    ("source_git_ssh_url", "source.git_ssh_url"),
    ("target_branch", "target_branch"),
    ("target_project_id", "target_project_id"),
    ("target_repository", "target.git_http_url"),
    ("target_git_ssh_url", "target.git_ssh_url"),
];

impl GitLab {
    /// The change of a merge request after an event that is built.
    pub(crate) fn merge_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let merge_request = event.payload.at("object_attributes")?;
        if let Some(outcome) = unbuilt(&event.payload, &merge_request)? {
            return Ok(outcome);
        }
        self.head(event, &merge_request, None)
    }

    /// The change of a new comment on a merge request.
    pub(crate) fn note(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let note = event.payload.at("object_attributes")?;
        let Some(merge_request) = commented(&event.payload)? else { return Ok(commented_elsewhere()) };
        if note.is_truthy("system") {
            return Ok(Outcome::ignored("the comment was written by GitLab itself"));
        }
        if note.get("action") == Some(&Json::Text("update")) {
            return Ok(Outcome::ignored("the comment was only edited"));
        }
        self.head(event, &merge_request, Some(note.maybe_value("note")?))
    }

    fn head(&self, event: &Event<'_>, merge_request: &View<'_>, comment: Option<Value>) -> Result<Outcome, Refusal> {
        let Some(draft) = self.draft(event, merge_request, comment)? else { return without_commit(merge_request) };
        if let Some(outcome) = self.skipped(merge_request) {
            return Ok(outcome);
        }
        let project = match event.arguments.project()? {
            Some(project) => project.to_owned(),
            None => of_target(event, merge_request, &["target.name"], "project.name")?,
        };
        let urls = ["target.git_http_url", "target.http_url"];
        let revlink = match merge_request.maybe("url")? {
            Some(url) => Some(url.to_owned()),
            // Neither system hooks nor older comments name it.
            None => project_page(&event.payload, &format!("merge_requests/{}", merge_request.shown_number("iid")?))?,
        };
        let repository = of_target(event, merge_request, &urls, "project.git_http_url")?;
        let codebase = self.codebase_of(event, &repository)?;
        Ok(Outcome::Changes(vec![Change { project, repository, codebase, revlink, ..draft }]))
    }

    /// The outcome of a merge request whose last commit asks not to be built.
    pub(crate) fn skipped(&self, merge_request: &View<'_>) -> Option<Outcome> {
        match merge_request.get("last_commit.message") {
            Some(Json::Text(message)) => self.skips.outcome(message),
            _ => None,
        }
    }

    /// The change of the last commit of a merge request, and of the comment on it where there is one, but for project,
    /// repository and page; `None` where there is no commit.
    pub(crate) fn draft(
        &self,
        event: &Event<'_>,
        merge_request: &View<'_>,
        comment: Option<Value>,
    ) -> Result<Option<Change>, Refusal> {
        let number = merge_request.shown_number("iid")?;
        let commit = merge_request.at("last_commit")?;
        if *commit.json() == Json::Null {
            return Ok(None);
        }
        let mut base = self.change(event)?;
        for (name, path) in PROPERTIES {
            base.properties.insert(name.to_owned(), merge_request.maybe_value(path)?);
        }
        base.properties.extend(comment.map(|comment| ("comments".to_owned(), comment)));
        let (title, description) =
            (merge_request.shown_or_empty("title")?, merge_request.shown_or_empty("description")?);
        Ok(Some(Change {
            author: commit.person("author.name", "author.email")?.unwrap_or_default(),
            branch: merge_request.identifier("target_branch")?.map(str::to_owned),
            comments: format!("MR#{number}: {title}\n\n{description}"),
            revision: commit.identifier("id")?.map(str::to_owned),
            when_timestamp: commit.maybe_date("timestamp")?,
            ..base
        }))
    }
}

/// Why nothing is built now, where that is so.
fn unbuilt(payload: &View<'_>, merge_request: &View<'_>) -> Result<Option<Outcome>, Refusal> {
    let state = merge_request.maybe("state")?;
    if let Some(outcome) = state.and_then(finished) {
        return Ok(Some(outcome));
    }
    // GitLab itself names no action when it is asked to test a hook.
    let is_test = !matches!(merge_request.get("action"), Some(Json::Text(_)));
    if is_test && matches!(state, Some("opened" | "reopened")) {
        return Ok(None);
    }
    Ok((!event_of(payload, merge_request).is_built()).then(|| unbuilt_action(merge_request)))
}

/// What happened to the merge request.
fn event_of(payload: &View<'_>, merge_request: &View<'_>) -> PullRequestEvent {
    let has_new_commits = || merge_request.get("oldrev").is_some_and(|oldrev| *oldrev != Json::Null);
    let has_new_target = || {
        let [before, now] = ["previous", "current"].map(|key| payload.get("changes.target_branch")?.get(key));
        before != now
    };
    match merge_request.get("action") {
        Some(Json::Text("open")) => PullRequestEvent::Opened,
        Some(Json::Text("reopen")) => PullRequestEvent::Reopened,
        Some(Json::Text("update")) if has_new_commits() => PullRequestEvent::NewCommits,
        Some(Json::Text("update")) if has_new_target() => PullRequestEvent::NewTarget,
        _ => PullRequestEvent::Other,
    }
}

/// The outcome of a merge request in a state in which nothing is built.
pub(crate) fn finished(state: &str) -> Option<Outcome> {
    let is_finished = matches!(state, "closed" | "merged" | "approved");
    is_finished.then(|| Outcome::ignored(format!("the merge request is {state}")))
}

/// The outcome of a merge request after an action for which nothing is built.
pub(crate) fn unbuilt_action(merge_request: &View<'_>) -> Outcome {
    Outcome::ignored(match merge_request.get("action") {
        Some(Json::Text("update")) => {
            "merge request action \"update\" is not built unless it brings new commits or another target branch"
                .to_owned()
        }
        Some(Json::Text(other)) => format!("merge request action \"{other}\" is not built"),
        _ => "merge request event without an action is not built".to_owned(),
    })
}

/// The merge request that a comment is on; `None` where it is on something else.
pub(crate) fn commented<'p>(payload: &View<'p>) -> Result<Option<View<'p>>, Refusal> {
    payload.optional_object("merge_request")
}

/// The outcome of a comment on something else.
pub(crate) fn commented_elsewhere() -> Outcome {
    Outcome::ignored("the comment is not on a merge request")
}

/// The outcome of a merge request without a commit.
pub(crate) fn without_commit(merge_request: &View<'_>) -> Result<Outcome, Refusal> {
    Ok(Outcome::ignored(format!("merge request !{} has no commit", merge_request.shown_number("iid")?)))
}

/// What the merge request says about its target, or the payload about its project, which is the same.
fn of_target(event: &Event<'_>, merge_request: &View<'_>, paths: &[&str], of_project: &str) -> Result<String, Refusal> {
    let text = match merge_request.maybe_first(paths)? {
        Some(text) => text,
        None => match event.payload.maybe_nonempty(of_project)? {
            Some(text) => text,
            None => merge_request.text(paths[0])?,
        },
    };
    Ok(text.to_owned())
}
