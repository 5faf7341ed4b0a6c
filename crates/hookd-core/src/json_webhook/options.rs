//! The options that every described dialect has.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Webhook;
use crate::options::Problem;
use crate::proof_header::alternatives;
use crate::{Codebase, ProofScheme, Secrets, Skips};

/// The options that come with a description.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct EveryOptions {
    /// The secret that is set for the webhook at the forge, or a list of which any one is enough.
    pub(super) secret: Option<Secrets>,

    /// The codebase of the changes: a name; `{ map = { "PATTERN" = "NAME" }, default = "NAME" }`, which looks up the
    /// `repository` of the change; `{ path = "KEY.KEY" }`, which takes a value of the payload, or looks it up with `map`
    /// and `default` as well; or `{ function = "NAME" }` for a function of this build that is asked with the payload.
    /// Patterns are `fnmatch`, and the longest that matches counts. `?codebase=` in the URL goes before it.
    codebase: Option<Codebase>,

    /// Regular expressions: there is no change when one of them is found in the message of the head commit. `[]` turns that
    /// off.
    skips: Option<Skips>,
}

impl EveryOptions {
    /// The schemas of those that a webhook of this description has.
    pub(super) fn properties(webhook: &Webhook, generator: &mut SchemaGenerator) -> Map<String, Value> {
        let mut schema = Self::json_schema(generator);
        let properties = schema.ensure_object().remove("properties");
        let Some(Value::Object(mut properties)) = properties else { return Map::new() };
        match about_proofs(webhook) {
            None => drop(properties.remove("secret")),
            Some(how) => {
                let description = properties.get_mut("secret").and_then(|secret| secret.get_mut("description"));
                if let Some(Value::String(description)) = description {
                    description.push_str(&how);
                }
            }
        }
        if let Some(Value::Object(skips)) = properties.get_mut("skips") {
            skips.insert("default".to_owned(), webhook.skips.into());
        }
        properties
    }

    /// What an event needs of them, with the defaults of the description.
    ///
    /// # Errors
    /// When a pattern of the description cannot be read.
    pub(super) fn settings(self, webhook: &Webhook) -> Result<Settings, Vec<Problem>> {
        let skips = match self.skips {
            Some(skips) => skips,
            None => Skips::new(webhook.skips).map_err(|message| vec![Problem::with("skips", message)])?,
        };
        Ok(Settings { codebase: self.codebase, skips })
    }
}

/// What an event needs of the options.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) codebase: Option<Codebase>,
    pub(super) skips: Skips,
}

/// How a secret is used; `None` where there is no proof.
fn about_proofs(webhook: &Webhook) -> Option<String> {
    let headers = |is_token: bool| {
        let proofs = webhook.proofs.iter().filter(move |proof| (proof.scheme() == ProofScheme::Token) == is_token);
        alternatives(proofs.map(|proof| proof.name()))
    };
    let (tokens, signatures) = (headers(true), headers(false));
    Some(match (tokens.is_empty(), signatures.is_empty()) {
        (true, true) => return None,
        (true, false) => format!(" Each request must then be signed with it, in the header {signatures}."),
        (false, true) => format!(" Each request must then carry it, in the header {tokens}."),
        (false, false) => format!(
            " Each request must then be signed with it, in the header {signatures}, or carry it, in the header {tokens}."
        ),
    })
}
