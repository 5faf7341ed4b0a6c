//! What only `compat = "buildbot"` does: the changes of Buildbot's `github` hook, omissions included.

use hookd_core::{Change, Json, Outcome, Refusal};

use crate::api::{ApiStyle, NO_MESSAGE};
use crate::class::Event;
use crate::hook::GitHub;
use crate::pull_request::{Draft, calls, unbuilt_action};
use crate::push::{commit_change, deleted, other_ref};

/// Buildbot reads the first page of files alone.
const API: ApiStyle = ApiStyle { agent: "Buildbot", files_query: "", follows_pages: false };

impl GitHub {
    /// The changes of a push: of what is `created` the head commit, of all else `commits`, even if there are none.
    pub(crate) fn buildbot_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let Some(pushed) = payload.git_ref("ref")? else { return Ok(other_ref(payload.text("ref")?)) };
        if payload.is_truthy("deleted") {
            return Ok(deleted(pushed));
        }
        let base = self.push_base(event, pushed)?;
        payload.need("head_commit")?;
        let Some(head) = payload.optional_object("head_commit")? else {
            return Ok(Outcome::ignored("the push has no head commit"));
        };
        if let Some(outcome) = self.options.skips.outcome(head.optional_text("message")?.unwrap_or_default()) {
            return Ok(outcome);
        }
        let commits = if payload.is_truthy("created") { vec![head] } else { payload.list("commits")? };
        let changes: Vec<Change> =
            commits.iter().map(|commit| commit_change(commit, &base)).collect::<Result<_, _>>()?;
        Ok(Outcome::changes_or(changes, "the push has no commits"))
    }

    /// The change of a pull request. The files are asked for once it is known that they are needed, and what the API does
    /// not answer is not marked.
    pub(crate) fn buildbot_pull_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        if !matches!(payload.get("action"), Some(Json::Text("opened" | "reopened" | "synchronize"))) {
            return Ok(unbuilt_action(payload));
        }
        let page = payload.at("pull_request")?.nullable_text("_links.html.href")?;
        let Draft { mut change, full_name, line, paths, size } =
            self.draft(event, page, payload.nullable_text("sender.login")?)?;
        let Ok(paths) = paths else {
            // Buildbot would call a path that does not exist.
            return Ok(self.options.skips.outcome(NO_MESSAGE).unwrap_or_else(|| Outcome::Changes(vec![change])));
        };
        let api = self.api(event, &full_name, &API);
        let message = match api.message(&paths) {
            Ok(message) => message,
            Err(call) => return Ok(calls(line, &change, [call])),
        };
        if let Some(outcome) = self.options.skips.outcome(&message.value) {
            return Ok(outcome);
        }
        match api.files(&paths, size) {
            Ok(files) => change.files = files.value,
            Err(call) => return Ok(calls(line, &change, [call])),
        }
        Ok(Outcome::Changes(vec![change]))
    }
}
