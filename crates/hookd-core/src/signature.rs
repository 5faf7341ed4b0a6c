//! Keys and what they prove. Every comparison takes the same time whatever is wrong.

use std::cell::LazyCell;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::Refusal;

/// How many bytes two hashes are made of in turn. With so few the processor works at both at a time, which takes three
/// quarters of the time of one after the other.
const PIECE: usize = 128;

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
    pub fn verify_sha256(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.any(|key| holds(key.sha256.clone(), parts, mac))
    }

    /// Whether one of `macs` is the HMAC-SHA256 of the parts of a message, one after the other, under one of the keys.
    /// The message is read once for each key, however many there are to compare with.
    pub fn verify_sha256_any(&self, parts: &[&[u8]], macs: &[Vec<u8>]) -> bool {
        self.any(|key| {
            let mut mac = key.sha256.clone();
            parts.iter().for_each(|part| mac.update(part));
            let made = mac.finalize().into_bytes();
            macs.iter().fold(Choice::from(0), |any, mac| any | made.as_slice().ct_eq(mac.as_slice()))
        })
    }

    /// Whether `mac` is the HMAC-SHA1 of `message` under one of the keys.
    pub fn verify_sha1(&self, message: &[u8], mac: &[u8]) -> bool {
        self.any(|key| holds(key.sha1.clone(), &[message], mac))
    }

    /// Checks a signature of `message` as it stands in a header such as `X-Hub-Signature`: `HASH=HEX`, in lower case.
    ///
    /// # Errors
    /// When it is not of this form, names another hash than `expected`, or does not hold under any of the keys. The
    /// messages are those of Buildbot's GitHub hook.
    pub fn check_signature(&self, signature: &[u8], expected: SignatureHash, message: &[u8]) -> Result<(), Refusal> {
        self.check_signatures(&[(signature, expected)], message)
    }

    /// Checks signatures as [`Keys::check_signature`] does, each with the hash that it must name; all have to hold.
    ///
    /// # Errors
    /// That of the first that is wrong.
    pub fn check_signatures(&self, signatures: &[(&[u8], SignatureHash)], message: &[u8]) -> Result<(), Refusal> {
        let has = |hash| signatures.iter().any(|(_, expected)| *expected == hash);
        let both = LazyCell::new(|| self.both(message));
        for (signature, expected) in signatures {
            let text = String::from_utf8_lossy(signature);
            let Some((hash, hex)) = text.split_once('=').filter(|(_, hex)| !hex.contains('=')) else {
                return Err(Refusal::new(format!("Wrong signature format: {text}")));
            };
            if hash != expected.name() {
                return Err(Refusal::new(format!("Unknown hash type: {hash}")));
            }
            let is_lower = !hex.bytes().any(|byte| byte.is_ascii_uppercase());
            let holds = from_hex(hex).is_some_and(|mac| match expected {
                SignatureHash::Sha1 if has(SignatureHash::Sha256) => is_any(both.iter().map(|(sha1, _)| sha1), &mac),
                SignatureHash::Sha256 if has(SignatureHash::Sha1) => {
                    is_any(both.iter().map(|(_, sha256)| sha256), &mac)
                }
                SignatureHash::Sha1 => self.verify_sha1(message, &mac),
                SignatureHash::Sha256 => self.verify_sha256(&[message], &mac),
            });
            if !holds || !is_lower {
                return Err(Refusal::new("Hash mismatch"));
            }
        }
        Ok(())
    }

    /// The HMAC-SHA1 and the HMAC-SHA256 of a message under each of the keys.
    fn both(&self, message: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let of = |key: &Key| {
            let (mut sha1, mut sha256) = (key.sha1.clone(), key.sha256.clone());
            for piece in message.chunks(PIECE) {
                sha1.update(piece);
                sha256.update(piece);
            }
            (sha1.finalize().into_bytes().to_vec(), sha256.finalize().into_bytes().to_vec())
        };
        self.0.iter().map(of).collect()
    }

    /// Whether `token` is one of the secrets.
    pub fn verify_token(&self, token: &[u8]) -> bool {
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

/// Whether a MAC is one of those that were made.
fn is_any<'m>(made: impl Iterator<Item = &'m Vec<u8>>, mac: &[u8]) -> bool {
    made.fold(Choice::from(0), |any, made| any | made.as_slice().ct_eq(mac)).into()
}

fn holds<M: Mac>(mut mac: M, parts: &[&[u8]], expected: &[u8]) -> Choice {
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().ct_eq(expected)
}

/// The hash of a signature, which its header names before the `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureHash {
    /// `sha1`
    Sha1,
    /// `sha256`
    Sha256,
}

