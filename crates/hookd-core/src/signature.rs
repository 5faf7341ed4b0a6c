//! Keys, and the signatures and tokens that they verify. Every comparison takes the same time whatever is wrong.
//!
//! What verifies something says by which key, as its number in the option, from 1: the key itself is never shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::{HookRequest, Proof, Refusal};

/// The secrets of an option, read and ready. What one of them verifies is verified.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
struct Key {
    /// Its number in the option, from 1.
    number: u32,
    secret: Vec<u8>,
    sha256: Hmac<Sha256>,
    sha1: Hmac<Sha1>,
}

impl Keys {
    /// Keys of these secrets, which are numbered as they come, from 1.
    pub fn new(secrets: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::numbered((1..).zip(secrets))
    }

    /// Keys of these secrets with their numbers, from 1: for some of the secrets of an option.
    pub fn numbered(secrets: impl IntoIterator<Item = (u32, Vec<u8>)>) -> Self {
        Self(
            secrets
                .into_iter()
                .map(|(number, secret)| Key {
                    number,
                    sha256: Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length"),
                    sha1: Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length"),
                    secret,
                })
                .collect(),
        )
    }

    /// The key under which `mac` is the HMAC-SHA256 of the parts of a message, one after the other.
    pub fn verify_sha256(&self, parts: &[&[u8]], mac: &[u8]) -> Option<u32> {
        self.any(|key| is_mac(key.sha256.clone(), parts, mac))
    }

    /// The key under which one of `macs` is the HMAC-SHA256 of the parts of a message, one after the other.
    /// The message is read once for each key, however many there are to compare with.
    pub fn verify_sha256_any(&self, parts: &[&[u8]], macs: &[Vec<u8>]) -> Option<u32> {
        self.any(|key| {
            let mut mac = key.sha256.clone();
            parts.iter().for_each(|part| mac.update(part));
            let made = mac.finalize().into_bytes();
            macs.iter().fold(Choice::from(0), |any, mac| any | made.as_slice().ct_eq(mac.as_slice()))
        })
    }

    /// The key under which `mac` is the HMAC-SHA1 of `message`.
    pub fn verify_sha1(&self, message: &[u8], mac: &[u8]) -> Option<u32> {
        self.any(|key| is_mac(key.sha1.clone(), &[message], mac))
    }

    /// Checks a signature of `message` as it stands in a header such as `X-Hub-Signature`: `HASH=HEX`, in lower case.
    /// Returns the key that it was made with.
    ///
    /// # Errors
    /// When it is not of this form, names another hash than `expected`, or is not valid under any of the keys. The
    /// messages are those of Buildbot's GitHub hook, but never repeat what may be a secret in the wrong field of a form:
    /// at most the name of a hash.
    pub fn check_signature(&self, signature: &[u8], expected: SignatureHash, message: &[u8]) -> Result<u32, Refusal> {
        let text = String::from_utf8_lossy(signature);
        let Some((hash, hex)) = text.split_once('=').filter(|(_, hex)| !hex.contains('=')) else {
            return Err(wrong_format(expected));
        };
        if hash != expected.name() {
            return Err(unknown_hash(hash, expected));
        }
        let is_lower = !hex.bytes().any(|byte| byte.is_ascii_uppercase());
        let key = from_hex(hex).and_then(|mac| match expected {
            SignatureHash::Sha1 => self.verify_sha1(message, &mac),
            SignatureHash::Sha256 => self.verify_sha256(&[message], &mac),
        });
        key.filter(|_| is_lower).ok_or_else(|| Refusal::new("Hash mismatch"))
    }

