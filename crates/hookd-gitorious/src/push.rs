//! Pushes, which are all that Gitorious reports.

use hookd_core::{Change, ChangeArguments, Compat, Outcome, Refusal, Skips, View, is_zero_id, put_head_last};

/// The changes of a push: one for each commit, of which the head is the last, except to Buildbot.
pub(crate) fn push(
    payload: &View<'_>,
    arguments: ChangeArguments<'_>,
    compat: Compat,
    skips: &Skips,
) -> Result<Outcome, Refusal> {
    let base = base(payload, arguments)?;
    // As Buildbot, an empty one counts as well.
    let after = payload.optional_text("after")?;
    if after.is_some_and(|after| after.is_empty() || is_zero_id(after)) {
        return Ok(Outcome::ignored(format!("branch `{}` was deleted", base.branch.unwrap_or_default())));
    }
    let commits = payload.list("commits")?;
    let mut changes = payload.collect_changes(commits.iter().map(|commit| change(commit, &base)))?;
    if let Some(head) = after.filter(|_| compat == Compat::Off) {
        put_head_last(&mut changes, head);
    }
    if let Some(outcome) = skips.outcome_of(&changes) {
        return Ok(outcome);
    }
    Ok(Outcome::changes_or(changes, "the push names no commit"))
}

/// What all changes of a push have. The branch is the ref as it was sent.
fn base(payload: &View<'_>, arguments: ChangeArguments<'_>) -> Result<Change, Refusal> {
    let branch = payload.maybe("ref")?.map(str::to_owned);
    let project = match arguments.project()? {
        Some(project) => project,
        None => payload.maybe_text("project.name")?.unwrap_or_default(),
    };
    Ok(Change {
        branch,
        project: project.to_owned(),
        repository: payload.text("repository.url")?.to_owned(),
        src: Some("git".to_owned()),
        ..Change::default()
    })
}

fn change(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    Ok(Change {
        author: commit.person("author.name", "author.email")?.unwrap_or_default(),
        comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
        revision: Some(commit.text("id")?.to_owned()),
        revlink: commit.maybe("url")?.map(str::to_owned),
        when_timestamp: commit.maybe_date("timestamp")?,
        ..base.clone()
    })
}
