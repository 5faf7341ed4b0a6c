//! Bits of payloads that several events share.

use std::borrow::Cow;

use hookd_core::{Change, Refusal, View, parse_date};
use serde_json::Value;

use crate::hook::{Event, GitLab};

/// What GitLab writes where a person keeps the address private.
const REDACTED: &str = "[REDACTED]";

impl GitLab {
    /// What every change of an event has: category, codebase, the property `event` and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let of_option = || self.codebase.as_ref().map(|codebase| codebase.of(event.payload.json())).unwrap_or_default();
        let mut properties = serde_json::Map::new();
        properties.insert("event".to_owned(), Value::from(event.name));
        Ok(Change {
            category: Some(event.name.to_owned()),
            codebase: argument(event, "codebase")?.map_or_else(of_option, str::to_owned),
            properties,
            src: Some("git".to_owned()),
            ..Change::default()
        })
    }

    /// The argument `project`, which Buildbot promises but does not read.
    pub(crate) fn project_argument<'e>(&self, event: &Event<'e>) -> Result<Option<&'e str>, Refusal> {
        if self.compat { Ok(None) } else { argument(event, "project") }
    }

    /// The author of a commit; empty where GitLab does not tell.
    pub(crate) fn author(&self, commit: &View<'_>) -> Result<String, Refusal> {
        if self.compat {
            return Ok(format!("{} <{}>", commit.python_str("author.name")?, commit.python_str("author.email")?));
        }
        Ok(person(commit, "author.name", "author.email")?.unwrap_or_default())
    }

    /// When a commit was made, in seconds since 1970.
    pub(crate) fn time(&self, commit: &View<'_>) -> Result<Option<i64>, Refusal> {
        let date = if self.compat { Some(commit.text("timestamp")?) } else { commit.optional_text("timestamp")? };
        date.map(parse_date).transpose()
    }

    /// A text that may be null. Buildbot wants it to be there.
    pub(crate) fn text<'p>(&self, place: &View<'p>, path: &'p str) -> Result<Option<&'p str>, Refusal> {
        if self.compat { place.nullable_text(path) } else { place.optional_text(path) }
    }

    /// A text as a part of a longer one.
    pub(crate) fn part<'p>(&self, place: &View<'p>, path: &'p str) -> Result<Cow<'p, str>, Refusal> {
        if self.compat {
            return place.python_str(path);
        }
        Ok(Cow::Borrowed(place.optional_text(path)?.unwrap_or_default()))
    }
}

/// An argument of the request; an empty one counts as not given.
fn argument<'e>(event: &Event<'e>, name: &str) -> Result<Option<&'e str>, Refusal> {
    Ok(event.request.argument(name)?.filter(|value| !value.is_empty()))
}

/// `name <email>` of the person at `place`, or what of it GitLab tells; `None` where that is nothing.
pub(crate) fn person(place: &View<'_>, name: &str, email: &str) -> Result<Option<String>, Refusal> {
    let email = place.optional_text(email)?.filter(|email| *email != REDACTED);
    Ok(hookd_core::person(place.optional_text(name)?, email))
}

/// The first of these texts that is there and not empty.
pub(crate) fn first_text<'p>(place: &View<'p>, paths: &[&str]) -> Result<Option<&'p str>, Refusal> {
    for path in paths {
        if let Some(text) = place.optional_text(path)?.filter(|text| !text.is_empty()) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The page `rest` of the project, such as `commit/SHA`; `None` where the project's own page is not told.
pub(crate) fn project_page(payload: &View<'_>, rest: &str) -> Result<Option<String>, Refusal> {
    let home = first_text(payload, &["project.web_url", "project.homepage", "repository.homepage"])?;
    Ok(home.map(|home| format!("{}/-/{rest}", home.trim_end_matches('/'))))
}
