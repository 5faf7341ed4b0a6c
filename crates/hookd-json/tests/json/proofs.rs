//! Proofs of each scheme; the contract tests one of them thoroughly.

use hookd_core::Compat::Off;
use hookd_testkit::{contract, json, sign};

use crate::{FORGE, OTHERS};

const SECRET: &str = "s3cret";

#[test]
fn each_scheme_takes_what_it_is_for() {
    let request = || FORGE.request("push", json!({}));
    let body = request().body().clone();
    let hex = |signature: String| signature.split_once('=').unwrap().1.to_owned();
    let (sha1, sha256) = (hex(sign::sha1(SECRET, &body)), hex(sign::sha256(SECRET, &body)));
    for (scheme, prefix, right, wrong) in [
        ("hmac-sha256", "", sha256.clone(), sha1.clone()),
        ("hmac-sha256", "sha256=", format!("sha256={sha256}"), sha256.clone()),
        ("hmac-sha256", "", sha256.clone(), format!("{sha256}00")),
        ("hmac-sha256", "", sha256.clone(), sha256.to_uppercase()),
        ("hmac-sha1", "", sha1, sha256),
        ("token", "", SECRET.to_owned(), "s3cre".to_owned()),
        ("token", "Bearer ", format!("Bearer {SECRET}"), SECRET.to_owned()),
    ] {
        let proof = json!({"header": "Authorization", "scheme": scheme, "prefix": prefix, "secret": ["old", SECRET]});
        let hook = FORGE.hook(Off, json!({"proof": proof}));
        assert_eq!(hook.proof(&request().with_header("Authorization", &right)), "verified", "{scheme}");
        let kind = if scheme == "token" { "token" } else { "signature" };
        let refused = |what: &str| format!("refused: the {kind} in header `Authorization` {what}");
        assert_eq!(hook.proof(&request().with_header("Authorization", &wrong)), refused("is not valid"), "{scheme}");
        assert_eq!(hook.proof(&request()), refused("is missing"), "{scheme}");
        let twice = request().with_header("Authorization", &right).with_header("Authorization", &wrong);
        assert_eq!(hook.proof(&twice), refused("is not valid"), "{scheme}");
    }
}

#[test]
fn each_scheme_keeps_the_contract() {
    for forge in &OTHERS {
        contract::requires_a_proof_only_with_a_secret(forge);
        contract::verifies_what_is_rightly_signed(forge);
        contract::refuses_what_is_wrongly_signed(forge);
        contract::refuses_what_is_not_signed(forge);
    }
}
