//! The hook: from the fields to the change.

use std::borrow::Cow;

use hookd_core::{Change, Compat, Hook, HookRequest, Json, Method, Outcome, Recognised, Refusal, Skips, View};

use crate::fields::{Fields, names};

/// The header with an id of the sender's own choice, the same when it sends a request again
/// ([draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The dialect at work.
#[derive(Debug, Default)]
pub struct Base {
    pub(crate) compat: Compat,
    pub(crate) skips: Skips,
}

impl Hook for Base {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        // Buildbot reads arguments only; a JSON body is hookd's own.
        let mut changes = match self.compat {
            Compat::Off if request.content_type() == "application/json" => changes_of_json(&request.json()?)?,
            _ => vec![change_of(&Fields::Arguments(request))?],
        };
        let mut skipped = None;
        changes.retain(|change| match self.skips.outcome(&change.comments) {
            Some(outcome) => {
                skipped = Some(outcome);
                false
            }
            None => true,
        });
        Ok(match skipped.filter(|_| changes.is_empty()) {
            Some(skipped) => skipped,
            None => Outcome::Changes(changes),
        })
    }

    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::new(None, request.nonempty_header(IDEMPOTENCY_KEY).map(Cow::Borrowed))
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type", IDEMPOTENCY_KEY]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }

    fn warnings(&self) -> Vec<String> {
        self.skips.warnings()
    }
}

/// The change of an object of fields, or one for each of a list of them, in its order.
fn changes_of_json(payload: &View<'_>) -> Result<Vec<Change>, Refusal> {
    match payload.json() {
        Json::Object(_) => change_of(&Fields::Json(*payload)).map(|change| vec![change]),
        Json::List(items) if !items.is_empty() => {
            let change = |(index, item): (usize, View<'_>)| match item.json() {
                Json::Object(_) => change_of(&Fields::Json(item)).map_err(|refusal| in_list(index, &refusal)),
                _ => Err(in_list(index, &"it is not an object of fields")),
            };
            payload.collect_changes(payload.items()?.into_iter().enumerate().map(change))
        }
        _ => Err(Refusal::new("the JSON body is neither an object of fields nor a list of at least one")),
    }
}

/// A refusal of one change of a list.
fn in_list(index: usize, why: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(format!("change {} of the list: {why}", index + 1))
}

fn change_of(fields: &Fields<'_>) -> Result<Change, Refusal> {
    if fields.is_empty()? {
        let names: Vec<_> = names().collect();
        return Err(Refusal::new(format!("no field of a change was sent, expected some of {}", names.join(", "))));
    }
    let author = fields.text("author")?.filter(|author| !author.is_empty());
    let when_timestamp = match fields.seconds("when_timestamp")? {
        Some(seconds) => Some(seconds),
        None => fields.seconds("when")?,
    };
    Ok(Change {
        author: if author.is_some() { author } else { fields.text("who")? }.unwrap_or_default(),
        branch: fields.text("branch")?,
        category: fields.text("category")?,
        codebase: fields.text("codebase")?.unwrap_or_default(),
        comments: fields.text("comments")?.unwrap_or_default(),
        committer: fields.text("committer")?,
        files: fields.files()?,
        project: fields.text("project")?.unwrap_or_default(),
        properties: fields.properties()?.into(),
        repository: fields.text("repository")?.unwrap_or_default(),
        revision: fields.text("revision")?,
        revlink: fields.text("revlink")?,
        src: None,
        when_timestamp,
    })
}
