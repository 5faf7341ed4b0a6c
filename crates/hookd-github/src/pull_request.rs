//! Pull requests: one change, once the API has sent the head commit's message and the changed files.

use std::borrow::Cow;

use hookd_core::{ApiCall, Change, Json, Outcome, Refusal, Subject, View};
use serde_json::Value;

use crate::api::{Api, ApiStyle, Fetched, Paths};
use crate::class::Event;
use crate::hook::GitHub;

/// GitHub gives at most 100 files a page.
const API: ApiStyle = ApiStyle { agent: "hookd", files_query: "?per_page=100", follows_pages: true };

impl GitHub {
    /// The change of a pull request that was opened, reopened or updated, or got another base.
    ///
    /// It is made before the API is asked, so that a wrong payload is refused while its sender still listens.
    pub(crate) fn pull_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        if let Some(outcome) = unbuilt(payload) {
            return Ok(outcome);
        }
        let pull = payload.at("pull_request")?;
        let page = match pull.optional_text("_links.html.href")? {
            Some(page) => page,
            None => pull.text("html_url")?,
        };
        let author = match payload.optional_text("sender.login")? {
            Some(sender) => Some(sender),
            None => pull.optional_text("user.login")?,
        };
        let Draft { mut change, full_name, line, paths, size } = self.draft(event, Some(page), author)?;
        let paths =
            paths.map_err(|wrong| Refusal::new(format!("`{wrong}` does not name what the API could be asked for")))?;
        let api = self.api(event, &full_name, &API);
        // The message is for the skip patterns alone.
        let message = if self.options.skips.is_empty() { Ok(Fetched::default()) } else { api.message(&paths) };
        if let Ok(message) = &message
            && let Some(outcome) = self.skipped(&message.value)
        {
            return Ok(outcome);
        }
        match (message, api.files(&paths, size)) {
            (Ok(message), Ok(files)) => {
                change.files = files.value;
                let missing: Vec<Value> =
                    [message.missing, files.missing].into_iter().flatten().map(Value::from).collect();
                if !missing.is_empty() {
                    change.properties.insert("hookd_incomplete".to_owned(), Value::Array(missing));
                }
                Ok(Outcome::Changes(vec![change]))
            }
            (message, files) => Ok(calls(line, &change, message.err().into_iter().chain(files.err()))),
        }
    }

    /// All that the payload says, with this page and author.
    pub(crate) fn draft<'e>(
        &self,
        event: &Event<'e>,
        page: Option<&str>,
        author: Option<&str>,
    ) -> Result<Draft<'e>, Refusal> {
        let payload = &event.payload;
        let pull = payload.at("pull_request")?;
        let number = payload.shown_count("number")?;
        let full_name = payload.shown("repository.full_name")?;
        let revision = pull.identifier("head.sha")?;
        let paths = Paths::new(&full_name, &number, revision.unwrap_or_default());
        let mut properties = self.options.github_property_whitelist.extract("github", pull.json())?;
        properties.insert("pullrequesturl".to_owned(), page.into());
        properties.insert("event".to_owned(), event.name.into());
        properties.insert("basename".to_owned(), pull.need("base.ref")?.to_value());
        let change = Change {
            author: author.unwrap_or_default().to_owned(),
            branch: Some(format!("refs/pull/{number}/{}", self.options.pullrequest_ref)),
            category: Some("pull".to_owned()),
            comments: comments(&pull, &number)?,
            project: self.project(event, "pull_request.base.repo.full_name")?.to_owned(),
            properties,
            revision: revision.map(str::to_owned),
            revlink: page.map(str::to_owned),
            when_timestamp: Some(pull.date("created_at")?),
            ..self.change(event)?
        };
        let size = pull.count("changed_files").ok();
        let line = format!("{full_name}#{number}");
        Ok(Draft { change, full_name, line, paths, size })
    }

    /// The API, for the repository of this full name.
    pub(crate) fn api<'e>(&'e self, event: &Event<'e>, full_name: &str, style: &'static ApiStyle) -> Api<'e> {
        Api { endpoint: &self.endpoint, token: self.tokens.for_repository(full_name), answers: event.answers, style }
    }
}

/// What a payload says about a pull request, before the API is asked.
pub(crate) struct Draft<'e> {
    /// The change but for its files.
    pub(crate) change: Change,
    pub(crate) full_name: Cow<'e, str>,
    /// The pull request, as people name it.
    pub(crate) line: String,
    /// Where to ask the API; the name of the field that makes no path of it.
    pub(crate) paths: Result<Paths, &'static str>,
    /// How many files it changes.
    pub(crate) size: Option<u64>,
}

/// Why nothing is built after this action, where that is so.
fn unbuilt(payload: &View<'_>) -> Option<Outcome> {
    if payload.get("action") != Some(&Json::Text("edited")) {
        return unbuilt_action(payload);
    }
    let has_new_base = payload.get("changes.base").is_some_and(|base| *base != Json::Null);
    let reason = "pull request action \"edited\" is not built unless the base branch changed";
    (!has_new_base).then(|| Outcome::ignored(reason))
}

/// Why nothing is built after this action, where Buildbot builds nothing either.
pub(crate) fn unbuilt_action(payload: &View<'_>) -> Option<Outcome> {
    match payload.get("action") {
        Some(Json::Text("opened" | "reopened" | "synchronize")) => None,
        Some(Json::Text(other)) => Some(Outcome::ignored(format!("pull request action \"{other}\" is not built"))),
        _ => Some(Outcome::ignored("pull request event without an action is not built")),
    }
}

fn comments(pull: &View<'_>, number: &str) -> Result<String, Refusal> {
    let commits = pull.shown_count("commits")?;
    let s = if is_one(pull.need("commits")?) { "" } else { "s" };
    let (title, body) = (pull.shown("title")?, pull.shown_or_empty("body")?);
    Ok(format!("GitHub Pull Request #{number} ({commits} commit{s})\n{title}\n{body}"))
}

/// The outcome that asks for these calls about a pull request first, whose change this will be.
pub(crate) fn calls(line: String, change: &Change, calls: impl IntoIterator<Item = ApiCall>) -> Outcome {
    let calls = calls.into_iter().collect();
    Outcome::Calls { calls, line: Some(line), about: Subject::of(change), reported_changes: 1 }
}

/// Whether the value equals 1 to Python.
fn is_one(json: &Json<'_>) -> bool {
    match json {
        Json::Number(number) => number.as_f64() == Some(1.0),
        Json::Bool(value) => *value,
        _ => false,
    }
}
