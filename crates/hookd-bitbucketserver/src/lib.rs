//! The dialect `bitbucketserver`: changes from the webhooks of Bitbucket Data Center and Server.
//!
//! Pushes to branches and tags, and pull requests that are opened, updated, merged, declined or deleted, become changes;
//! [other events][events] are accepted and make none. Two shapes of payloads are distinguished: that of the webhooks which
//! Bitbucket has [of its own][events] since 5.4, old and new, and that of the plugin [bitbucket-webhooks][plugin], for
//! which Buildbot's `bitbucketserver` hook was written. The [options](Options), the categories and the changes from the
//! plugin's payloads are those of that hook; with `compat = "buildbot"` nothing else makes a change.
//!
//! Headers: `X-Event-Key` names the event and `X-Request-Id` the delivery; [`X-Hub-Signature`][signature], with
//! `sha256`, verifies the body. The payload is JSON, as the whole body.
//!
//! ```
//! use hookd_bitbucketserver::Options;
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("bitbucketserver", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/bitbucketserver")
//!     .with_header("X-Event-Key", "repo:refs_changed")
//!     .with_header("Content-Type", "application/json; charset=utf-8")
//!     .with_body(r#"{
//!         "eventKey": "repo:refs_changed",
//!         "date": "2024-05-01T12:00:00+0200",
//!         "actor": {"name": "ada", "emailAddress": "ada@example.org", "displayName": "Ada"},
//!         "repository": {"slug": "tea", "scmId": "git", "project": {"key": "KIT", "name": "Kitchen"}},
//!         "changes": [{
//!             "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
//!             "fromHash": "0b1d1ac03d0b1d4fcf5d0cde3b8b9fcf31bd6c42",
//!             "toHash": "a10867b14bb761a232cd80139fbd4c0d33264240",
//!             "type": "UPDATE"
//!         }]
//!     }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].branch.as_deref(), Some("refs/heads/main"));
//! assert_eq!(changes[0].repository, "KIT/tea");
//! ```
//!
//! Invariants: branches are full refs, and each can be fetched from the `repository` beside it, which for the source of a
//! pull request may be a fork; nothing that is sent makes the hook panic.
//!
//! [events]: https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
//! [signature]: https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html
//! [plugin]: https://marketplace.atlassian.com/plugins/nl.topicus.bitbucket.bitbucket-webhooks/server/overview

#![forbid(unsafe_code)]

mod base_url;
mod buildbot;
mod change;
mod date;
mod hook;
mod options;
mod plugin;
mod pull_request;
mod push;
mod repository;
mod setup;
mod user;

pub use base_url::BaseUrl;
pub use options::Options;

hookd_core::inventory::submit! {
    hookd_core::Dialect::new::<Options>(
        "bitbucketserver",
        "Bitbucket Data Center and Server: pushes, tags and pull requests.",
    )
        .with_setup(setup::SETUP)
        .with_compat()
}
