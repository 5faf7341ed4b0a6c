//! Bits of payloads that several events share.

use hookd_core::{Change, Refusal, View, person};

use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// What every change of an event has: repository, project, codebase and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let payload = &event.payload;
        let (repository, project, src) = if self.compat {
            let project = match payload.get("repository.project") {
                None => "none",
                Some(_) => payload.text("repository.project.name")?,
            };
            let src = payload.nullable_text("repository.scm")?;
            // An address of the API; Buildbot's users filter by it.
            (payload.text("repository.links.self.href")?, project, src)
        } else {
            let project = match argument(event, "project")? {
                Some(project) => project,
                None => payload.optional_text("repository.project.name")?.unwrap_or("none"),
            };
            let src = payload.optional_text("repository.scm")?.unwrap_or("git");
            let repository = match payload.optional_text("repository.links.html.href")? {
                None if payload.get("repository.links.self").is_some() => payload.text("repository.links.self.href")?,
                None => payload.text("repository.links.html.href")?,
                Some(page) => page,
            };
            (repository, project, Some(src))
        };
        Ok(Change {
            codebase: self.codebase(event)?,
            project: project.to_owned(),
            repository: repository.to_owned(),
            src: src.map(str::to_owned),
            ..Change::default()
        })
    }

    fn codebase(&self, event: &Event<'_>) -> Result<String, Refusal> {
        if !self.compat
            && let Some(codebase) = argument(event, "codebase")?
        {
            return Ok(codebase.to_owned());
        }
        Ok(self.codebase.as_ref().map(|codebase| codebase.of(event.payload.json())).unwrap_or_default())
    }

    /// `display_name <nickname>` of whoever did it; neither is always there.
    pub(crate) fn actor(&self, payload: &View<'_>) -> Result<String, Refusal> {
        if self.compat {
            let (name, nickname) = (payload.python_str("actor.display_name")?, payload.python_str("actor.nickname")?);
            return Ok(format!("{name} <{nickname}>"));
        }
        let (name, nickname) = (payload.optional_text("actor.display_name")?, payload.optional_text("actor.nickname")?);
        Ok(person(name, nickname).unwrap_or_default())
    }
}

/// An argument of the URL; an empty one counts as not given.
fn argument<'e>(event: &Event<'e>, name: &str) -> Result<Option<&'e str>, Refusal> {
    Ok(event.request.argument(name)?.filter(|value| !value.is_empty()))
}

/// The comments of a commit whose message is not known, or does not matter.
pub(crate) fn nameless(revision: &str) -> String {
    format!("Bitbucket Cloud commit {revision}")
}

/// The text, where it is not empty.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The comments of a pull request: what it is, then its title and description, where it has them.
pub(crate) fn described(pull: &View<'_>, number: &str) -> Result<String, Refusal> {
    let mut comments = format!("Bitbucket Cloud Pull Request #{number}");
    for path in ["title", "description"] {
        if let Some(text) = given(pull.optional_text(path)?) {
            comments.push('\n');
            comments.push_str(text);
        }
    }
    Ok(comments)
}