    /// Checks the signatures of the body that a request carries in one of these headers, if any.
    ///
    /// The strongest hash decides: where a header of SHA-256 is there, those of SHA-1 are not looked at. A header that
    /// is sent more than once must be valid each time, and an empty one is a signature that is wrong.
    ///
    /// # Errors
    /// Those of [`Keys::check_signature`].
    pub fn verify_signature(&self, request: &HookRequest, headers: &[SignatureHeader]) -> Result<Proof, Refusal> {
        let is_sent = |header: &&SignatureHeader| request.headers().get(header.name).is_some();
        let Some(strongest) = headers.iter().filter(is_sent).map(|header| header.hash).max() else {
            return Ok(Proof::NotRequired);
        };
        let mut proof = Proof::NotRequired;
        for header in headers.iter().filter(|header| header.hash == strongest) {
            for signature in request.headers().all(header.name) {
                proof = Proof::by_key(self.check_signature(signature, header.hash, request.body())?);
            }
        }
        Ok(proof)
    }

    /// As [`Keys::verify_signature`], of a request that must be signed.
    ///
    /// # Errors
    /// Also when it has none of these headers.
    pub fn require_signature(&self, request: &HookRequest, headers: &[SignatureHeader]) -> Result<Proof, Refusal> {
        match self.verify_signature(request, headers)? {
            proof @ Proof::Verified { .. } => Ok(proof),
            Proof::NotRequired => Err(Refusal::new("Request has no required signature")),
        }
    }

    /// The key whose secret `token` is.
    pub fn verify_token(&self, token: &[u8]) -> Option<u32> {
        self.any(|key| key.secret.ct_eq(token))
    }

    /// The first of the secrets, for sending.
    pub fn first(&self) -> Option<&[u8]> {
        self.0.first().map(|key| &*key.secret)
    }

    /// The number of the first key for which this is so. All are looked at.
    fn any(&self, proof: impl Fn(&Key) -> Choice) -> Option<u32> {
        let select = |found: u32, key: &Key| u32::conditional_select(&found, &key.number, proof(key));
        // The last that is selected stays: that is the first of them.
        let found = self.0.iter().rev().fold(0, select);
        (found > 0).then_some(found)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} of them)", self.0.len())
    }
}

fn is_mac<M: Mac>(mut mac: M, parts: &[&[u8]], expected: &[u8]) -> Choice {
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().ct_eq(expected)
}

/// The names of hashes that a message may repeat.
const HASHES: [&str; 6] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

fn wrong_format(expected: SignatureHash) -> Refusal {
    Refusal::new(format!("Wrong signature format: expected `{}=` and the hash in hex", expected.name()))
}

fn unknown_hash(hash: &str, expected: SignatureHash) -> Refusal {
    let expected = expected.name();
    match HASHES.iter().find(|known| known.eq_ignore_ascii_case(hash)) {
        Some(_) => Refusal::new(format!("Unknown hash type: {hash}")),
        None => Refusal::new(format!("Unknown hash type: expected `{expected}`")),
    }
}

/// A header that carries signatures of the body, each as `HASH=HEX`.
#[derive(Clone, Copy, Debug)]
pub struct SignatureHeader {
    /// Its name.
    pub name: &'static str,
    /// The hash that its signatures must name.
    pub hash: SignatureHash,
}

