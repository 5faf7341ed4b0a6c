//! Keys and what they prove. Every comparison takes the same time whatever is wrong.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The secrets of an option, read and ready: any one that holds is enough.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
struct Key {
    secret: Vec<u8>,
    sha256: Hmac<Sha256>,
    sha1: Hmac<Sha1>,
}

impl Keys {
    /// Keys of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(
            secrets
                .into_iter()
                .map(|secret| Key {
                    sha256: Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length"),
                    sha1: Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length"),
                    secret,
                })
                .collect(),
        )
    }

    /// Whether `mac` is the HMAC-SHA256 of the parts of a message, one after the other, under one of the keys.
    pub fn prove_sha256(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.any(|key| holds(key.sha256.clone(), parts, mac))
    }

    /// Whether `mac` is the HMAC-SHA1 of `message` under one of the keys.
    pub fn prove_sha1(&self, message: &[u8], mac: &[u8]) -> bool {
        self.any(|key| holds(key.sha1.clone(), &[message], mac))
    }

    /// Whether `token` is one of the secrets.
    pub fn prove_token(&self, token: &[u8]) -> bool {
        self.any(|key| key.secret.ct_eq(token))
    }

    /// The first of the secrets, for sending.
    pub fn first(&self) -> Option<&[u8]> {
        self.0.first().map(|key| &*key.secret)
    }

    fn any(&self, proof: impl Fn(&Key) -> Choice) -> bool {
        self.0.iter().fold(Choice::from(0), |any, key| any | proof(key)).into()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} of them)", self.0.len())
    }
}

fn holds<M: Mac>(mut mac: M, parts: &[&[u8]], expected: &[u8]) -> Choice {
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().ct_eq(expected)
}

/// The bytes of a hash in hex, upper or lower case; `None` where the text is not that.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proves_with_any_of_the_keys_and_nothing_else() {
        // The example of GitHub's documentation on validating webhook deliveries.
        let mac = from_hex("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17").unwrap();
        let secret = b"It's a Secret to Everybody".to_vec();
        let keys = Keys::new([b"old".to_vec(), secret]);
        assert!(keys.prove_sha256(&[b"Hello, World!"], &mac));
        assert!(keys.prove_sha256(&[b"Hello, ", b"World!"], &mac));
        assert!(!keys.prove_sha256(&[b"Hello, World"], &mac));
        assert!(!keys.prove_sha256(&[b"Hello, World!"], &mac[..31]));
        assert!(!keys.prove_sha256(&[b"Hello, World!"], b""));
        assert!(!Keys::new([b"old".to_vec()]).prove_sha256(&[b"Hello, World!"], &mac));
        assert!(!Keys::new([]).prove_token(b""));
        assert!(keys.prove_token(b"old") && !keys.prove_token(b"ol"));
    }
}
