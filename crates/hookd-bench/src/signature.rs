//! The signature check that every server of the comparison makes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A key for `X-Hub-Signature-256`.
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The key made of a secret.
    pub fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC accepts keys of any length"))
    }

    /// Whether the header `X-Hub-Signature-256` of a request is a valid signature of its body.
    pub fn verifies(&self, header: Option<&str>, body: &[u8]) -> bool {
        let Some(signature) = header.and_then(|value| value.strip_prefix("sha256=")) else { return false };
        let Ok(signature) = hex::decode(signature) else { return false };
        let mut mac = self.0.clone();
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    }
}