/// The hash of a signature, the stronger the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    fn any_of_the_keys_verifies_and_nothing_else() {
        // The example of GitHub's documentation on validating webhook deliveries.
        let mac = from_hex("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17").unwrap();
        let secret = b"It's a Secret to Everybody".to_vec();
        let keys = Keys::new([b"old".to_vec(), secret]);
        assert_eq!(keys.verify_sha256(&[b"Hello, World!"], &mac), Some(2));
        assert_eq!(keys.verify_sha256(&[b"Hello, ", b"World!"], &mac), Some(2));
        assert_eq!(keys.verify_sha256(&[b"Hello, World"], &mac), None);
        assert_eq!(keys.verify_sha256(&[b"Hello, World!"], &mac[..31]), None);
        assert_eq!(keys.verify_sha256(&[b"Hello, World!"], b""), None);
        assert_eq!(Keys::new([b"old".to_vec()]).verify_sha256(&[b"Hello, World!"], &mac), None);
        assert_eq!(keys.verify_sha256_any(&[b"Hello, ", b"World!"], &[vec![], mac.clone()]), Some(2));
        assert_eq!(keys.verify_sha256_any(&[b"Hello, World!"], &[vec![], mac[..31].to_vec()]), None);
        assert_eq!(keys.verify_sha256_any(&[b"Hello, World!"], &[]), None);
        assert_eq!(Keys::new([]).verify_token(b""), None);
        assert_eq!((keys.verify_token(b"old"), keys.verify_token(b"ol")), (Some(1), None));
        // Of several that fit, the first; and each by its own number.
        let keys = Keys::numbered([(7, b"one".to_vec()), (9, b"two".to_vec()), (11, b"two".to_vec())]);
        assert_eq!((keys.verify_token(b"one"), keys.verify_token(b"two")), (Some(7), Some(9)));
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
            ("", Some("Wrong signature format: expected `sha256=` and the hash in hex")),
            (&good[7..], Some("Wrong signature format: expected `sha256=` and the hash in hex")),
            ("sha256=a=b", Some("Wrong signature format: expected `sha256=` and the hash in hex")),
            ("hunter2", Some("Wrong signature format: expected `sha256=` and the hash in hex")),
            ("hunter2=", Some("Unknown hash type: expected `sha256`")),
        ] {
            let checked = keys.check_signature(signature.as_bytes(), SignatureHash::Sha256, b"Hello, World!");
            assert_eq!(checked.err().as_ref().map(Refusal::message), expected, "{signature}");
        }
        assert!(keys.check_signature(doubled.as_bytes(), SignatureHash::Sha256, b"Hello, World!").is_err());
        assert!(keys.check_signature(b"\xff", SignatureHash::Sha256, b"").is_err());
        let sha1 = b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        assert!(keys.check_signature(sha1, SignatureHash::Sha1, b"Hello, World!").is_ok());
        assert!(keys.check_signature(good.as_bytes(), SignatureHash::Sha256, b"Hello, World").is_err());
    }

    #[test]
    fn the_strongest_signature_decides() {
        const HEADERS: [SignatureHeader; 2] = [
            SignatureHeader { name: "X-Old", hash: SignatureHash::Sha1 },
            SignatureHeader { name: "X-New", hash: SignatureHash::Sha256 },
        ];
        let keys = Keys::new([b"old".to_vec(), b"It's a Secret to Everybody".to_vec()]);
        let good256 = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let good1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        let (old, new) = ("X-Old", "x-new");
        let mismatch = Err("Hash mismatch");
        for (sent, expected) in [
            (&[][..], Ok(Proof::NotRequired)),
            (&[(old, good1)], Ok(Proof::by_key(2))),
            (&[(old, good1), (old, "sha1=00")], mismatch),
            (&[(new, good256)], Ok(Proof::by_key(2))),
            (&[(old, "sha1=00"), (new, good256)], Ok(Proof::by_key(2))),
            (&[(old, ""), (new, good256)], Ok(Proof::by_key(2))),
            (&[(old, good1), (new, "sha256=00")], mismatch),
            (&[(old, good1), (new, "")], Err("Wrong signature format: expected `sha256=` and the hash in hex")),
            (&[(old, good1), (new, good1)], Err("Unknown hash type: sha1")),
            (&[(new, good256), (new, good256)], Ok(Proof::by_key(2))),
            (&[(new, good256), (new, "sha256=00")], mismatch),
            (&[(new, "sha256=00"), (new, good256)], mismatch),
        ] {
            let request = HookRequest::post("/").with_body("Hello, World!");
            let request = sent.iter().fold(request, |request, (name, value)| request.with_header(name, value));
            let verified = keys.verify_signature(&request, &HEADERS);
            assert_eq!(verified.as_ref().copied().map_err(Refusal::message), expected, "{sent:?}");
            let required = keys.require_signature(&request, &HEADERS);
            assert_eq!(required.is_ok(), expected == Ok(Proof::by_key(2)), "{sent:?}");
            let foreign = Keys::new([b"old".to_vec()]).verify_signature(&request, &HEADERS);
            assert_eq!(foreign.is_ok(), sent.is_empty(), "{sent:?}");
        }
    }
}
