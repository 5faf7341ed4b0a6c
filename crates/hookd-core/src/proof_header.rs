//! Proofs described: which header carries one, what it is, and what stands before it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{HookRequest, Keys, Proof, Refusal, from_hex};

/// The lengths of the hashes, in bytes.
const SHA256_BYTES: usize = 32;
const SHA1_BYTES: usize = 20;

/// What a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProofScheme {
    /// The HMAC-SHA256 of the body, in hex (lower case) or base64.
    HmacSha256,
    /// The HMAC-SHA1 of the body, in hex (lower case) or base64: only for services that have nothing better.
    HmacSha1,
    /// The secret itself.
    Token,
}

impl ProofScheme {
    /// The stronger, the greater.
    fn strength(self) -> u8 {
        match self {
            Self::Token => 0,
            Self::HmacSha1 => 1,
            Self::HmacSha256 => 2,
        }
    }

    /// What people call such a proof.
    fn noun(self) -> &'static str {
        if self == Self::Token { "token" } else { "signature" }
    }
}

/// A header that carries a proof.
///
/// ```
/// use hookd_core::ProofHeader;
///
/// const GITEA: ProofHeader = ProofHeader::hmac_sha256("X-Gitea-Signature");
/// const GITHUB: ProofHeader = ProofHeader::hmac_sha256("X-Hub-Signature-256").with_prefix("sha256=");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofHeader {
    name: &'static str,
    scheme: ProofScheme,
    prefix: &'static str,
}

impl ProofHeader {
    /// The header of this name, which carries such a proof and nothing else.
    pub const fn new(name: &'static str, scheme: ProofScheme) -> Self {
        Self { name, scheme, prefix: "" }
    }

    /// The header of this name, which carries the HMAC-SHA256 of the body, in hex (lower case) or base64.
    pub const fn hmac_sha256(name: &'static str) -> Self {
        Self::new(name, ProofScheme::HmacSha256)
    }

    /// The same with HMAC-SHA1: only for forges that have nothing better.
    pub const fn hmac_sha1(name: &'static str) -> Self {
        Self::new(name, ProofScheme::HmacSha1)
    }

    /// The header of this name, which carries the secret itself.
    pub const fn token(name: &'static str) -> Self {
        Self::new(name, ProofScheme::Token)
    }

    /// The same with this before the proof, such as `sha256=` or `Bearer `.
    #[must_use]
    pub const fn with_prefix(self, prefix: &'static str) -> Self {
        Self { name: self.name, scheme: self.scheme, prefix }
    }

    /// The name of the header.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the proof is.
    pub const fn scheme(&self) -> ProofScheme {
        self.scheme
    }

    fn key_of(&self, value: &[u8], body: &[u8], keys: &Keys) -> Option<u32> {
        let value = value.strip_prefix(self.prefix.as_bytes())?;
        match self.scheme {
            ProofScheme::Token => keys.verify_token(value),
            ProofScheme::HmacSha256 => keys.verify_sha256(&[body], &decoded(value, SHA256_BYTES)?),
            ProofScheme::HmacSha1 => keys.verify_sha1(body, &decoded(value, SHA1_BYTES)?),
        }
    }
}

impl Keys {
    /// Checks the proofs that a request carries in these headers, of which it must have one.
    ///
    /// The strongest scheme decides: where a header with HMAC-SHA256 is there, the others are not looked at. Every header
    /// of that scheme must be valid, each time that it is sent.
    ///
    /// # Errors
    /// When there is none, or one is not valid. The message names the header, and not what is in it.
    pub fn require_proof(&self, request: &HookRequest, headers: &[ProofHeader]) -> Result<Proof, Refusal> {
        let is_sent = |header: &&ProofHeader| request.headers().get(header.name).is_some();
        let strongest = headers.iter().filter(is_sent).map(|header| header.scheme.strength()).max();
        let mut proof = None;
        for header in headers.iter().filter(|header| Some(header.scheme.strength()) == strongest) {
            for value in request.headers().all(header.name) {
                let Some(key) = header.key_of(value, request.body(), self) else {
                    return Err(Refusal::new(format!("{} is not valid", named(&[*header]))));
                };
                proof = Some(Proof::by_key(key));
            }
        }
        proof.ok_or_else(|| Refusal::new(format!("{} is missing", named(headers))))
    }
}

/// `` the signature in header `A` or `B` ``
fn named(headers: &[ProofHeader]) -> String {
    let noun = headers.iter().max_by_key(|header| header.scheme.strength()).map_or("proof", |one| one.scheme.noun());
    format!("the {noun} in header {}", alternatives(headers.iter().map(|header| header.name)))
}

/// `` `A` or `B` ``
pub(crate) fn alternatives<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
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

    #[test]
    fn the_strongest_proof_decides() {
        const HEADERS: [ProofHeader; 4] = [
            ProofHeader::token("X-Token").with_prefix("Bearer "),
            ProofHeader::hmac_sha1("X-Old").with_prefix("sha1="),
            ProofHeader::hmac_sha256("X-New").with_prefix("sha256="),
            ProofHeader::hmac_sha256("X-Own"),
        ];
        // The example of GitHub's documentation on validating webhook deliveries.
        let own = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let new = format!("sha256={own}");
        let base64 = BASE64_STANDARD.encode(from_hex(own).unwrap());
        let old = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        let token = "Bearer It's a Secret to Everybody";
        let keys = Keys::new([b"old".to_vec(), b"It's a Secret to Everybody".to_vec()]);
        let valid = Ok(Proof::by_key(2));
        for (sent, expected) in [
            (&[("X-Token", token)][..], valid),
            (&[("X-Token", &token[7..])], Err("the token in header `X-Token` is not valid")),
            (&[("X-Old", old), ("X-Token", "wrong")], valid),
            (&[("X-Old", &old[5..])], Err("the signature in header `X-Old` is not valid")),
            (&[("X-New", &*new), ("X-Old", "wrong")], valid),
            (&[("X-New", ""), ("X-Old", old)], Err("the signature in header `X-New` is not valid")),
            (&[("x-new", &*new), ("X-Own", own)], valid),
            (&[("X-New", &*new), ("X-Own", "")], Err("the signature in header `X-Own` is not valid")),
            (&[("X-Own", own), ("X-Own", &own[1..])], Err("the signature in header `X-Own` is not valid")),
            (&[("X-Own", &*base64)], valid),
            (&[("X-Own", &own.to_uppercase())], Err("the signature in header `X-Own` is not valid")),
            (&[("X-Other", own)], Err("the signature in header `X-Token` or `X-Old` or `X-New` or `X-Own` is missing")),
        ] {
            let request = HookRequest::post("/").with_body("Hello, World!");
            let request = sent.iter().fold(request, |request, (name, value)| request.with_header(name, value));
            let found = keys.require_proof(&request, &HEADERS);
            assert_eq!(found.as_ref().copied().map_err(Refusal::message), expected, "{sent:?}");
        }
    }
}
