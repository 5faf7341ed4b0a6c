//! Merge requests, and comments on them.

use std::borrow::Cow;

use hookd_core::{Change, Json, Outcome, Refusal, View};
use serde_json::Value;

use crate::hook::{Event, GitLab};
use crate::payload::{first_text, project_page};

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
        if let Some(reason) = self.uninteresting(&merge_request)? {
            return Ok(Outcome::ignored(reason));
        }
        self.head(event, &merge_request, None)
    }

    /// The change of a new comment on a merge request.
    pub(crate) fn note(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let note = event.payload.at("object_attributes")?;
        if matches!(event.payload.get("merge_request"), None | Some(Json::Null)) {
            return Ok(Outcome::ignored("the comment is not on a merge request"));
        }
        if !self.compat && note.is_truthy("system") {
            return Ok(Outcome::ignored("the comment was written by GitLab itself"));
        }
        if !self.compat && note.optional_text("action")? == Some("update") {
            return Ok(Outcome::ignored("the comment was only edited"));
        }
        let text = if self.compat { note.need("note")?.to_value() } else { value(&note, "note") };
        self.head(event, &event.payload.at("merge_request")?, Some(text))
    }

    /// Why nothing is built now, where that is so.
    fn uninteresting(&self, merge_request: &View<'_>) -> Result<Option<String>, Refusal> {
        let state =
            if self.compat { Some(merge_request.text("state")?) } else { merge_request.optional_text("state")? };
        if let Some(state @ ("closed" | "merged" | "approved")) = state {
            return Ok(Some(format!("the merge request is {state}")));
        }
        let action = match merge_request.get("action") {
            Some(Json::Text(action)) => &**action,
            // GitLab itself names none when it is asked to test a hook.
            _ if !self.compat && matches!(state, Some("opened" | "reopened")) => return Ok(None),
            _ => return Ok(Some("merge request event without an action is not built".to_owned())),
        };
        Ok(match action {
            "open" | "reopen" => None,
            "update" if self.has_new_commits(merge_request) => None,
            "update" => Some("merge request action \"update\" is not built unless it brings new commits".to_owned()),
            other => Some(format!("merge request action \"{other}\" is not built")),
        })
    }

    fn has_new_commits(&self, merge_request: &View<'_>) -> bool {
        merge_request.get("oldrev").is_some_and(|oldrev| self.compat || *oldrev != Json::Null)
    }

    /// The change of the last commit of a merge request, and of the comment on it where there is one.
    fn head(&self, event: &Event<'_>, merge_request: &View<'_>, comment: Option<Value>) -> Result<Outcome, Refusal> {
        let number = self.number(merge_request)?;
        if *merge_request.need("last_commit")? == Json::Null {
            return Ok(Outcome::ignored(format!("merge request !{number} has no commit")));
        }
        let commit = merge_request.at("last_commit")?;
        let mut base = self.change(event)?;
        for (name, path) in PROPERTIES {
            let value = if self.compat { merge_request.need(path)?.to_value() } else { value(merge_request, path) };
            base.properties.insert(name.to_owned(), value);
        }
        base.properties.extend(comment.map(|comment| ("comments".to_owned(), comment)));
        let (title, description) = (self.part(merge_request, "title")?, self.part(merge_request, "description")?);
        let branch = if self.compat {
            merge_request.nullable_text("target_branch")?
        } else {
            Some(merge_request.text("target_branch")?)
        };
        let revision = if self.compat { commit.nullable_text("id")? } else { Some(commit.text("id")?) };
        Ok(Outcome::Changes(vec![Change {
            author: self.author(&commit)?,
            branch: branch.map(str::to_owned),
            comments: format!("MR#{number}: {title}\n\n{description}"),
            project: self.target_name(event, merge_request)?,
            repository: self.target_repository(event, merge_request)?,
            revision: revision.map(str::to_owned),
            revlink: self.page(event, merge_request, &number)?,
            when_timestamp: self.time(&commit)?,
            ..base
        }]))
    }

    /// The number of a merge request within its project, as text.
    fn number<'p>(&self, merge_request: &View<'p>) -> Result<Cow<'p, str>, Refusal> {
        match merge_request.need("iid")? {
            Json::Number(_) => merge_request.python_str("iid"),
            _ if self.compat => merge_request.python_str("iid"),
            other => Err(merge_request.unexpected("iid", other, "a number")),
        }
    }

    /// The project is the target's, as is the repository.
    fn target_name(&self, event: &Event<'_>, merge_request: &View<'_>) -> Result<String, Refusal> {
        if let Some(project) = self.project_argument(event)? {
            return Ok(project.to_owned());
        }
        self.of_target(event, merge_request, &["target.name"], "project.name")
    }

    fn target_repository(&self, event: &Event<'_>, merge_request: &View<'_>) -> Result<String, Refusal> {
        self.of_target(event, merge_request, &["target.git_http_url", "target.http_url"], "project.git_http_url")
    }

    /// What the merge request says of its target, or the payload of its project, which is the same.
    fn of_target(
        &self,
        event: &Event<'_>,
        merge_request: &View<'_>,
        paths: &[&'static str],
        of_project: &str,
    ) -> Result<String, Refusal> {
        if !self.compat {
            let told = first_text(merge_request, paths)?;
            if let Some(told) = told.map_or_else(|| first_text(&event.payload, &[of_project]), |told| Ok(Some(told)))? {
                return Ok(told.to_owned());
            }
        }
        merge_request.text(paths[0]).map(str::to_owned)
    }

    /// The page of a merge request. Neither system hooks nor older comments name it.
    fn page(&self, event: &Event<'_>, merge_request: &View<'_>, number: &str) -> Result<Option<String>, Refusal> {
        match self.text(merge_request, "url")? {
            None if !self.compat => project_page(&event.payload, &format!("merge_requests/{number}")),
            url => Ok(url.map(str::to_owned)),
        }
    }
}

/// The value at `path`; null where it is not there, as the source of a merge request whose fork is gone.
fn value(place: &View<'_>, path: &str) -> Value {
    place.get(path).map_or(Value::Null, Json::to_value)
}
