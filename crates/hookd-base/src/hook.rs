//! The hook: from the fields to the change.

use hookd_core::{Change, Compat, Hook, HookRequest, Json, Method, Outcome, Refusal, Skips};

use crate::fields::{FIELDS, Fields};

/// The dialect at work.
#[derive(Debug, Default)]
pub struct Base {
    pub(crate) compat: Compat,
    pub(crate) skips: Skips,
}

impl Hook for Base {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        // Buildbot reads arguments only; a JSON body is hookd's own.
        let fields = match self.compat {
            Compat::Off if request.content_type() == "application/json" => Fields::Json(request.json()?),
            _ => Fields::Arguments(request),
        };
        if let Fields::Json(payload) = &fields
            && !matches!(payload.json(), Json::Object(_))
        {
            return Err(Refusal::new("the JSON body is not an object of fields"));
        }
        if fields.is_empty()? {
            return Err(Refusal::new(format!("no field of a change was sent, expected some of {}", FIELDS.join(", "))));
        }
        let change = change_of(&fields)?;
        Ok(self.skips.outcome(&change.comments).unwrap_or_else(|| Outcome::Changes(vec![change])))
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }
}

fn change_of(fields: &Fields<'_>) -> Result<Change, Refusal> {
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
