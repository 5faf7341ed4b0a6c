//! What Buildbot's hook expects: the shape of the plugin bitbucket-webhooks, in both modes.

use hookd_core::{Change, Json, Outcome, Refusal, View, person};

use crate::hook::{BitbucketServer, Event, Stage};
use crate::payload::{described, given, nameless};

impl BitbucketServer {
    /// The changes of a push: one for each branch or tag.
    pub(crate) fn legacy_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let nothing = || Outcome::ignored("the push changes neither a branch nor a tag");
        let updates = event.payload.list("push.changes")?;
        if updates.is_empty() {
            return Ok(nothing());
        }
        let base = self.legacy_change(event)?;
        let mut changes = Vec::new();
        for update in updates {
            let is_deleted = !update.need("new")?.is_truthy();
            let state = update.at(if is_deleted { "old" } else { "new" })?;
            let revision = self.said(&state, "target.hash")?;
            let branch = self.branch_of(&state)?;
            if branch.is_none() && !self.compat {
                continue;
            }
            let has_message = !self.compat && !is_deleted;
            let message = if has_message { given(state.optional_text("target.commitMessage")?) } else { None };
            changes.push(Change {
                author: self.legacy_author(&event.payload)?,
                branch,
                category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
                comments: message.map_or_else(|| nameless(&revision), str::to_owned),
                revision: state.nullable_text("target.hash")?.map(str::to_owned),
                revlink: Some(self.legacy_page(&base.repository, &revision)),
                ..base.clone()
            });
        }
        Ok(if changes.is_empty() { nothing() } else { Outcome::Changes(changes) })
    }

    /// The change of a pull request.
    pub(crate) fn legacy_pull_request(&self, event: &Event<'_>, stage: Stage) -> Result<Outcome, Refusal> {
        let base = self.legacy_change(event)?;
        let pull = event.payload.at("pullrequest")?;
        let number = integer(&pull, "id")?;
        let branch = match stage {
            Stage::Created | Stage::Updated => format!("refs/pull-requests/{number}/merge"),
            Stage::Fulfilled => format!("refs/heads/{}", self.said(&pull, "toRef.branch.name")?),
            Stage::Rejected => format!("refs/heads/{}", self.said(&pull, "fromRef.branch.name")?),
        };
        let mut properties = serde_json::Map::new();
        properties.insert("pullrequesturl".to_owned(), pull.need("link")?.to_value());
        properties.extend(self.whitelist.extract("bitbucket", pull.json()));
        Ok(Outcome::Changes(vec![Change {
            author: self.legacy_author(&event.payload)?,
            branch: Some(branch),
            category: Some(stage.category().to_owned()),
            comments: if self.compat {
                format!("Bitbucket Server Pull Request #{number}")
            } else {
                described(&pull, &number)?
            },
            properties,
            revision: pull.nullable_text("fromRef.commit.hash")?.map(str::to_owned),
            revlink: pull.nullable_text("link")?.map(str::to_owned),
            ..base
        }]))
    }

    /// What every change of an event has: repository, project, codebase and `src`.
    fn legacy_change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let payload = &event.payload;
        let links = payload.list("repository.links.self")?;
        let link = links.first().ok_or_else(|| Refusal::new("`repository.links.self[0]` is missing"))?;
        let repository = self.without_browse(link.text("href")?).to_owned();
        if !self.compat {
            return Ok(Change { repository, ..self.change(event, &payload.at("repository")?)? });
        }
        Ok(Change {
            codebase: self.codebase(event),
            project: payload.text("repository.project.name")?.to_owned(),
            repository,
            src: payload.nullable_text("repository.scmId")?.map(str::to_owned),
            ..Change::default()
        })
    }

    /// The address of a repository as Buildbot makes it: without `browse`, but with the slash before it. Buildbot takes
    /// away all letters of that word, whatever their order; we the word.
    fn without_browse<'p>(&self, link: &'p str) -> &'p str {
        if self.compat {
            return link.trim_end_matches(['b', 'r', 'o', 'w', 's', 'e']);
        }
        link.strip_suffix("browse").filter(|repository| repository.ends_with('/')).unwrap_or(link)
    }

    /// The page of a commit; Buildbot relies on the slash.
    fn legacy_page(&self, repository: &str, revision: &str) -> String {
        let slash = if self.compat || repository.ends_with('/') { "" } else { "/" };
        format!("{repository}{slash}commits/{revision}")
    }

    fn legacy_author(&self, payload: &View<'_>) -> Result<String, Refusal> {
        if self.compat {
            let (name, username) = (payload.python_str("actor.displayName")?, payload.python_str("actor.username")?);
            return Ok(format!("{name} <{username}>"));
        }
        let username = given(payload.optional_text("actor.username")?);
        let address = payload.optional_text("actor.emailAddress")?;
        Ok(person(payload.optional_text("actor.displayName")?, username.or(address)).unwrap_or_default())
    }

    /// The full ref of a branch or tag; `None` for other types.
    fn branch_of(&self, state: &View<'_>) -> Result<Option<String>, Refusal> {
        let folder = match state.need("type")? {
            Json::Text(kind) if *kind == "branch" => "heads",
            Json::Text(kind) if *kind == "tag" => "tags",
            _ => return Ok(None),
        };
        Ok(Some(format!("refs/{folder}/{}", self.said(state, "name")?)))
    }

    /// A text that Buildbot formats whatever it is, null as `None`; without `compat` it must be one.
    fn said(&self, place: &View<'_>, path: &'static str) -> Result<String, Refusal> {
        if self.compat { Ok(place.python_str(path)?.into_owned()) } else { Ok(place.text(path)?.to_owned()) }
    }
}

/// What Python's `int()` makes of the value at `path`, as text: integers, texts of digits, numbers without their
/// fraction, and true for 1. Underscores between digits, digits beyond ASCII and numbers beyond 64 bits are not taken.
fn integer(place: &View<'_>, path: &'static str) -> Result<String, Refusal> {
    let found = place.need(path)?;
    let digits = match found {
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Beyond that, doubles are not exact; `+ 0.0` takes the sign from zero.
            Some(float) => (float.abs() < 2_f64.powi(53)).then(|| format!("{:.0}", float.trunc() + 0.0)),
            None => Some(number.to_string()),
        },
        Json::Bool(value) => Some(u8::from(*value).to_string()),
        Json::Text(text) => text.trim().parse::<i64>().ok().map(|number| number.to_string()),
        _ => None,
    };
    digits.ok_or_else(|| place.unexpected(path, found, "an integer"))
}
