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
    /// The header of this name is the HMAC-SHA256 of the body in hex, without anything before it.
    HexSha256(&'static str),
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
            Scheme::Sha1(header) | Scheme::Sha256(header) | Scheme::HexSha256(header) | Scheme::Token(header) => header,
            Scheme::StandardWebhooks => "webhook-signature",
        }
    }

    fn proof(self, key: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
        match self {
            Scheme::Sha1(_) => sign::sha1(key, body),
            Scheme::Sha256(_) => sign::sha256(key, body),
            Scheme::HexSha256(_) => sign::sha256(key, body).trim_start_matches("sha256=").to_owned(),
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

    /// Proofs that are not those of `key` for `body`: of another key or body, cut, changed, doubled, or anything.
    pub(crate) fn wrong_proofs(self, key: &'static str, body: Vec<u8>) -> BoxedStrategy<Vec<u8>> {
        let now = sign::seconds_from_now(0);
        let right = self.proof(key, ID, &now, &body);
        let bare = right.split_once(['=', ',']).map_or("", |(_, bare)| bare).to_owned();
        let related = vec![
            self.proof("guess", ID, &now, &body),
            self.proof(key, "other", &now, b"other"),
            format!("{right},{right}"),
            format!("{right}{bare}x"),
            format!("{right}{right}"),
            right.to_uppercase(),
            bare.clone(),
            format!("sha1={bare}"),
            format!("sha256={bare}"),
            format!("v2,{bare}"),
            String::new(),
        ];
        let (cut, changed) = (right.clone(), right.clone());
        prop_oneof![
            any::<Vec<u8>>(),
            "sha(1|256)=[0-9a-f]{0,80}|v1,[A-Za-z0-9+/]{43}=".prop_map(String::into_bytes),
            select(related).prop_map(String::into_bytes),
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
