//! The dialect `gitea`: changes from the webhooks of [Gitea][gitea] and [Forgejo][forgejo].
//!
//! Its changes are those of [buildbot-gitea][plugin], and so are its options; what that drops or gets wrong is put right.
//! Both forges send the headers `X-Gitea-Event` and `X-Gitea-Delivery`, and sign with each of [`Options::WEBHOOK`]'s proofs
//! that they know.
//!
//! [gitea]: https://docs.gitea.com/usage/webhooks
//! [forgejo]: https://forgejo.org/docs/latest/user/webhooks/
//! [plugin]: https://pypi.org/project/buildbot-gitea/

mod pull_request;
mod push;
mod release;

use hookd_core::{Change, Dialect, Event, JsonWebhook, Outcome, ProofHeader, Refusal, View, Webhook};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the dialect `gitea`: pushes, tags, pull requests and releases of Gitea and Forgejo.
///
/// At the forge, add a webhook of its own type with the target URL `https://HOST/change_hook/gitea`, the content type
/// `application/json`, a secret, and the events *Push*, *Pull request*, *Pull request synchronized* and, if they shall be
/// built, *Release*. The `category` of a change is the event: `push` (also of a tag), `pull_request` or `release`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Options {
    /// Whether a push makes a change of its head alone, instead of one for each commit.
    only_include_push_commit: bool,

    /// Whether a pull request that cannot be merged makes no change. The forge says so as well while it has not yet checked.
    only_mergeable_pull_request: bool,
}

impl JsonWebhook for Options {
    const WEBHOOK: Webhook = Webhook::new().event("X-Gitea-Event").delivery("X-Gitea-Delivery").proofs(&[
        ProofHeader::hmac_sha256("X-Gitea-Signature"),
        ProofHeader::hmac_sha256("X-Forgejo-Signature"),
        ProofHeader::hmac_sha256("X-Hub-Signature-256").with_prefix("sha256="),
    ]);

    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        match event.name {
            "push" => self.push(event),
            "pull_request" => self.pull_request(event),
            "release" => release::release(event),
            _ => Ok(event.not_built()),
        }
    }
}

/// What all changes of an event have.
fn base(event: &Event<'_>) -> Result<Change, Refusal> {
    let payload = &event.payload;
    let mut change = event.change(payload.text("repository.ssh_url")?)?;
    if change.project.is_empty() {
        change.project = payload.text("repository.full_name")?.to_owned();
    }
    change.category = Some(event.name.to_owned());
    change.properties.insert("event".to_owned(), event.name.into());
    let properties = [("repository_name", "repository.name"), ("owner", "repository.owner.username")];
    add_properties(&mut change, payload, &properties)?;
    Ok(Change { src: Some("git".to_owned()), ..change })
}

/// Adds properties, each by its name and where it is.
fn add_properties(change: &mut Change, place: &View<'_>, properties: &[(&str, &str)]) -> Result<(), Refusal> {
    for (name, path) in properties {
        change.properties.insert((*name).to_owned(), place.maybe_value(path)?);
    }
    Ok(())
}

/// `name <email>` of a user, whose login stands for a name that was left empty.
fn user(place: &View<'_>, path: &str) -> Result<String, Refusal> {
    let full_name = format!("{path}.full_name");
    let login = format!("{path}.login");
    let name = if place.maybe_nonempty(&full_name)?.is_some() { full_name } else { login };
    Ok(place.person(&name, &format!("{path}.email"))?.unwrap_or_default())
}

hookd_core::register! { Dialect::json_webhook::<Options>("gitea", "Gitea and Forgejo: pushes, tags, pull requests, releases.") }
