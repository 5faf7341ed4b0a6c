//! Signatures as forges make them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

/// `sha1=HEX`, the HMAC-SHA1 of a body: the value of GitHub's
/// [`X-Hub-Signature`](https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers).
pub fn sha1(secret: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
    format!("sha1={}", hex::encode(hmac::<Hmac<sha1::Sha1>>(secret.as_ref(), &[body.as_ref()])))
}

/// `sha256=HEX`, the HMAC-SHA256 of a body: the value of GitHub's `X-Hub-Signature-256` and of Bitbucket's
/// [`X-Hub-Signature`](https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/).
pub fn sha256(secret: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
    format!("sha256={}", sha256_hex(secret, body))
}

/// `HEX`, the HMAC-SHA256 of a body: the value of Gitea's
/// [`X-Gitea-Signature`](https://docs.gitea.com/usage/webhooks).
pub fn sha256_hex(secret: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
    hex::encode(hmac::<Hmac<sha2::Sha256>>(secret.as_ref(), &[body.as_ref()]))
}

/// `BASE64`, the HMAC-SHA256 of a body.
pub fn sha256_base64(secret: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
    STANDARD.encode(hmac::<Hmac<sha2::Sha256>>(secret.as_ref(), &[body.as_ref()]))
}

/// `v1,BASE64`, a signature of [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks): the value
/// of `webhook-signature`. `id` and `timestamp` are the values of `webhook-id` and `webhook-timestamp`.
pub fn standard_webhook(key: impl AsRef<[u8]>, id: &str, timestamp: &str, body: impl AsRef<[u8]>) -> String {
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_ref()];
    format!("v1,{}", STANDARD.encode(hmac::<Hmac<sha2::Sha256>>(key.as_ref(), &parts)))
}

/// `whsec_BASE64`, the signing token of Standard Webhooks that contains this key.
pub fn signing_token(key: impl AsRef<[u8]>) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The time this many seconds from now, in seconds since 1970, as it is sent in `webhook-timestamp`.
///
/// # Panics
/// When the system's clock is before 1970.
pub fn seconds_from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
    now.saturating_add_signed(seconds).to_string()
}

fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_forges_document_it() {
        // The example of GitHub's page "Validating webhook deliveries".
        let (secret, body) = ("It's a Secret to Everybody", "Hello, World!");
        assert_eq!(sha256(secret, body), "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
        let bytes = hex::decode(sha256_hex(secret, body)).expect("hex");
        assert_eq!(STANDARD.encode(bytes), sha256_base64(secret, body));
        assert_eq!(sha1(secret, body), "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59");
        // The example of the specification of Standard Webhooks.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        assert_eq!(
            standard_webhook(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(signing_token(&key), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }
}