impl SignatureHash {
    /// The name that stands before the `=`.
    pub fn name(self) -> &'static str {
        match self {
            SignatureHash::Sha1 => "sha1",
            SignatureHash::Sha256 => "sha256",
        }
    }
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
        assert!(keys.verify_sha256(&[b"Hello, World!"], &mac));
        assert!(keys.verify_sha256(&[b"Hello, ", b"World!"], &mac));
        assert!(!keys.verify_sha256(&[b"Hello, World"], &mac));
        assert!(!keys.verify_sha256(&[b"Hello, World!"], &mac[..31]));
        assert!(!keys.verify_sha256(&[b"Hello, World!"], b""));
        assert!(!Keys::new([b"old".to_vec()]).verify_sha256(&[b"Hello, World!"], &mac));
        assert!(keys.verify_sha256_any(&[b"Hello, ", b"World!"], &[vec![], mac.clone()]));
        assert!(!keys.verify_sha256_any(&[b"Hello, World!"], &[vec![], mac[..31].to_vec()]));
        assert!(!keys.verify_sha256_any(&[b"Hello, World!"], &[]));
        assert!(!Keys::new([]).verify_token(b""));
        assert!(keys.verify_token(b"old") && !keys.verify_token(b"ol"));
    }

    #[test]
    fn both_hashes_in_turn_are_those_of_one_after_the_other() {
        let keys = Keys::new([b"secret".to_vec(), b"old".to_vec()]);
        let text: Vec<u8> = (0..600_u16).map(|byte| byte.to_le_bytes()[0]).collect();
        for message in (0..text.len()).map(|length| &text[..length]) {
            for ((sha1, sha256), key) in keys.both(message).iter().zip(&keys.0) {
                assert!(bool::from(holds(key.sha1.clone(), &[message], sha1)), "{}", message.len());
                assert!(bool::from(holds(key.sha256.clone(), &[message], sha256)), "{}", message.len());
            }
        }
    }

    #[test]
    fn checks_a_signature_of_the_expected_hash() {
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let upper = format!("sha256={}", good[7..].to_uppercase());
        let doubled = format!("{good},{good}");
        let keys = Keys::new([b"old".to_vec(), b"It's a Secret to Everybody".to_vec()]);
        for (signature, expected) in [
            (good, None),
            (&*upper, Some("Hash mismatch")),
            (&good[..20], Some("Hash mismatch")),
            ("sha256=", Some("Hash mismatch")),
            ("sha256=é", Some("Hash mismatch")),
            ("sha1=00", Some("Unknown hash type: sha1")),
            ("SHA256=00", Some("Unknown hash type: SHA256")),
            ("", Some("Wrong signature format: ")),
            (
                &good[7..],
                Some("Wrong signature format: 757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            ),
            ("sha256=a=b", Some("Wrong signature format: sha256=a=b")),
        ] {
            let checked = keys.check_signature(signature.as_bytes(), SignatureHash::Sha256, b"Hello, World!");
            assert_eq!(checked.err().as_ref().map(Refusal::message), expected, "{signature}");
        }
        let (sha1, sha256) = (SignatureHash::Sha1, SignatureHash::Sha256);
        let old = b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        for (signatures, expected) in [
            (&[(good.as_bytes(), sha256), (&old[..], sha1)][..], None),
            (&[(&old[..], sha1), (good.as_bytes(), sha256), (good.as_bytes(), sha256)], None),
            (&[], None),
            (&[(good.as_bytes(), sha256), (&old[..20], sha1)], Some("Hash mismatch")),
            (&[(&good.as_bytes()[..20], sha256), (&old[..], sha1)], Some("Hash mismatch")),
            (&[(good.as_bytes(), sha256), (&old[..], sha1), (upper.as_bytes(), sha256)], Some("Hash mismatch")),
            (&[(good.as_bytes(), sha256), (good.as_bytes(), sha1)], Some("Unknown hash type: sha256")),
            (&[(good.as_bytes(), sha256), (b"", sha1)], Some("Wrong signature format: ")),
        ] {
            let checked = keys.check_signatures(signatures, b"Hello, World!");
            assert_eq!(checked.err().as_ref().map(Refusal::message), expected, "{signatures:?}");
            let foreign = Keys::new([b"old".to_vec()]).check_signatures(signatures, b"Hello, World!");
            assert_eq!(foreign.is_err(), !signatures.is_empty());
        }
        assert!(keys.check_signature(doubled.as_bytes(), SignatureHash::Sha256, b"Hello, World!").is_err());
        assert!(keys.check_signature(b"\xff", SignatureHash::Sha256, b"").is_err());
        let sha1 = b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        assert!(keys.check_signature(sha1, SignatureHash::Sha1, b"Hello, World!").is_ok());
        assert!(keys.check_signature(good.as_bytes(), SignatureHash::Sha256, b"Hello, World").is_err());
    }
}
