//! Which requests are verified, and by what.

use hookd_core::HookRequest;
use hookd_testkit::{BOTH, json, sign};

use crate::FORGE;

const SECRET: &str = "It's a Secret to Everybody";

const OLD: &str = "X-Hub-Signature";
const NEW: &str = "x-hub-signature-256";

fn signed(headers: &[(&str, &str)]) -> HookRequest {
    let push = FORGE.request("push", json!({}));
    headers.iter().fold(push, |request, (name, value)| request.with_header(name, *value))
}

#[test]
fn signatures_are_right_or_refused() {
    let body = FORGE.payload("push", json!({})).to_string();
    let (good1, good256) = (sign::sha1(SECRET, &body), sign::sha256(SECRET, &body));
    let (bad1, bad256) = (sign::sha1("guess", &body), sign::sha256("guess", &body));
    let upper1 = format!("sha1={}", good1[5..].to_uppercase());
    let upper256 = format!("sha256={}", good256[7..].to_uppercase());
    let (verified, mismatch) = ("verified", "refused: Hash mismatch");
    for (headers, expected) in [
        (vec![], "not required"),
        (vec![(OLD, &*good1)], verified),
        (vec![(NEW, &good256)], verified),
        (vec![(OLD, &good1), (NEW, &good256)], verified),
        (vec![(OLD, &good1), (OLD, &good1)], verified),
        (vec![(OLD, &bad1)], mismatch),
        (vec![(NEW, &bad256)], mismatch),
        (vec![(OLD, &good1), (NEW, &bad256)], mismatch),
        (vec![(OLD, &bad1), (NEW, &good256)], verified),
        (vec![(OLD, ""), (NEW, &good256)], verified),
        (vec![(OLD, "s"), (NEW, &good256)], verified),
        (vec![(OLD, &good1), (NEW, &good1)], "refused: Unknown hash type: sha1"),
        (vec![(NEW, &good256), (NEW, &bad256)], mismatch),
        (vec![(NEW, &bad256), (NEW, &good256)], mismatch),
        (vec![(OLD, &bad1), (OLD, &good1)], mismatch),
        (vec![(OLD, &good1), (OLD, &bad1)], mismatch),
        (vec![(OLD, &upper1)], mismatch),
        (vec![(NEW, &upper256)], mismatch),
        (vec![(OLD, &good1[..20])], mismatch),
        (vec![(OLD, "sha1=")], mismatch),
        (vec![(OLD, "sha1=é")], mismatch),
        (vec![(OLD, "")], "refused: Wrong signature format: expected `sha1=` and the hash in hex"),
        (vec![(NEW, "")], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec![(OLD, &good1), (NEW, "")], "refused: Wrong signature format: expected `sha256=` and the hash in hex"),
        (vec![(OLD, "s")], "refused: Wrong signature format: expected `sha1=` and the hash in hex"),
        (vec![(OLD, "sha1=a=b")], "refused: Wrong signature format: expected `sha1=` and the hash in hex"),
        (vec![(OLD, &good256)], "refused: Unknown hash type: sha256"),
        (vec![(NEW, &good1)], "refused: Unknown hash type: sha1"),
        (vec![(OLD, "SHA1=aa")], "refused: Unknown hash type: SHA1"),
        (vec![(OLD, "=")], "refused: Unknown hash type: expected `sha1`"),
    ] {
        for mode in BOTH {
            for strict in [false, true] {
                let is_lacking = strict && headers.is_empty();
                let expected = if is_lacking { "refused: Request has no required signature" } else { expected };
                for secret in [json!(SECRET), json!(["new", SECRET])] {
                    let hook = FORGE.hook(mode, json!({"secret": secret, "strict": strict}));
                    assert_eq!(hook.proof(&signed(&headers)), expected, "{headers:?}, {mode:?}, strict {strict}");
                }
                assert_eq!(FORGE.hook(mode, json!({})).proof(&signed(&headers)), "not required");
            }
        }
    }
}
