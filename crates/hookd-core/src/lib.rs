//! The core of hookd: what a dialect is made of.
//!
//! A dialect turns a [`HookRequest`] into [`Change`]s. It implements [`Hook`], documents its options on the fields of a
//! struct that implements [`HookOptions`], and registers itself with one constant [`Dialect`]:
//!
//! ```
//! use hookd_core::{
//!     BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Keys, Outcome, Problem, Proof, Refusal, Secrets,
//! };
//!
//! /// Options of the dialect `example`.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Options {
//!     /// What must stand in the header `X-Example-Token`.
//!     secret: Option<Secrets>,
//! }
//!
//! impl HookOptions for Options {
//!     fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
//!         Ok(Box::new(Example { keys: context.keys("secret", self.secret.as_ref())? }))
//!     }
//! }
//!
//! struct Example {
//!     keys: Option<Keys>,
//! }
//!
//! impl Hook for Example {
//!     fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
//!         let Some(keys) = &self.keys else { return Ok(Proof::NotRequired) };
//!         let token = request.header("X-Example-Token").unwrap_or_default();
//!         keys.verify_token(token.as_bytes()).map(Proof::by_key).ok_or_else(|| Refusal::new("Invalid secret"))
//!     }
//!
//!     fn requires_proof(&self) -> bool {
//!         self.keys.is_some()
//!     }
//!
//!     fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
//!         let payload = request.json()?;
//!         Ok(Outcome::Changes(vec![Change {
//!             author: payload.text("user.name")?.to_owned(),
//!             comments: payload.text("message")?.to_owned(),
//!             repository: payload.text("repository.url")?.to_owned(),
//!             revision: Some(payload.text("commit")?.to_owned()),
//!             ..Change::default()
//!         }]))
//!     }
//! }
//!
//! inventory::submit! { Dialect::new::<Options>("example", "An example of a JSON webhook.") }
//! ```
//!
//! Invariants: this crate knows no socket, file or SQL. It reads no environment and writes nothing.

#![forbid(unsafe_code)]

mod adapted;
mod api;
mod arguments;
mod change;
mod change_arguments;
mod change_list;
mod codebase;
pub mod duration;
mod forge;
mod git;
mod head;
mod hook;
mod json;
mod left_out;
pub mod options;
mod pattern;
mod plugin;
mod pollers;
mod properties;
mod pull_request;
mod python;
mod reason;
mod refusal;
pub mod registry;
mod request;
mod revlink;
mod secret;
mod signature;
mod skips;
mod time;
mod view;
mod whitelist;

pub use adapted::Adapted;
pub use api::{ApiAnswer, ApiAnswers, ApiCall};
pub use arguments::Arguments;
pub use change::{Change, person};
pub use change_arguments::ChangeArguments;
pub use change_list::{CHANGE_BYTES_PER_INPUT_BYTE, ChangeList, FREE_CHANGE_BYTES, MAX_CHANGE_BYTES};
pub use codebase::{Codebase, CodebaseFunction, Lookup};
pub use forge::{Evidence, other_forge};
pub use git::{GitRef, RefKind, changed_files, is_zero_id};
pub use head::put_head_last;
pub use hook::{Hook, Outcome, Proof, Recognised, Subject};
pub use inventory;
pub use json::{Json, MAX_JSON_VALUES};
pub use options::{BuildContext, Compat, PathStep, Problem, SecretSource};
pub use pattern::{Glob, GlobMap, Pattern};
pub use plugin::Plugin;
pub use pollers::{NoPollers, Pollers};
pub use properties::Properties;
pub use pull_request::{PullRequestEvent, PullRequestStage, pull_request_comments};
pub use reason::Reason;
pub use refusal::Refusal;
pub use registry::{Dialect, HookOptions};
pub use request::{Headers, HookRequest, Method};
pub use secret::{Secret, Secrets, no_number};
pub use signature::{Keys, SignatureHash, SignatureHeader, from_hex};
pub use skips::Skips;
pub use time::parse_date;
pub use view::View;
pub use whitelist::{MAX_EXTRACTED_PROPERTIES, MAX_FLATTENED_NAME_BYTES, PropertyWhitelist};
