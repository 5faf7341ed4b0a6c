//! The dialect `bitbucket`: changes from the [POST service][service] that Bitbucket had before its webhooks.
//!
//! Bitbucket itself has retired that service; what still sends in its format (bridges, mirrors, old installations) sends
//! one form for a push, with the payload as JSON in the argument `payload`. Each commit becomes a change. For the webhooks
//! that Bitbucket sends today there are the dialects `bitbucketcloud` and `bitbucketserver`.
//!
//! Headers: `X-Event-Key`, where there is one, becomes the property `event`. Nothing verifies the sender: protect the URL
//! with `change_hook_auth`.
//!
//! ```
//! use hookd_bitbucket::Options;
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("bitbucket", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/bitbucket")
//!     .with_header("Content-Type", "application/x-www-form-urlencoded")
//!     .with_body(r#"payload={
//!         "canon_url": "https://bitbucket.org",
//!         "repository": {"absolute_url": "/ada/tea/", "scm": "hg"},
//!         "commits": [{
//!             "raw_node": "620ade18607ac42d872b568bb92acaa9a28620e9",
//!             "raw_author": "Ada <ada@example.org>",
//!             "message": "Steep longer",
//!             "branch": "default",
//!             "utctimestamp": "2012-05-30 03:58:56%2B00:00",
//!             "files": [{"type": "modified", "file": "README"}]
//!         }]
//!     }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].repository, "https://bitbucket.org/ada/tea/");
//! assert_eq!(changes[0].src.as_deref(), Some("hg"));
//! ```
//!
//! [service]: https://confluence.atlassian.com/display/BITBUCKET/POST+Service+Management

#![forbid(unsafe_code)]

mod branches;
mod buildbot;
mod hook;
mod options;
mod push;
mod setup;

pub use options::Options;

inventory::submit! {
    hookd_core::Dialect::new::<Options>("bitbucket", "The POST service that Bitbucket had before its webhooks.")
        .with_setup(setup::SETUP)
        .with_compat()
}
