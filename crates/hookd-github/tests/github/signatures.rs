//! Who is believed.

use hookd_core::Compat::Off;
use hookd_core::{HookRequest, Proof};
use proptest::prelude::*;
use serde_json::json;

use crate::kit::{MODES, SECRET, fixture, hook, request, sha1, sha256};

const OLD: &str = "sha1";
const NEW: &str = "sha256";

fn signed(headers: &[(&str, &str)]) -> HookRequest {
    headers.iter().fold(request("push", &fixture("push")), |request, (hash, value)| {
        let name = if *hash == OLD { "X-Hub-Signature" } else { "x-hub-signature-256" };
        request.with_header(name, *value)
    })
}

#[test]
fn signatures_hold_or_are_refused() {
    let body = fixture("push").to_string();
    let (good1, good256) = (sha1(SECRET, body.as_bytes()), sha256(SECRET, body.as_bytes()));
    let (bad1, bad256) = (sha1("guess", body.as_bytes()), sha256("guess", body.as_bytes()));
    let (upper1, upper256) = (good1[5..].to_uppercase(), good256[7..].to_uppercase());
    let (upper1, upper256) = (format!("sha1={upper1}"), format!("sha256={upper256}"));
    let required = "Request has no required signature";
    for (headers, expected) in [
        (vec![], Ok(Proof::NotRequired)),
        (vec![(OLD, &*good1)], Ok(Proof::Verified)),
        (vec![(NEW, &good256)], Ok(Proof::Verified)),
        (vec![(OLD, &good1), (NEW, &good256)], Ok(Proof::Verified)),
        (vec![(OLD, &good1), (OLD, &good1)], Ok(Proof::Verified)),
        (vec![(OLD, &bad1)], Err("Hash mismatch")),
        (vec![(NEW, &bad256)], Err("Hash mismatch")),
        (vec![(OLD, &good1), (NEW, &bad256)], Err("Hash mismatch")),
        (vec![(OLD, &bad1), (NEW, &good256)], Ok(Proof::Verified)),
        (vec![(OLD, ""), (NEW, &good256)], Ok(Proof::Verified)),
        (vec![(OLD, "s"), (NEW, &good256)], Ok(Proof::Verified)),
        (vec![(OLD, &good1), (NEW, &good1)], Err("Unknown hash type: sha1")),
        (vec![(NEW, &good256), (NEW, &bad256)], Err("Hash mismatch")),
        (vec![(NEW, &bad256), (NEW, &good256)], Err("Hash mismatch")),
        (vec![(OLD, &bad1), (OLD, &good1)], Err("Hash mismatch")),
        (vec![(OLD, &good1), (OLD, &bad1)], Err("Hash mismatch")),
        (vec![(OLD, &upper1)], Err("Hash mismatch")),
        (vec![(NEW, &upper256)], Err("Hash mismatch")),
        (vec![(OLD, &good1[..20])], Err("Hash mismatch")),
        (vec![(OLD, "sha1=")], Err("Hash mismatch")),
        (vec![(OLD, "sha1=é")], Err("Hash mismatch")),
        (vec![(OLD, "")], Err("Wrong signature format: ")),
        (vec![(NEW, "")], Err("Wrong signature format: ")),
        (vec![(OLD, &good1), (NEW, "")], Err("Wrong signature format: ")),
        (vec![(OLD, "s")], Err("Wrong signature format: s")),
        (vec![(OLD, "sha1=a=b")], Err("Wrong signature format: sha1=a=b")),
        (vec![(OLD, &good256)], Err("Unknown hash type: sha256")),
        (vec![(NEW, &good1)], Err("Unknown hash type: sha1")),
        (vec![(OLD, "SHA1=aa")], Err("Unknown hash type: SHA1")),
        (vec![(OLD, "=")], Err("Unknown hash type: ")),
    ] {
        for mode in MODES {
            for strict in [false, true] {
                let expected = if strict && headers.is_empty() { Err(required) } else { expected };
                for secret in [json!(SECRET), json!(["new", SECRET])] {
                    let hook = hook(mode, json!({"secret": secret, "strict": strict}));
                    let proof = hook.verify(&signed(&headers)).map_err(|refusal| refusal.message().to_owned());
                    assert_eq!(proof, expected.map_err(str::to_owned), "{headers:?}, {mode:?}, strict {strict}");
                }
                assert_eq!(hook(mode, json!({})).verify(&signed(&headers)), Ok(Proof::NotRequired));
            }
        }
    }
}

