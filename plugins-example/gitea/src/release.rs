//! Releases, which buildbot-gitea does not have.

use hookd_core::{Change, Event, Json, Outcome, Refusal};

use crate::{base, user};

/// The change of a release that is published: of its tag.
pub(crate) fn release(event: &Event<'_>) -> Result<Outcome, Refusal> {
    let action = event.payload.text("action")?;
    let release = event.payload.at("release")?;
    if action != "published" || release.get("draft") == Some(&Json::Bool(true)) {
        return Ok(Outcome::ignored(format!("release action \"{action}\" is not built")));
    }
    let [name, body] = ["name", "body"].map(|text| release.shown_or_empty(text));
    let change = Change {
        author: user(&event.payload, "sender")?,
        branch: Some(release.text("tag_name")?.to_owned()),
        comments: format!("{}\n\n{}", name?, body?).trim().to_owned(),
        revlink: release.maybe("html_url")?.map(str::to_owned),
        when_timestamp: release.maybe_date("published_at")?,
        ..base(event)?
    };
    Ok(event.changes_or(vec![change], "there is nothing to build"))
}
