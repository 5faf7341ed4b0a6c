//! The dialect `gitorious`: changes from the web hooks of [Gitorious][gitorious].
//!
//! Gitorious sends one form for a push, with the payload as JSON in the argument `payload`. Each commit becomes a
//! change; a branch that was deleted makes none. gitorious.org is gone, and what still runs is installed locally.
//!
//! Headers: none is used. Nothing verifies the sender: protect the URL with `change_hook_auth`.
//!
//! ```
//! use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};
//! use hookd_gitorious::Options;
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let context = BuildContext::new("gitorious", Compat::Off, &NoSecrets);
//! let hook = Options::default().build(&context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/gitorious")
//!     .with_header("Content-Type", "application/x-www-form-urlencoded")
//!     .with_body(r#"payload={
//!         "after": "df5744f7bc8663b39717f87742dc94f52ccbf4dd",
//!         "ref": "new_look",
//!         "project": {"name": "tea"},
//!         "repository": {"name": "pots", "url": "http://gitorious.example.org/tea/pots", "owner": {"name": "ada"}},
//!         "commits": [{
//!             "id": "df5744f7bc8663b39717f87742dc94f52ccbf4dd",
//!             "author": {"name": "Ada", "email": "ada@example.org"},
//!             "message": "Steep longer",
//!             "timestamp": "2012-01-10T11:02:27-07:00",
//!             "url": "http://gitorious.example.org/tea/pots/commit/df5744f7bc8663b39717f87742dc94f52ccbf4dd"
//!         }]
//!     }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].branch.as_deref(), Some("new_look"));
//! assert_eq!(changes[0].project, "tea");
//! ```
//!
//! [gitorious]: https://en.wikipedia.org/wiki/Gitorious

#![forbid(unsafe_code)]

mod buildbot;
mod hook;
mod options;
mod push;
mod setup;

pub use options::Options;

inventory::submit! {
    hookd_core::Dialect::new::<Options>("gitorious", "Gitorious: pushes.")
        .with_setup(setup::SETUP)
        .with_compat()
}
