//! Which requests are verified, and by what.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{BOTH, json, sign};

use crate::FORGE;

const SECRET: &str = "It's a Secret to Everybody";
const REQUIRED: &str = "refused: Request has no required signature";

fn signed(signatures: &[&str]) -> HookRequest {
    let push = FORGE.request("repo:refs_changed", json!({}));
    signatures.iter().fold(push, |request, value| request.with_header("x-hub-signature", *value))
}

#[test]
fn signatures_are_right_or_refused() {
    let body = FORGE.payload("repo:refs_changed", json!({})).to_string();
    let (good, bad, old) = (sign::sha256(SECRET, &body), sign::sha256("guess", &body), sign::sha1(SECRET, &body));
    let upper = format!("sha256={}", good[7..].to_uppercase());
    let (verified, mismatch) = ("verified", "refused: Hash mismatch");
    for (signatures, expected) in [
        (vec![], REQUIRED),
        (vec![&*good], verified),
        (vec![&good, &good], verified),
        (vec![&bad], mismatch),
        (vec![&good, &bad], mismatch),
        (vec![&bad, &good], mismatch),
        (vec![&upper], mismatch),
        (vec![&good[..40]], mismatch),
        (vec!["sha256="], mismatch),
        (vec!["sha256=é"], mismatch),
        (vec![""], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec![&good, ""], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec!["s"], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec!["sha256=a=b"], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec![&old], "refused: Unknown hash type: sha1"),
        (vec![&good, &old], "refused: Unknown hash type: sha1"),
        (vec!["SHA256=aa"], "refused: Unknown hash type: SHA256"),
        (vec!["="], "refused: Unknown hash type: expected `sha256`"),
    ] {
        for mode in BOTH {
            for secret in [json!(SECRET), json!(["new", SECRET])] {
                let hook = FORGE.hook(mode, json!({"secret": secret}));
                assert_eq!(hook.proof(&signed(&signatures)), expected, "{signatures:?}, {mode:?}");
            }
            assert_eq!(FORGE.hook(mode, json!({})).proof(&signed(&signatures)), "not required");
        }
    }
}

#[test]
fn a_signature_of_another_header_is_none() {
    let push = FORGE.request("repo:refs_changed", json!({}));
    let signature = sign::sha256(SECRET, push.body());
    let request = push.with_header("X-Hub-Signature-256", signature);
    assert_eq!(FORGE.hook(Off, json!({"secret": SECRET})).proof(&request), REQUIRED);
}
