//! What verifies that a request comes from GitLab: a secret token as it is, or a signature made with a signing token.
//!
//! Signatures are those of [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks): HMAC-SHA256 of
//! `webhook-id`, `webhook-timestamp` and the body, joined with dots.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hookd_core::{BuildContext, HookRequest, Keys, Problem, Proof, Refusal, Secrets};

const TOKEN: &str = "X-Gitlab-Token";
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// What a secret starts with that is a signing token.
const SIGNING_PREFIX: &[u8] = b"whsec_";

/// How far, in seconds, the timestamp of a signed request may be from now.
const MAX_SKEW_SECONDS: u64 = 5 * 60;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The secrets of the option, by what they verify.
#[derive(Debug)]
pub(crate) struct Credentials {
    tokens: Option<Keys>,
    signing: Option<Keys>,
}

impl Credentials {
    /// Reads the secrets of `option`.
    ///
    /// # Errors
    /// One problem for each that could not be read, is empty, or starts like a signing token and is none.
    pub(crate) fn read(option: &str, secrets: &Secrets, context: &BuildContext<'_>) -> Result<Self, Vec<Problem>> {
        let (mut tokens, mut signing, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (number, secret) in (1..).zip(&secrets.0) {
            let read = context.secret(secret).and_then(|secret| match secret.strip_prefix(SIGNING_PREFIX) {
                Some(encoded) => signing_key(encoded).map(|key| (&mut signing, key)),
                None => Ok((&mut tokens, secret)),
            });
            match read {
                Ok((keys, key)) => keys.push((number, key)),
                Err(message) => problems.push(Problem::with(option, message)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let keys = |secrets: Vec<(u32, Vec<u8>)>| (!secrets.is_empty()).then(|| Keys::numbered(secrets));
        Ok(Self { tokens: keys(tokens), signing: keys(signing) })
    }

    /// Whether requests may be signed.
    pub(crate) fn has_signing(&self) -> bool {
        self.signing.is_some()
    }

    /// Checks all that the request carries of the kinds that are configured, of which there must be something.
    pub(crate) fn verify(&self, request: &HookRequest, now: SystemTime) -> Result<Proof, Refusal> {
        let mut verified_by = None;
        if let Some(keys) = &self.tokens {
            for token in request.headers().all(TOKEN) {
                verified_by = Some(keys.verify_token(token).ok_or_else(invalid)?);
            }
        }
        if let Some(keys) = &self.signing
            && request.headers().get(SIGNATURE).is_some()
        {
            verified_by = Some(verify_signature(keys, request, now)?);
        }
        verified_by.map(Proof::by_key).ok_or_else(invalid)
    }
}

/// The key that a request is signed with.
fn verify_signature(keys: &Keys, request: &HookRequest, now: SystemTime) -> Result<u32, Refusal> {
    let (id, timestamp, signatures) = (only(request, ID)?, only(request, TIMESTAMP)?, only(request, SIGNATURE)?);
    // With a dot in the id, what is signed could be divided in another way.
    if id.contains(&b'.') {
        return Err(invalid());
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let is_fresh = seconds(timestamp).is_some_and(|sent| sent.abs_diff(now) <= MAX_SKEW_SECONDS);
    if !is_fresh {
        // This reveals nothing about the keys, and an operator whose clock is wrong would never find out.
        return Err(Refusal::new(format!("`{TIMESTAMP}` is not within five minutes of now")));
    }
    let macs: Vec<Vec<u8>> = signatures
        .split(u8::is_ascii_whitespace)
        .filter_map(|signature| signature.strip_prefix(b"v1,"))
        .filter_map(|encoded| BASE64.decode(encoded).ok())
        .collect();
    keys.verify_sha256_any(&[id, b".", timestamp, b".", request.body()], &macs).ok_or_else(invalid)
}

/// The value of a header that must be there once.
fn only<'r>(request: &'r HookRequest, name: &'r str) -> Result<&'r [u8], Refusal> {
    let mut values = request.headers().all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Refusal::new(format!("header `{name}` is missing"))),
        (Some(_), Some(_)) => Err(invalid()),
    }
}

/// Seconds since 1970: digits and nothing else.
fn seconds(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The key in a signing token, which is never shown.
fn signing_key(encoded: &[u8]) -> Result<Vec<u8>, String> {
    match BASE64.decode(encoded) {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => Err("a secret that starts with `whsec_` is a signing token, but what follows in this one is not base64"
            .to_owned()),
    }
}

/// Buildbot's words.
fn invalid() -> Refusal {
    Refusal::new("Invalid secret")
}
