//! How a request proves who sent it, and how a proof can be wrong.

use hookd_core::HookRequest;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::sign;

/// The values of `webhook-id` that requests are signed with.
const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

/// How requests prove who sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The header of this name is `sha1=HEX`, the HMAC-SHA1 of the body.
    Sha1(&'static str),
    /// The header of this name is `sha256=HEX`, the HMAC-SHA256 of the body.
    Sha256(&'static str),
    /// The header of this name is the HMAC-SHA256 of the body in hex, with nothing before it.
    HexSha256(&'static str),
    /// The header of this name is the HMAC-SHA256 of the body in base64, with nothing before it.
    Base64Sha256(&'static str),
    /// The header of this name is the secret itself.
    Token(&'static str),
    /// The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks; the secret is a
    /// signing token (`whsec_…`).
    StandardWebhooks,
}

impl Scheme {
    /// The request with the proof that a forge that was configured with `key` adds to it.
    #[must_use]
    pub fn sign(self, key: &str, request: HookRequest) -> HookRequest {
        let timestamp = sign::seconds_from_now(0);
        let proof = self.proof(key, ID, &timestamp, request.body());
        self.attach_at(request, &timestamp, &proof)
    }

    /// The secret, as an option, that makes a dialect verify what is signed with `key`.
    pub fn secret(self, key: &str) -> String {
        if self == Scheme::StandardWebhooks { sign::signing_token(key) } else { key.to_owned() }
    }

    /// The header with the proof.
    pub fn header(self) -> &'static str {
        match self {
            Scheme::Sha1(header)
            | Scheme::Sha256(header)
            | Scheme::HexSha256(header)
            | Scheme::Base64Sha256(header)
            | Scheme::Token(header) => header,
            Scheme::StandardWebhooks => "webhook-signature",
        }
    }

    fn proof(self, key: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
        match self {
            Scheme::Sha1(_) => sign::sha1(key, body),
            Scheme::Sha256(_) => sign::sha256(key, body),
            Scheme::HexSha256(_) => sign::sha256_hex(key, body),
            Scheme::Base64Sha256(_) => sign::sha256_base64(key, body),
            Scheme::Token(_) => key.to_owned(),
            Scheme::StandardWebhooks => sign::standard_webhook(key, id, timestamp, body),
        }
    }

    /// The request with this as its proof.
    pub(crate) fn attach(self, request: HookRequest, proof: impl AsRef<[u8]>) -> HookRequest {
        self.attach_at(request, &sign::seconds_from_now(0), proof)
    }

    /// The same, sent at this time, which its proof may be made with.
    fn attach_at(self, request: HookRequest, timestamp: &str, proof: impl AsRef<[u8]>) -> HookRequest {
        let request = match self {
            Scheme::StandardWebhooks if request.headers().get("webhook-timestamp").is_none() => {
                request.with_header("webhook-id", ID).with_header("webhook-timestamp", timestamp)
            }
            _ => request,
        };
        request.with_header(self.header(), proof)
    }

    /// Proofs that are not that of `key` for `body`, but like it: of another key or body, empty, short, long, doubled, or of
    /// another scheme.
    pub(crate) fn wrong_forms(self, key: &str, body: &[u8]) -> Vec<String> {
        let now = sign::seconds_from_now(0);
        let right = self.proof(key, ID, &now, body);
        let bare = match self {
            Scheme::Sha1(_) | Scheme::Sha256(_) | Scheme::StandardWebhooks => right.split_once(['=', ',']),
            Scheme::HexSha256(_) | Scheme::Base64Sha256(_) | Scheme::Token(_) => None,
        };
        let bare = bare.map_or(&*right, |(_, bare)| bare);
        let mut forms = vec![
            String::new(),
            self.proof("guess", ID, &now, body),
            self.proof("", ID, &now, body),
            self.proof(key, "other", &now, b"other"),
            right[..1].to_owned(),
            right[..right.len() / 2].to_owned(),
            right[..right.len() - 1].to_owned(),
            right.strip_suffix(bare).unwrap_or_default().to_owned(),
            format!("{right}x"),
            format!("{right},{right}"),
            format!("{right}{bare}x"),
            format!("{right}{right}"),
            right.to_uppercase(),
            bare.to_owned(),
            format!("sha1={bare}"),
            format!("sha256={bare}"),
            format!("v2,{bare}"),
        ];
        forms.retain(|form| !self.is_same(form.as_bytes(), &right));
        forms
    }

    /// The same, and those that are cut or changed anywhere, and anything else.
    pub(crate) fn wrong_proofs(self, key: &'static str, body: Vec<u8>) -> BoxedStrategy<Vec<u8>> {
        let right = self.proof(key, ID, &sign::seconds_from_now(0), &body);
        let (cut, changed) = (right.clone(), right.clone());
        prop_oneof![
            any::<Vec<u8>>(),
            "sha(1|256)=[0-9a-f]{0,80}|v1,[A-Za-z0-9+/]{43}=".prop_map(String::into_bytes),
            select(self.wrong_forms(key, &body)).prop_map(String::into_bytes),
            any::<Index>().prop_map(move |at| cut.as_bytes()[..at.index(cut.len())].to_vec()),
            (any::<Index>(), any::<u8>()).prop_map(move |(at, byte)| {
                let mut bytes = changed.clone().into_bytes();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                bytes
            }),
        ]
        .prop_filter("is right", move |proof| !self.is_same(proof, &right))
        .boxed()
    }

    /// Whether two proofs say the same. Those of Standard Webhooks are lists with spaces between, and base64 may lack
    /// its padding.
    fn is_same(self, proof: &[u8], right: &str) -> bool {
        if self != Scheme::StandardWebhooks {
            return proof == right.as_bytes();
        }
        let right = right.trim_end_matches('=');
        String::from_utf8_lossy(proof).split_ascii_whitespace().any(|one| one.trim_end_matches('=') == right)
    }
}
