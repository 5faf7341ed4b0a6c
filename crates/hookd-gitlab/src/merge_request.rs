//! Merge requests, and comments on them.

use hookd_core::{Change, Json, Outcome, Refusal, View};
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
    /// The change of a merge request that was opened, reopened, or updated with new commits.
    pub(crate) fn merge_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let merge_request = event.payload.at("object_attributes")?;
        if let Some(outcome) = unbuilt(&merge_request)? {
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
        if note.optional_text("action")? == Some("update") {
            return Ok(Outcome::ignored("the comment was only edited"));
        }
        self.head(event, &merge_request, Some(note.maybe_value("note")?))
    }

    fn head(&self, event: &Event<'_>, merge_request: &View<'_>, comment: Option<Value>) -> Result<Outcome, Refusal> {
        let Some(draft) = self.draft(event, merge_request, comment)? else { return without_commit(merge_request) };
        let project = match event.arguments.project()? {
            Some(project) => project.to_owned(),
            None => of_target(event, merge_request, &["target.name"], "project.name")?,
        };
        let urls = ["target.git_http_url", "target.http_url"];
        let revlink = match merge_request.optional_text("url")? {
            Some(url) => Some(url.to_owned()),
            // Neither system hooks nor older comments name it.
            None => project_page(&event.payload, &format!("merge_requests/{}", merge_request.shown_number("iid")?))?,
        };
        Ok(Outcome::Changes(vec![Change {
            project,
            repository: of_target(event, merge_request, &urls, "project.git_http_url")?,
            revlink,
            ..draft
        }]))
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
fn unbuilt(merge_request: &View<'_>) -> Result<Option<Outcome>, Refusal> {
    let state = merge_request.optional_text("state")?;
    if let Some(outcome) = state.and_then(finished) {
        return Ok(Some(outcome));
    }
    // GitLab itself names no action when it is asked to test a hook.
    let is_test = !matches!(merge_request.get("action"), Some(Json::Text(_)));
    if is_test && matches!(state, Some("opened" | "reopened")) {
        return Ok(None);
    }
    let has_new_commits = merge_request.get("oldrev").is_some_and(|oldrev| *oldrev != Json::Null);
    Ok(unbuilt_action(merge_request, has_new_commits))
}

/// The outcome of a merge request in a state in which nothing is built.
pub(crate) fn finished(state: &str) -> Option<Outcome> {
    let is_finished = matches!(state, "closed" | "merged" | "approved");
    is_finished.then(|| Outcome::ignored(format!("the merge request is {state}")))
}

/// The outcome of a merge request after an action for which nothing is built.
pub(crate) fn unbuilt_action(merge_request: &View<'_>, has_new_commits: bool) -> Option<Outcome> {
    let reason = match merge_request.get("action") {
        Some(Json::Text("open" | "reopen")) => return None,
        Some(Json::Text("update")) if has_new_commits => return None,
        Some(Json::Text("update")) => {
            "merge request action \"update\" is not built unless it brings new commits".to_owned()
        }
        Some(Json::Text(other)) => format!("merge request action \"{other}\" is not built"),
        _ => "merge request event without an action is not built".to_owned(),
    };
    Some(Outcome::ignored(reason))
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
    let text = match merge_request.first_text(paths)? {
        Some(text) => text,
        None => match event.payload.nonempty_text(of_project)? {
            Some(text) => text,
            None => merge_request.text(paths[0])?,
        },
    };
    Ok(text.to_owned())
}
