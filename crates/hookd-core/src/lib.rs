//! The core of hookd: what a dialect is made of.
//!
//! A dialect turns a [`HookRequest`] into [`Change`]s. For a forge that sends JSON it is its options, a description of the
//! webhook, and what a payload becomes ([`JsonWebhook`]). This is all of one:
//!
//! ```
//! use hookd_core::{Change, Dialect, Event, JsonWebhook, Outcome, ProofHeader, Refusal, Webhook};
//!
//! /// Options of the dialect `example`.
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Example {
//!     /// The category of the changes. None without this option.
//!     category: Option<String>,
//! }
//!
//! impl JsonWebhook for Example {
//!     const WEBHOOK: Webhook = Webhook::new().proofs(&[ProofHeader::token("X-Example-Token")]);
//!
//!     fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
//!         let push = event.payload;
//!         let change = Change {
//!             author: push.text("user.name")?.to_owned(),
//!             category: self.category.clone(),
//!             comments: push.text("message")?.to_owned(),
//!             revision: Some(push.text("commit")?.to_owned()),
//!             ..event.change(push.text("repository.url")?)?
//!         };
//!         Ok(Outcome::Changes(vec![change]))
//!     }
//! }
//!
//! hookd_core::register! { Dialect::json_webhook::<Example>("example", "An example of a JSON webhook.") }
//! ```
//!
//! The options `secret`, `codebase` and `skips` come with it. Any other webhook is a [`Hook`]: a struct of options that
//! implements [`HookOptions`] makes it, and [`Dialect::new`] registers that.
//!
//! Invariants: this crate knows no socket, file or SQL. It reads no environment and writes nothing.

#![forbid(unsafe_code)]

mod adapted;
mod api;
mod arguments;
pub mod braces;
mod change;
mod change_arguments;
mod change_fields;
mod change_list;
mod codebase;
pub mod duration;
mod forge;
mod git;
mod head;
mod hook;
mod json;
mod json_webhook;
mod kept_headers;
mod left_out;
pub mod options;
mod pattern;
mod plugin;
mod pollers;
mod proof_header;
mod properties;
mod pull_request;
mod python;
mod reason;
mod refusal;
pub mod registry;
mod request;
mod revlink;
mod secret;
mod setup;
mod signature;
mod skips;
mod time;
mod view;
mod whitelist;

pub use adapted::Adapted;
pub use api::{ApiAnswer, ApiAnswers, ApiCall, MAX_API_CALLS};
pub use arguments::Arguments;
pub use change::{Change, person};
pub use change_arguments::ChangeArguments;
pub use change_fields::FieldValue;
pub use change_list::{CHANGE_BYTES_PER_INPUT_BYTE, ChangeList, FREE_CHANGE_BYTES, MAX_CHANGE_BYTES};
pub use codebase::{Codebase, CodebaseFunction, Lookup};
pub use forge::{Evidence, other_forge};
pub use git::{GitRef, RefKind, changed_files, is_zero_id};
pub use head::put_head_last;
pub use hook::{Hook, Outcome, Proof, Recognised, Subject};
pub use json::{Json, MAX_JSON_VALUES};
pub use json_webhook::{Event, JsonWebhook, Webhook};
pub use kept_headers::{KeptHeaders, carries_secret};
pub use options::{BuildContext, Compat, PathStep, Problem, SecretSource};
pub use pattern::{Glob, GlobMap, Pattern};
pub use plugin::Plugin;
pub use pollers::{NoPollers, Pollers};
pub use proof_header::{ProofHeader, ProofScheme};
pub use properties::Properties;
pub use pull_request::{PullRequestEvent, PullRequestStage, pull_request_comments};
pub use reason::Reason;
pub use refusal::Refusal;
pub use registry::{Dialect, HookOptions};
pub use request::{Headers, HookRequest, Method};
pub use secret::{Secret, Secrets, no_number};
pub use setup::Setup;
pub use signature::{Keys, SignatureHash, SignatureHeader, from_hex};
pub use skips::Skips;
pub use time::parse_date;
pub use view::View;
pub use whitelist::{MAX_EXTRACTED_PROPERTIES, MAX_FLATTENED_NAME_BYTES, PropertyWhitelist};
#[doc(no_inline)]
pub use {bytes, inventory, schemars, serde, serde_json};
