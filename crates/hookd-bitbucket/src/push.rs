//! Pushes, which are all that the service reports.

use hookd_core::{Change, HookRequest, Refusal, View};
use serde_json::Value;

/// What all changes of a push have.
pub(crate) fn base(request: &HookRequest, event: Option<&str>, payload: &View<'_>) -> Result<Change, Refusal> {
    let (host, path) = (payload.shown("canon_url")?, payload.shown("repository.absolute_url")?);
    Ok(Change {
        project: request.argument("project")?.unwrap_or_default().to_owned(),
        properties: [("event".to_owned(), Value::from(event))].into_iter().collect(),
        repository: format!("{host}{path}"),
        src: payload.maybe("repository.scm")?.map(str::to_owned),
        ..Change::default()
    })
}

/// Where the pages of a repository are, with a slash at the end.
pub(crate) fn pages(repository: &str) -> String {
    let slash = if repository.ends_with('/') { "" } else { "/" };
    format!("{repository}{slash}")
}

/// The change of a commit on a branch.
pub(crate) fn change(commit: &View<'_>, branch: Option<&str>, base: &Change, pages: &str) -> Result<Change, Refusal> {
    Ok(Change {
        revision: commit.identifier("raw_node")?.map(str::to_owned),
        author: commit.maybe("raw_author")?.unwrap_or_default().to_owned(),
        branch: branch.map(str::to_owned),
        comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
        files: files(commit)?,
        revlink: Some(format!("{pages}commits/{}", commit.shown("raw_node")?)),
        when_timestamp: commit.maybe_date("utctimestamp")?,
        ..base.clone()
    })
}

fn files(commit: &View<'_>) -> Result<Vec<String>, Refusal> {
    let files = commit.maybe_list("files")?;
    files.iter().filter_map(|file| file.maybe_text("file").transpose()).map(|path| path.map(str::to_owned)).collect()
}
