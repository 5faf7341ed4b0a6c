//! What Buildbot's hook expects: pushes with `compat = "buildbot"`, and in both modes pull requests in a shape that
//! Bitbucket Cloud does not send.

use hookd_core::{Change, Json, Outcome, Refusal, View};

use crate::hook::{BitbucketCloud, Event, Stage};
use crate::payload::{described, nameless};

impl BitbucketCloud {
    /// The changes of a push exactly as Buildbot makes them: one for each branch or tag, without its commits.
    pub(crate) fn legacy_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let updates = payload.list("push.changes")?;
        if updates.is_empty() {
            return Ok(Outcome::ignored("the push has no changes"));
        }
        let base = self.change(event)?;
        let pages = payload.python_str("repository.links.html.href")?;
        let changes: Result<Vec<Change>, Refusal> = updates
            .iter()
            .map(|update| {
                let is_deleted = !update.need("new")?.is_truthy();
                let state = update.at(if is_deleted { "old" } else { "new" })?;
                let revision = state.python_str("target.hash")?;
                Ok(Change {
                    author: self.actor(payload)?,
                    branch: branch_of(&state)?,
                    category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
                    comments: nameless(&revision),
                    revision: state.nullable_text("target.hash")?.map(str::to_owned),
                    revlink: Some(format!("{pages}/commits/{revision}")),
                    ..base.clone()
                })
            })
            .collect();
        changes.map(Outcome::Changes)
    }

    /// The change of a pull request with `fromRef`, `toRef` and `link`.
    pub(crate) fn legacy_pull_request(&self, event: &Event<'_>, stage: Stage) -> Result<Outcome, Refusal> {
        let base = self.change(event)?;
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
            author: self.actor(&event.payload)?,
            branch: Some(branch),
            category: Some(stage.category().to_owned()),
            comments: if self.compat {
                format!("Bitbucket Cloud Pull Request #{number}")
            } else {
                described(&pull, &number)?
            },
            properties,
            revision: pull.nullable_text("fromRef.commit.hash")?.map(str::to_owned),
            revlink: pull.nullable_text("link")?.map(str::to_owned),
            ..base
        }]))
    }

    /// A text that Buildbot formats whatever it is, null as `None`; without `compat` it must be one.
    fn said<'p>(&self, place: &View<'p>, path: &'static str) -> Result<String, Refusal> {
        if self.compat { Ok(place.python_str(path)?.into_owned()) } else { Ok(place.text(path)?.to_owned()) }
    }
}

/// The full ref of a branch or tag; `None` for other types, as Buildbot.
fn branch_of(state: &View<'_>) -> Result<Option<String>, Refusal> {
    let folder = match state.need("type")? {
        Json::Text(kind) if *kind == "branch" => "heads",
        Json::Text(kind) if *kind == "tag" => "tags",
        _ => return Ok(None),
    };
    Ok(Some(format!("refs/{folder}/{}", state.python_str("name")?)))
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
