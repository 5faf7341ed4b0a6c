//! The dialect class `json`: webhooks with a JSON payload that nobody has written a dialect for, described in `hookd.toml`.
//!
//! Three questions are answered by options. Who sent it: [`proof`](Options::proof). Is it of interest:
//! [`when`](Options::when). What are its changes: [`each`](Options::each) and [`change`](Options::change), whose values are
//! texts with places of the payload in braces.
//!
//! Headers: those that the options name.
//!
//! ```
//! use hookd_core::{BuildContext, Compat, HookRequest, Outcome, Secret, SecretSource, registry};
//! use serde_json::{Value, json};
//! # use hookd_json as _;
//!
//! # struct NoSecrets;
//! # impl SecretSource for NoSecrets {
//! #     fn read(&self, _: &Secret) -> Result<Vec<u8>, String> { Err("none here".to_owned()) }
//! # }
//! let Value::Object(options) = json!({
//!     "when": [{ "path": "ref", "re": "^refs/heads/(?P<branch>.+)$" }],
//!     "each": "commits",
//!     "change": {
//!         "author": "{author.name} <{author.email}>",
//!         "branch": "{branch}",
//!         "comments": "{message}",
//!         "files": ["{added}", "{removed}"],
//!         "repository": "{.repository.url}",
//!         "revision": "{id}",
//!     },
//! }) else { panic!() };
//! let class = registry::find::<hookd_core::Dialect>("json").unwrap();
//! let context = BuildContext::new("forge", Compat::Off, &NoSecrets);
//! let hook = class.build(options, &context).unwrap();
//!
//! let request = HookRequest::post("/change_hook/forge").with_body(r#"{
//!     "ref": "refs/heads/main",
//!     "repository": {"url": "https://git.example.org/tea"},
//!     "commits": [{
//!         "id": "df5744f", "message": "Steep longer", "added": ["pot.c"],
//!         "author": {"name": "Ada", "email": "ada@example.org"}
//!     }]
//! }"#);
//! let Ok(Outcome::Changes(changes)) = hook.translate(&request) else { panic!() };
//! assert_eq!(changes[0].author, "Ada <ada@example.org>");
//! assert_eq!(changes[0].branch.as_deref(), Some("main"));
//! assert_eq!(changes[0].files, ["pot.c"]);
//! ```

#![forbid(unsafe_code)]

mod change;
mod condition;
mod header;
mod hook;
mod options;
mod proof;
mod template;

pub use change::ChangeTemplate;
pub use condition::Condition;
pub use header::HeaderSource;
pub use options::Options;
pub use proof::ProofOptions;
pub use template::{Parts, Template};

inventory::submit! {
    hookd_core::Dialect::new::<Options>("json", "Any webhook with a JSON payload, described by options.")
}
