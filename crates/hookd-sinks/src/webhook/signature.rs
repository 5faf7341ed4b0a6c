//! Signatures as Standard Webhooks specifies them: HMAC-SHA256 over id, timestamp and body, in Base64, marked `v1`:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret in Base64 begins with.
const PREFIX: &str = "whsec_";

/// The shortest key that the specification allows, in bytes.
const MIN_KEY_BYTES: usize = 24;

/// Signs with each of its keys.
#[derive(Default)]
pub(crate) struct Signer {
    keys: Vec<Vec<u8>>,
}

/// The key that a secret stands for: what follows `whsec_`, decoded, or the secret itself.
///
/// # Errors
/// Where what follows is not Base64.
pub(crate) fn key(secret: &[u8]) -> Result<Vec<u8>, String> {
    let Some(encoded) = secret.strip_prefix(PREFIX.as_bytes()) else { return Ok(secret.to_vec()) };
    match STANDARD.decode(encoded) {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => Err(format!("what follows `{PREFIX}` in the secret must be Base64")),
    }
}

impl Signer {
    pub(crate) fn new(keys: Vec<Vec<u8>>) -> Self {
        Self { keys }
    }

    /// Whether a key is shorter than the specification allows.
    pub(crate) fn has_short_key(&self) -> bool {
        self.keys.iter().any(|key| key.len() < MIN_KEY_BYTES)
    }

    /// The value of `webhook-signature`: one signature for each key; none without keys.
    pub(crate) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let signatures: Vec<String> = self
            .keys
            .iter()
            .map(|key| {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(format!("{id}.{timestamp}.").as_bytes());
                mac.update(body);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            })
            .collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the reference implementations of Standard Webhooks test themselves with.
    const SECRET: &[u8] = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signs_as_the_reference_implementations_do() {
        let signer = Signer::new(vec![key(SECRET).unwrap()]);
        assert_eq!(signer.sign(ID, TIMESTAMP, BODY).as_deref(), Some(SIGNATURE));
        assert!(!signer.has_short_key());
    }

    #[test]
    fn signs_with_each_secret_during_a_rotation() {
        let signer = Signer::new(vec![key(b"a new secret, in plain text").unwrap(), key(SECRET).unwrap()]);
        let signature = signer.sign(ID, TIMESTAMP, BODY).unwrap();
        let signatures: Vec<&str> = signature.split(' ').collect();
        assert_eq!(signatures.len(), 2);
        assert!(signatures[0].starts_with("v1,") && signatures[0] != SIGNATURE);
        assert_eq!(signatures[1], SIGNATURE);
    }

    #[test]
    fn refuses_a_secret_that_is_not_base64() {
        assert!(key(b"whsec_%").is_err() && key(b"whsec_").is_err());
    }

    #[test]
    fn signs_nothing_without_a_secret() {
        assert_eq!(Signer::default().sign(ID, TIMESTAMP, BODY), None);
    }
}
