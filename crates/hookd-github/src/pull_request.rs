//! Pull requests: one change, once the API has told the head commit's message and the changed files.

use std::borrow::Cow;

use hookd_core::{ApiCall, Change, Json, Outcome, Refusal, View, parse_date};
use serde_json::Value;

use crate::api::{Api, Fetched, NO_MESSAGE, Paths};
use crate::class::Event;
use crate::hook::GitHub;

impl GitHub {
    /// The change of a pull request that was opened, reopened or updated, or got another base.
    ///
    /// It is made before the API is asked, so that a wrong payload is refused while its sender still listens.
    pub(crate) fn pull_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        if let Some(outcome) = self.uninteresting(&event.payload) {
            return Ok(outcome);
        }
        let Draft { mut change, full_name, paths, size } = self.draft(event)?;
        let Some(paths) = paths else {
            return Ok(self.skipped(NO_MESSAGE).unwrap_or_else(|| Outcome::Changes(vec![change])));
        };
        let api = Api {
            endpoint: &self.endpoint,
            token: self.tokens.of(&full_name),
            answers: event.answers,
            compat: self.compat,
        };
        // The message is for the skip patterns alone.
        let is_asked = self.compat || !self.skips.is_empty();
        let message = if is_asked { api.message(&paths) } else { Ok(Fetched::default()) };
        match &message {
            Ok(message) => {
                if let Some(outcome) = self.skipped(&message.value) {
                    return Ok(outcome);
                }
            }
            // As Buildbot, which asks for the files when it knows that they are needed.
            Err(call) if self.compat => return Ok(calls([call.clone()])),
            Err(_) => {}
        }
        match (message, api.files(&paths, size)) {
            (Ok(message), Ok(files)) => {
                change.files = files.value;
                let lacks: Vec<Value> = [message.lack, files.lack].into_iter().flatten().map(Value::from).collect();
                if !self.compat && !lacks.is_empty() {
                    change.properties.insert("hookd_incomplete".to_owned(), Value::Array(lacks));
                }
                Ok(Outcome::Changes(vec![change]))
            }
            (message, files) => Ok(calls(message.err().into_iter().chain(files.err()))),
        }
    }

    /// Why nothing is built after this action, where that is so.
    fn uninteresting(&self, payload: &View<'_>) -> Option<Outcome> {
        match payload.get("action") {
            Some(Json::Text(action)) => match &**action {
                "opened" | "reopened" | "synchronize" => None,
                "edited" if !self.compat => {
                    let has_new_base = payload.get("changes.base").is_some_and(|base| *base != Json::Null);
                    let reason = "pull request action \"edited\" is not built unless the base branch changed";
                    (!has_new_base).then(|| Outcome::ignored(reason))
                }
                other => Some(Outcome::ignored(format!("pull request action \"{other}\" is not built"))),
            },
            _ => Some(Outcome::ignored("pull request event without an action is not built")),
        }
    }

    /// All that the payload tells.
    fn draft<'e>(&self, event: &Event<'e>) -> Result<Draft<'e>, Refusal> {
        let payload = &event.payload;
        let pull = payload.at("pull_request")?;
        let number = self.counted(payload, "number")?;
        let (full_name, sha) = if self.compat {
            (payload.python_str("repository.full_name")?, pull.nullable_text("head.sha")?)
        } else {
            (Cow::Borrowed(payload.text("repository.full_name")?), Some(pull.text("head.sha")?))
        };
        let paths = match Paths::of(&full_name, &number, sha.unwrap_or_default()) {
            Ok(paths) => Some(paths),
            Err(_) if self.compat => None,
            Err(wrong) => return Err(Refusal::new(format!("`{wrong}` does not name what the API could be asked for"))),
        };
        let revlink = self.page(&pull)?;
        let mut properties = serde_json::Map::new();
        properties.insert("pullrequesturl".to_owned(), revlink.into());
        properties.insert("event".to_owned(), event.name.into());
        properties.insert("basename".to_owned(), pull.need("base.ref")?.to_value());
        properties.extend(self.whitelist.extract("github", pull.json()));
        let change = Change {
            author: self.author(payload)?,
            branch: Some(format!("refs/pull/{number}/{}", self.pullrequest_ref)),
            category: Some("pull".to_owned()),
            comments: self.comments(&pull, &number)?,
            project: self.project(event, "pull_request.base.repo.full_name")?.to_owned(),
            properties,
            revision: sha.map(str::to_owned),
            revlink: revlink.map(str::to_owned),
            when_timestamp: Some(parse_date(pull.text("created_at")?)?),
            ..self.change(event)?
        };
        Ok(Draft { change, full_name, paths, size: pull.get("changed_files").and_then(as_u64) })
    }

    fn comments(&self, pull: &View<'_>, number: &str) -> Result<String, Refusal> {
        let commits = self.counted(pull, "commits")?;
        let s = if is_one(pull.need("commits")?) { "" } else { "s" };
        let (title, body) = if self.compat {
            (pull.python_str("title")?, pull.python_str("body")?)
        } else {
            (Cow::Borrowed(pull.text("title")?), Cow::Borrowed(pull.optional_text("body")?.unwrap_or_default()))
        };
        Ok(format!("GitHub Pull Request #{number} ({commits} commit{s})\n{title}\n{body}"))
    }

    /// The number at `path`, as text.
    fn counted<'p>(&self, place: &View<'p>, path: &'static str) -> Result<Cow<'p, str>, Refusal> {
        match place.need(path)? {
            Json::Number(number) if number.is_u64() => place.python_str(path),
            _ if self.compat => place.python_str(path),
            other => Err(place.unexpected(path, other, "an integer that is not negative")),
        }
    }

    fn author(&self, payload: &View<'_>) -> Result<String, Refusal> {
        let login = if self.compat {
            payload.nullable_text("sender.login")?
        } else {
            let sender = payload.optional_text("sender.login")?;
            sender.map_or_else(|| payload.optional_text("pull_request.user.login"), |login| Ok(Some(login)))?
        };
        Ok(login.unwrap_or_default().to_owned())
    }

    /// The page of the pull request.
    fn page<'p>(&self, pull: &View<'p>) -> Result<Option<&'p str>, Refusal> {
        if self.compat {
            return pull.nullable_text("_links.html.href");
        }
        match pull.optional_text("_links.html.href")? {
            Some(page) => Ok(Some(page)),
            None => pull.text("html_url").map(Some),
        }
    }
}

/// What a payload tells of a pull request, before the API is asked.
struct Draft<'e> {
    /// The change but for its files.
    change: Change,
    full_name: Cow<'e, str>,
    /// Where to ask the API; `None` where Buildbot would ask at a path that cannot be.
    paths: Option<Paths>,
    /// How many files it changes.
    size: Option<u64>,
}

fn calls(calls: impl IntoIterator<Item = ApiCall>) -> Outcome {
    Outcome::Calls { calls: calls.into_iter().collect(), reported_changes: 1 }
}

fn as_u64(json: &Json<'_>) -> Option<u64> {
    match json {
        Json::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// Whether Python takes the value to equal 1.
fn is_one(json: &Json<'_>) -> bool {
    match json {
        Json::Number(number) => number.as_f64() == Some(1.0),
        Json::Bool(value) => *value,
        _ => false,
    }
}
