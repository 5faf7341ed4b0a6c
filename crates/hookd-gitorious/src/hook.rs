//! From the form to the changes.

use hookd_core::{Change, Hook, HookRequest, Json, Outcome, Refusal, View, parse_date, person};

/// The dialect at work.
pub(crate) struct Gitorious {
    pub(crate) compat: bool,
}

impl Hook for Gitorious {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let text = request.argument("payload")?.ok_or_else(|| Refusal::new("argument `payload` is missing"))?;
        let json = Json::parse(text.as_bytes(), request.arena())?;
        let payload = View::root(&json);
        let base = self.base(request, &payload)?;
        let after = if self.compat { Some(payload.text("after")?) } else { payload.optional_text("after")? };
        if after.is_some_and(|after| after.bytes().all(|byte| byte == b'0')) {
            return Ok(Outcome::ignored(format!("branch `{}` was deleted", base.branch.unwrap_or_default())));
        }
        let changes: Result<Vec<Change>, Refusal> =
            payload.list("commits")?.iter().map(|commit| self.change(&base, commit)).collect();
        Ok(Outcome::changes_or(changes?, "the push names no commit"))
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }
}

impl Gitorious {
    /// What all changes of a push have. The branch is the ref as it was sent.
    fn base(&self, request: &HookRequest, payload: &View<'_>) -> Result<Change, Refusal> {
        let project = if self.compat {
            // Buildbot wants these to be there, and does nothing with them.
            payload.need("repository.owner.name")?;
            payload.need("repository.name")?;
            None
        } else {
            request.argument("project")?.filter(|project| !project.is_empty())
        };
        Ok(Change {
            branch: self.text(payload, "ref")?.map(str::to_owned),
            project: project.map_or_else(|| payload.text("project.name"), Ok)?.to_owned(),
            repository: payload.text("repository.url")?.to_owned(),
            src: Some("git".to_owned()),
            ..Change::default()
        })
    }

    fn change(&self, base: &Change, commit: &View<'_>) -> Result<Change, Refusal> {
        let (author, date) = if self.compat {
            let author = format!("{} <{}>", commit.python_str("author.name")?, commit.python_str("author.email")?);
            (author, Some(commit.text("timestamp")?))
        } else {
            let author = person(commit.optional_text("author.name")?, commit.optional_text("author.email")?);
            (author.unwrap_or_default(), commit.optional_text("timestamp")?)
        };
        Ok(Change {
            author,
            comments: self.text(commit, "message")?.unwrap_or_default().to_owned(),
            revision: Some(commit.text("id")?.to_owned()),
            revlink: self.text(commit, "url")?.map(str::to_owned),
            when_timestamp: date.map(parse_date).transpose()?,
            ..base.clone()
        })
    }

    /// A text that may be null. Buildbot wants it to be there.
    fn text<'p>(&self, place: &View<'p>, path: &'p str) -> Result<Option<&'p str>, Refusal> {
        if self.compat { place.nullable_text(path) } else { place.optional_text(path) }
    }
}