/// Signatures that do not hold for `body`, and their relatives.
fn wrong(body: Vec<u8>) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let good = [sha1(SECRET, &body), sha256(SECRET, &body)];
    let foreign = [sha1("guess", &body), sha256("guess", &body)];
    let other = [sha1(SECRET, b"other"), sha256(SECRET, b"other")];
    let goods = good.clone();
    let wrong = prop_oneof![
        any::<Vec<u8>>(),
        "sha(1|256)=[0-9a-f]{0,80}".prop_map(String::into_bytes),
        proptest::sample::select(foreign.to_vec()).prop_map(String::into_bytes),
        proptest::sample::select(other.to_vec()).prop_map(String::into_bytes),
        (proptest::sample::select(good.to_vec()), any::<proptest::sample::Index>(), any::<u8>()).prop_map(
            |(good, at, byte)| {
                let mut bytes = good.into_bytes();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                bytes
            }
        ),
        (proptest::sample::select(good.to_vec()), any::<proptest::sample::Index>())
            .prop_map(|(good, at)| good.as_bytes()[..at.index(good.len())].to_vec()),
        proptest::sample::select(good.to_vec()).prop_map(|good| format!("{good},{good}").into_bytes()),
        proptest::sample::select(good.to_vec()).prop_map(|good| format!("{good}{}", &good[5..]).into_bytes()),
    ];
    let wrong = wrong.prop_filter("is right", move |bytes| goods.iter().all(|good| good.as_bytes() != bytes));
    let header = proptest::sample::select(vec!["X-Hub-Signature", "X-Hub-Signature-256"]);
    let goods = proptest::collection::vec(
        proptest::sample::select(vec![
            ("X-Hub-Signature", good[0].clone().into_bytes()),
            ("X-Hub-Signature-256", good[1].clone().into_bytes()),
        ]),
        0..3,
    );
    (header, wrong, goods, any::<proptest::sample::Index>()).prop_map(|(header, wrong, mut headers, at)| {
        // A right SHA-256 would decide over a wrong SHA-1.
        if header == "X-Hub-Signature" {
            headers.retain(|(name, _)| *name == header);
        }
        headers.insert(at.index(headers.len() + 1), (header, wrong));
        headers
    })
}

proptest! {
    #[test]
    fn what_is_wrongly_signed_is_never_verified(
        (body, headers) in any::<Vec<u8>>().prop_flat_map(|body| (Just(body.clone()), wrong(body))),
        compat in proptest::sample::select(MODES.to_vec()),
        strict: bool,
    ) {
        let hook = hook(compat, json!({"secret": ["rotated", SECRET], "strict": strict}));
        let request = headers.into_iter().fold(HookRequest::post("/").with_body(body), |request, (name, value)| {
            request.with_header(name, value)
        });
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn strict_takes_nothing_unsigned(body: Vec<u8>, name in "[A-Za-z-]{1,20}", value: Vec<u8>) {
        let hook = hook(Off, json!({"secret": SECRET, "strict": true}));
        let request = HookRequest::post("/").with_header(&name, value).with_body(body);
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn beside_a_valid_sha256_nothing_else_counts(body: Vec<u8>, old: Vec<u8>, comes_first: bool, strict: bool) {
        let signature = sha256(SECRET, &body).into_bytes();
        let mut headers = [("X-Hub-Signature-256", signature), ("X-Hub-Signature", old)];
        if comes_first {
            headers.reverse();
        }
        for mode in MODES {
            let hook = hook(mode, json!({"secret": ["rotated", SECRET], "strict": strict}));
            let request = HookRequest::post("/").with_body(body.clone());
            let request = headers.iter().fold(request, |request, (name, value)| request.with_header(name, value));
            prop_assert_eq!(hook.verify(&request), Ok(Proof::Verified));
        }
    }

    #[test]
    fn what_is_rightly_signed_is_verified(body: Vec<u8>) {
        let hook = hook(Off, json!({"secret": SECRET, "strict": true}));
        let signatures = (sha1(SECRET, &body), sha256(SECRET, &body));
        let request = HookRequest::post("/").with_body(body);
        let request = request.with_header("X-Hub-Signature", signatures.0).with_header("X-Hub-Signature-256", signatures.1);
        prop_assert_eq!(hook.verify(&request), Ok(Proof::Verified));
    }
}
