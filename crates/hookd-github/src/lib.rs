//! The dialect `github`: changes from the webhooks of GitHub and GitHub Enterprise Server.
//!
//! Pushes to [branches and tags][push], [pull requests][pull_request] and [merge queues][merge_group] become changes;
//! other events are accepted and make none, unless an [`EventClass`] handles them. The [options](Options) and the
//! changes are those of Buildbot's `github` hook; what it drops is put right unless `compat = "buildbot"` is set.
//!
//! Headers: `X-GitHub-Event` names the event and `X-GitHub-Delivery` the delivery;
//! [`X-Hub-Signature-256`][signature], or the older `X-Hub-Signature` where that is not sent, verifies the body. The payload is JSON, as the
//! whole body or as the argument `payload` of a form.
//!
//! ```
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//! use hookd_github::Options;
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("github", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/github")
//!     .with_header("X-GitHub-Event", "push")
//!     .with_header("Content-Type", "application/json")
//!     .with_body(r#"{
//!         "ref": "refs/heads/main",
//!         "repository": {"full_name": "octo/tea", "html_url": "https://github.com/octo/tea"},
//!         "head_commit": null,
//!         "commits": [{
//!             "id": "a10867b14bb761a232cd80139fbd4c0d33264240",
//!             "message": "Steep longer",
//!             "timestamp": "2024-05-01T12:00:00+02:00",
//!             "author": {"name": "Ada", "email": "ada@example.org"},
//!             "modified": ["README.md"]
//!         }]
//!     }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].branch.as_deref(), Some("main"));
//! assert_eq!(changes[0].project, "octo/tea");
//! ```
//!
//! Invariants: a token goes to nobody but the configured endpoint, and only to paths made of escaped segments;
//! nothing that is sent, and nothing that the API answers, makes the hook panic.
//!
//! [push]: https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
//! [pull_request]: https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
//! [merge_group]: https://docs.github.com/en/webhooks/webhook-events-and-payloads#merge_group
//! [signature]: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

#![forbid(unsafe_code)]

mod api;
mod buildbot;
mod change;
mod class;
mod endpoint;
mod hook;
mod merge_group;
mod options;
mod pull_request;
mod push;
mod setup;
mod token;

pub use class::{Event, EventClass};
pub use options::{MergeQueue, Options};
pub use token::Token;

inventory::submit! {
    hookd_core::Dialect::new::<Options>("github", "GitHub: pushes, tags, pull requests and merge queues.")
        .with_setup(setup::SETUP)
        .with_compat()
}
