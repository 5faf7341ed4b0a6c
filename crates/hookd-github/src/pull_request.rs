//! Pull requests: one change, once the API has sent the head commit's message and the changed files.

use std::borrow::Cow;

use hookd_core::{ApiCall, Change, Json, Outcome, PullRequestEvent, Refusal, Subject, View};
use serde_json::Value;

use crate::api::{Api, ApiStyle, Fetched, Paths};
use crate::class::Event;
use crate::hook::GitHub;

/// GitHub gives at most 100 files a page.
const API: ApiStyle = ApiStyle { agent: "hookd", files_query: "?per_page=100", follows_pages: true };

impl GitHub {
    /// The change of a pull request after an event that is built.
    ///
    /// It is made before the API is asked, so that a wrong payload is refused while its sender still listens.
    pub(crate) fn pull_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        if let Some(outcome) = unbuilt(payload) {
            return Ok(outcome);
        }
        let pull = payload.at("pull_request")?;
        let page = match pull.maybe_first(&["_links.html.href", "html_url"])? {
            Some(page) => Cow::Borrowed(page),
            None => {
                let (repository, number) = (payload.text("repository.html_url")?, payload.count("number")?);
                Cow::Owned(format!("{}/pull/{number}", repository.trim_end_matches('/')))
            }
        };
        let author = match payload.maybe("sender.login")? {
            Some(sender) => Some(sender),
            None => pull.maybe("user.login")?,
        };
        let Draft { mut change, full_name, line, paths, size } = self.draft(event, Some(&page), author)?;
        let paths =
            paths.map_err(|wrong| Refusal::new(format!("`{wrong}` does not name what the API could be asked for")))?;
        let api = self.api(event, &full_name, &API);
        // The message is for the skip patterns alone.
        let message = if self.options.skips.is_empty() { Ok(Fetched::default()) } else { api.message(&paths) };
        if let Ok(message) = &message
            && let Some(outcome) = self.options.skips.outcome(&message.value)
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
            when_timestamp: pull.maybe_date("created_at")?,
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
    if event_of(payload).is_built() {
        return None;
    }
    Some(match payload.get("action") {
        Some(Json::Text("edited")) => {
            Outcome::ignored("pull request action \"edited\" is not built unless the base branch changed")
        }
        _ => unbuilt_action(payload),
    })
}

/// What happened to the pull request.
fn event_of(payload: &View<'_>) -> PullRequestEvent {
    let has_new_base = || payload.get("changes.base").is_some_and(|base| *base != Json::Null);
    match payload.get("action") {
        Some(Json::Text("opened")) => PullRequestEvent::Opened,
        Some(Json::Text("reopened")) => PullRequestEvent::Reopened,
        // Gitea's is the longer.
        Some(Json::Text("synchronize" | "synchronized")) => PullRequestEvent::NewCommits,
        Some(Json::Text("edited")) if has_new_base() => PullRequestEvent::NewTarget,
        _ => PullRequestEvent::Other,
    }
}

/// The outcome of an action that is not built.
pub(crate) fn unbuilt_action(payload: &View<'_>) -> Outcome {
    Outcome::ignored(match payload.get("action") {
        Some(Json::Text(other)) => format!("pull request action \"{other}\" is not built"),
        _ => "pull request event without an action is not built".to_owned(),
    })
}

fn comments(pull: &View<'_>, number: &str) -> Result<String, Refusal> {
    let size = pull.maybe_shown_count("commits")?.map(|commits| {
        let s = if pull.get("commits").is_some_and(is_one) { "" } else { "s" };
        format!(" ({commits} commit{s})")
    });
    let (size, title, body) = (size.unwrap_or_default(), pull.shown_or_empty("title")?, pull.shown_or_empty("body")?);
    Ok(format!("GitHub Pull Request #{number}{size}\n{title}\n{body}"))
}

/// The outcome that asks for these calls about a pull request first, whose change this will be.
pub(crate) fn calls(line: String, change: &Change, calls: impl IntoIterator<Item = ApiCall>) -> Outcome {
    Outcome::calls(calls, Subject::of(change)).in_line(line)
}

/// Whether the value equals 1 to Python.
fn is_one(json: &Json<'_>) -> bool {
    match json {
        Json::Number(number) => number.as_f64() == Some(1.0),
        Json::Bool(value) => *value,
        _ => false,
    }
}
