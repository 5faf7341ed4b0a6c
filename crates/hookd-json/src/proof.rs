//! The option `proof`.

use hookd_core::{BuildContext, Keys, Problem, ProofHeader, ProofScheme, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::header::{HeaderName, interned};

/// What proves who sent a request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofOptions {
    /// The header that carries it.
    header: HeaderName,
    /// What it is.
    scheme: ProofScheme,
    /// The secret that the service has as well.
    secret: Secrets,
    /// What stands before it in the header, such as `sha256=` or `Bearer `.
    #[serde(default)]
    prefix: String,
}

impl ProofOptions {
    /// The header with the proof, and the keys that verify it.
    pub(crate) fn build(self, context: &BuildContext<'_>) -> Result<(ProofHeader, Keys), Vec<Problem>> {
        let Self { header, scheme, secret, prefix } = self;
        let header = ProofHeader::new(header.0, scheme).with_prefix(interned(&prefix));
        match context.keys("secret", Some(&secret)) {
            Ok(Some(keys)) => Ok((header, keys)),
            Ok(None) => Err(vec![Problem::with("proof", "`secret` is missing")]),
            Err(problems) => Err(problems.into_iter().map(|problem| problem.under("proof")).collect()),
        }
    }
}
