//! Who sent a request: a signature of its body, or a token.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hookd_core::{BuildContext, HookRequest, Keys, Problem, Proof, Refusal, Secrets, from_hex};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::header::HeaderName;

/// What proves who sent a request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofOptions {
    /// The header that carries it.
    header: HeaderName,
    /// What it is.
    scheme: Scheme,
    /// The secret that the service has as well.
    secret: Secrets,
    /// What stands before it in the header, such as `sha256=` or `Bearer `.
    #[serde(default)]
    prefix: String,
}

/// What a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The HMAC-SHA256 of the body, in hex (lower case) or base64.
    HmacSha256,
    /// The HMAC-SHA1 of the body, in hex (lower case) or base64: only for services that have nothing better.
    HmacSha1,
    /// The secret itself.
    Token,
}

/// The same, with its keys.
pub(crate) struct Prover {
    header: HeaderName,
    scheme: Scheme,
    prefix: String,
    keys: Keys,
}

/// The lengths of the hashes, in bytes.
const SHA256_BYTES: usize = 32;
const SHA1_BYTES: usize = 20;

impl ProofOptions {
    pub(crate) fn build(self, context: &BuildContext<'_>) -> Result<Prover, Vec<Problem>> {
        let Self { header, scheme, secret, prefix } = self;
        match context.keys("secret", Some(&secret)) {
            Ok(Some(keys)) => Ok(Prover { header, scheme, prefix, keys }),
            Ok(None) => Err(vec![Problem::with("proof", "`secret` is missing")]),
            Err(problems) => Err(problems.into_iter().map(|problem| problem.under("proof")).collect()),
        }
    }
}

impl Prover {
    pub(crate) fn header(&self) -> HeaderName {
        self.header
    }

    /// Checks every header of the name: each must be valid.
    pub(crate) fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        let mut proof = None;
        for value in request.headers().all(self.header.0) {
            let key = value.strip_prefix(self.prefix.as_bytes()).and_then(|value| self.key_of(value, request.body()));
            proof = Some(Proof::by_key(key.ok_or_else(|| self.refusal("is not valid"))?));
        }
        proof.ok_or_else(|| self.refusal("is missing"))
    }

    fn refusal(&self, what: &str) -> Refusal {
        let proof = if self.scheme == Scheme::Token { "token" } else { "signature" };
        Refusal::new(format!("the {proof} in header `{}` {what}", self.header.0))
    }

    fn key_of(&self, value: &[u8], body: &[u8]) -> Option<u32> {
        match self.scheme {
            Scheme::Token => self.keys.verify_token(value),
            Scheme::HmacSha256 => self.keys.verify_sha256(&[body], &decoded(value, SHA256_BYTES)?),
            Scheme::HmacSha1 => self.keys.verify_sha1(body, &decoded(value, SHA1_BYTES)?),
        }
    }
}

/// A hash of so many bytes, in hex or base64: their lengths tell them apart. There is one form of each: hex in lower case.
fn decoded(value: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?;
    let hash = if text.len() == 2 * bytes {
        from_hex(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))
    } else {
        BASE64_STANDARD.decode(text).ok()
    };
    hash.filter(|hash| hash.len() == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_its_length_in_either_form() {
        let hash: Vec<u8> = (0..20).collect();
        assert_eq!(decoded(b"000102030405060708090a0b0c0d0e0f10111213", 20), Some(hash.clone()));
        assert_eq!(decoded(BASE64_STANDARD.encode(&hash).as_bytes(), 20), Some(hash));
        for wrong in [&b""[..], b"00", b"\xff", b"AAECAwQFBgcICQoLDA0ODxAREg=="] {
            assert_eq!(decoded(wrong, 20), None);
        }
    }
}
