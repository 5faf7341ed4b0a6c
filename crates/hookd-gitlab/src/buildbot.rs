//! What only `compat = "buildbot"` does: the changes of Buildbot's `gitlab` hook, omissions included.

use hookd_core::{Change, Json, Outcome, Refusal, View};
use serde_json::Value;

use crate::change::{Event, GitLab};
use crate::merge_request::{commented, commented_elsewhere, finished, unbuilt_action, without_commit};
use crate::push::{NONE_IS_DISTINCT, deleted, distinct_commits, other_ref, points_nowhere};

/// What kind of event it is: `object_kind` where it is there, else what the header says.
pub(crate) fn event_name<'e>(payload: &View<'e>, header: Option<&'e str>) -> Option<&'e str> {
    match payload.get("object_kind") {
        Some(Json::Text(kind)) => Some(kind),
        Some(_) => None,
        None => header,
    }
}

impl GitLab {
    /// The changes of a push: its commits alone. `after` does not count where there are some.
    pub(crate) fn buildbot_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let Some(pushed) = payload.git_ref("ref")? else { return Ok(other_ref(payload.text("ref")?)) };
        if payload.is_truthy("deleted") || points_nowhere(payload) && !payload.is_truthy("commits") {
            return Ok(deleted(pushed));
        }
        payload.need("user_name")?;
        let base = Change {
            branch: Some(pushed.name.to_owned()),
            project: payload.text("repository.name")?.to_owned(),
            repository: payload.text("repository.url")?.to_owned(),
            ..self.change(event)?
        };
        let base = Change { codebase: self.codebase_of(event, &base.repository)?, ..base };
        let commits = payload.list("commits")?;
        if commits.is_empty() {
            let reason = "the push names no commit, and `compat = \"buildbot\"` builds nothing else";
            return Ok(Outcome::ignored(reason));
        }
        Ok(self.built(distinct_commits(payload, &commits, &base)?, NONE_IS_DISTINCT))
    }

    /// The change of a merge request that was opened, reopened, or updated with new commits.
    pub(crate) fn buildbot_merge_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let merge_request = event.payload.at("object_attributes")?;
        if let Some(outcome) = finished(merge_request.text("state")?) {
            return Ok(outcome);
        }
        match merge_request.get("action") {
            Some(Json::Text("open" | "reopen")) => {}
            Some(Json::Text("update")) if merge_request.get("oldrev").is_some() => {}
            Some(Json::Text("update")) => {
                return Ok(Outcome::ignored(
                    "merge request action \"update\" is not built unless it brings new commits",
                ));
            }
            _ => return Ok(unbuilt_action(&merge_request)),
        }
        self.buildbot_head(event, &merge_request, None)
    }

    /// The change of a comment on a merge request, edited or not, whoever wrote it.
    pub(crate) fn buildbot_note(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let note = event.payload.at("object_attributes")?;
        match commented(&event.payload)? {
            None => Ok(commented_elsewhere()),
            Some(merge_request) => self.buildbot_head(event, &merge_request, Some(note.maybe_value("note")?)),
        }
    }

    fn buildbot_head(
        &self,
        event: &Event<'_>,
        merge_request: &View<'_>,
        comment: Option<Value>,
    ) -> Result<Outcome, Refusal> {
        let Some(draft) = self.draft(event, merge_request, comment)? else { return without_commit(merge_request) };
        if let Some(outcome) = self.skipped(merge_request) {
            return Ok(outcome);
        }
        let repository = merge_request.text("target.git_http_url")?;
        Ok(Outcome::Changes(vec![Change {
            project: merge_request.text("target.name")?.to_owned(),
            repository: repository.to_owned(),
            codebase: self.codebase_of(event, repository)?,
            revlink: merge_request.nullable_text("url")?.map(str::to_owned),
            ..draft
        }]))
    }
}
