//! Who is believed.

use hookd_core::Compat::Off;
use hookd_core::{HookRequest, Proof};
use proptest::prelude::*;
use serde_json::json;

use crate::kit::{MODES, SECRET, fixture, hook, request, sha1, sha256};

const REQUIRED: &str = "Request has no required signature";

fn signed(signatures: &[&str]) -> HookRequest {
    signatures.iter().fold(request("repo:refs_changed", &fixture("repo:refs_changed")), |request, value| {
        request.with_header("x-hub-signature", *value)
    })
}

#[test]
fn signatures_hold_or_are_refused() {
    let body = fixture("repo:refs_changed").to_string();
    let good = sha256(SECRET, body.as_bytes());
    let bad = sha256("guess", body.as_bytes());
    let old = sha1(SECRET, body.as_bytes());
    let upper = format!("sha256={}", good[7..].to_uppercase());
    for (signatures, expected) in [
        (vec![], Err(REQUIRED)),
        (vec![&*good], Ok(Proof::Verified)),
        (vec![&good, &good], Ok(Proof::Verified)),
        (vec![&bad], Err("Hash mismatch")),
        (vec![&good, &bad], Err("Hash mismatch")),
        (vec![&bad, &good], Err("Hash mismatch")),
        (vec![&upper], Err("Hash mismatch")),
        (vec![&good[..40]], Err("Hash mismatch")),
        (vec!["sha256="], Err("Hash mismatch")),
        (vec!["sha256=é"], Err("Hash mismatch")),
        (vec![""], Err("Wrong signature format: ")),
        (vec![&good, ""], Err("Wrong signature format: ")),
        (vec!["s"], Err("Wrong signature format: s")),
        (vec!["sha256=a=b"], Err("Wrong signature format: sha256=a=b")),
        (vec![&old], Err("Unknown hash type: sha1")),
        (vec![&good, &old], Err("Unknown hash type: sha1")),
        (vec!["SHA256=aa"], Err("Unknown hash type: SHA256")),
        (vec!["="], Err("Unknown hash type: ")),
    ] {
        for mode in MODES {
            for secret in [json!(SECRET), json!(["new", SECRET])] {
                let hook = hook(mode, json!({"secret": secret}));
                let proof = hook.verify(&signed(&signatures)).map_err(|refusal| refusal.message().to_owned());
                assert_eq!(proof, expected.map_err(str::to_owned), "{signatures:?}, {mode:?}");
            }
            assert_eq!(hook(mode, json!({})).verify(&signed(&signatures)), Ok(Proof::NotRequired));
        }
    }
}

#[test]
fn a_signature_of_another_header_is_none() {
    let body = fixture("repo:refs_changed").to_string();
    let request = request("repo:refs_changed", &fixture("repo:refs_changed"));
    let request = request.with_header("X-Hub-Signature-256", sha256(SECRET, body.as_bytes()));
    let refusal = hook(Off, json!({"secret": SECRET})).verify(&request).unwrap_err();
    assert_eq!(refusal.message(), REQUIRED);
}

/// Signatures that do not hold for `body`, and their relatives.
fn wrong(body: Vec<u8>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let good = sha256(SECRET, &body);
    let relatives = vec![
        sha256("guess", &body),
        sha256(SECRET, b"other"),
        sha1(SECRET, &body),
        format!("sha1={}", &good[7..]),
        format!("{good},{good}"),
        format!("{good}{}", &good[7..]),
        good.to_uppercase(),
        good[7..].to_owned(),
        String::new(),
    ];
    let (right, shortened, changed) = (good.clone(), good.clone(), good.clone());
    let wrong = prop_oneof![
        any::<Vec<u8>>(),
        "sha(1|256)=[0-9a-f]{0,80}".prop_map(String::into_bytes),
        proptest::sample::select(relatives).prop_map(String::into_bytes),
        any::<proptest::sample::Index>().prop_map(move |at| shortened.as_bytes()[..at.index(shortened.len())].to_vec()),
        (any::<proptest::sample::Index>(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = changed.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        }),
    ];
    let wrong = wrong.prop_filter("is right", move |bytes| right.as_bytes() != bytes);
    // Right ones before and after it do not help.
    (wrong, 0..3_usize, any::<proptest::sample::Index>()).prop_map(move |(wrong, others, at)| {
        let mut signatures = vec![good.clone().into_bytes(); others];
        signatures.insert(at.index(others + 1), wrong);
        signatures
    })
}

proptest! {
    #[test]
    fn what_is_wrongly_signed_is_never_proved(
        (body, signatures) in any::<Vec<u8>>().prop_flat_map(|body| (Just(body.clone()), wrong(body))),
        compat in proptest::sample::select(MODES.to_vec()),
    ) {
        let hook = hook(compat, json!({"secret": ["rotated", SECRET]}));
        let request = signatures.into_iter().fold(HookRequest::post("/").with_body(body), |request, value| {
            request.with_header("X-Hub-Signature", value)
        });
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn takes_nothing_unsigned(body: Vec<u8>, name in "[A-Za-z-]{1,20}", value: Vec<u8>) {
        let hook = hook(Off, json!({"secret": SECRET}));
        let request = HookRequest::post("/").with_header(&name, value).with_body(body);
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn what_is_rightly_signed_is_proved(body: Vec<u8>) {
        let hook = hook(Off, json!({"secret": ["rotated", SECRET]}));
        let signature = sha256(SECRET, &body);
        let request = HookRequest::post("/").with_body(body).with_header("X-Hub-Signature", signature);
        prop_assert_eq!(hook.verify(&request), Ok(Proof::Verified));
    }
}
