//! From the form to the changes.

use std::borrow::Cow;

use hookd_core::{Change, Hook, HookRequest, Json, Outcome, Recognised, Refusal, View, parse_date};

const EVENT: &str = "X-Event-Key";

/// The dialect at work.
pub(crate) struct Bitbucket {
    pub(crate) compat: bool,
}

impl Hook for Bitbucket {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        let event = request.header(EVENT).filter(|event| !event.is_empty());
        Recognised { event: event.map(Cow::Borrowed), forge_id: None }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let json = Json::parse(payload(request)?.as_bytes(), request.arena())?;
        let payload = View::root(&json);
        let base = self.base(request, &payload)?;
        let changes: Result<Vec<Change>, Refusal> =
            payload.list("commits")?.iter().map(|commit| self.change(&base, commit)).collect();
        Ok(Outcome::changes_or(changes?, "the push names no commit"))
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, "Content-Type"]
    }
}

/// The text of the payload.
fn payload(request: &HookRequest) -> Result<&str, Refusal> {
    request.argument("payload")?.ok_or_else(|| {
        Refusal::new(if request.content_type() == "application/json" {
            "argument `payload` is missing: webhooks with JSON are for the dialects `bitbucketcloud` and `bitbucketserver`"
        } else {
            "argument `payload` is missing"
        })
    })
}

impl Bitbucket {
    /// What all changes of a push have.
    fn base(&self, request: &HookRequest, payload: &View<'_>) -> Result<Change, Refusal> {
        let (host, path) = (self.part(payload, "canon_url")?, self.part(payload, "repository.absolute_url")?);
        Ok(Change {
            project: request.argument("project")?.unwrap_or_default().to_owned(),
            properties: [("event".to_owned(), request.header(EVENT).into())].into_iter().collect(),
            repository: format!("{host}{path}"),
            src: self.text(payload, "repository.scm")?.map(str::to_owned),
            ..Change::default()
        })
    }

    fn change(&self, base: &Change, commit: &View<'_>) -> Result<Change, Refusal> {
        if self.compat {
            // Buildbot logs it.
            commit.need("node")?;
        }
        let revision = if self.compat { commit.nullable_text("raw_node")? } else { Some(commit.text("raw_node")?) };
        let slash = if self.compat || base.repository.ends_with('/') { "" } else { "/" };
        let date =
            if self.compat { Some(commit.text("utctimestamp")?) } else { commit.optional_text("utctimestamp")? };
        Ok(Change {
            author: self.text(commit, "raw_author")?.unwrap_or_default().to_owned(),
            branch: self.text(commit, "branch")?.map(str::to_owned),
            comments: self.text(commit, "message")?.unwrap_or_default().to_owned(),
            files: self.files(commit)?,
            revision: revision.map(str::to_owned),
            revlink: Some(format!("{}{slash}commits/{}", base.repository, commit.python_str("raw_node")?)),
            when_timestamp: date.map(parse_date).transpose()?,
            ..base.clone()
        })
    }

    fn files(&self, commit: &View<'_>) -> Result<Vec<String>, Refusal> {
        if !self.compat && matches!(commit.get("files"), None | Some(Json::Null)) {
            return Ok(Vec::new());
        }
        commit.list("files")?.iter().map(|file| file.text("file").map(str::to_owned)).collect()
    }

    /// A text that may be null. Buildbot wants it to be there.
    fn text<'p>(&self, place: &View<'p>, path: &'p str) -> Result<Option<&'p str>, Refusal> {
        if self.compat { place.nullable_text(path) } else { place.optional_text(path) }
    }

    /// A text as a part of a longer one.
    fn part<'p>(&self, place: &View<'p>, path: &'p str) -> Result<Cow<'p, str>, Refusal> {
        if self.compat { place.python_str(path) } else { place.text(path).map(Cow::Borrowed) }
    }
}
