//! The dialect `bitbucketcloud`: changes from the webhooks of Bitbucket Cloud.
//!
//! [Pushes][push] to branches and tags, and [pull requests][pull] that are created, updated, merged or declined, become
//! changes; other events are accepted and make none. The [options](Options), the categories, and the changes from
//! payloads that Buildbot's `bitbucketcloud` hook can read, are those of that hook. What it drops or cannot read, pull requests
//! as Bitbucket really sends them above all, is put right unless `compat = "buildbot"` is set.
//!
//! Headers: [`X-Event-Key`][headers] names the event and `X-Request-UUID` the delivery, which stays the same when
//! Bitbucket tries again (`X-Attempt-Number` counts). [`X-Hub-Signature`][signature], with `sha256`, verifies the body.
//! The payload is JSON, as the whole body.
//!
//! ```
//! use hookd_bitbucketcloud::Options;
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("bitbucketcloud", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/bitbucketcloud")
//!     .with_header("X-Event-Key", "repo:push")
//!     .with_header("Content-Type", "application/json")
//!     .with_body(r#"{
//!         "actor": {"display_name": "Ada", "nickname": "ada"},
//!         "repository": {
//!             "scm": "git",
//!             "links": {"html": {"href": "https://bitbucket.org/kitchen/tea"}},
//!             "project": {"name": "Drinks"}
//!         },
//!         "push": {"changes": [{
//!             "old": null,
//!             "new": {"type": "tag", "name": "v1", "target": {
//!                 "hash": "a10867b14bb761a232cd80139fbd4c0d33264240",
//!                 "author": {"raw": "Ada <ada@example.org>"},
//!                 "message": "Steep longer",
//!                 "date": "2024-05-01T12:00:00+02:00"
//!             }}
//!         }]}
//!     }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].branch.as_deref(), Some("refs/tags/v1"));
//! assert_eq!(changes[0].project, "Drinks");
//! ```
//!
//! Invariants: branches are full refs, and each can be fetched from the `repository` beside it, which for the source of a
//! pull request may be a fork; nothing that is sent makes the hook panic.
//!
//! [headers]: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#HTTP-headers
//! [push]: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
//! [pull]: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Pull-request-events
//! [signature]: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/#Secure-webhooks

#![forbid(unsafe_code)]

mod buildbot;
mod change;
mod hook;
mod options;
mod plugin;
mod pull_request;
mod push;
mod setup;

pub use options::Options;

hookd_core::inventory::submit! {
    hookd_core::Dialect::new::<Options>("bitbucketcloud", "Bitbucket Cloud: pushes, tags and pull requests.")
        .with_setup(setup::SETUP)
        .with_compat()
}
