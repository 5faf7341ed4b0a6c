//! The options: their problems, their defaults, and when they require a proof.

use hookd_core::Compat::Off;
use hookd_testkit::{json, sign};

use crate::FORGE;

#[test]
fn says_what_is_wrong_with_options() {
    let no_base64 = "secret: a secret that starts with `whsec_` is a signing token, \
        but what follows in this one is not base64";
    let no_function = "codebase: this build has no codebase function `nothing`, nor any other";
    for (options, expected) in [
        (json!({"secret": ""}), vec!["secret: the secret is empty"]),
        (json!({"secret": "whsec_"}), vec![no_base64]),
        (json!({"secret": "whsec_not base64!"}), vec![no_base64]),
        (json!({"secret": ["whsec_%", {"file": "gone"}, "fine"]}), vec![no_base64, "secret: no file `gone`"]),
        (json!({"codebase": {"function": "nothing"}}), vec![no_function]),
        (
            json!({"strict": true}),
            vec!["strict: unknown option `strict`, expected one of `codebase`, `secret`, `skips`"],
        ),
    ] {
        assert_eq!(FORGE.problems(options.clone()), expected, "{options}");
    }
}

#[test]
fn signing_tokens_may_lack_their_padding() {
    let token = sign::signing_token("thirty-two bytes of a signing key");
    let unpadded = sign::signing_token("thirty-two bytes of a signing ke");
    for secret in [json!(token.trim_end_matches('=')), json!(unpadded.trim_end_matches('=')), json!([token, "other"])] {
        assert_eq!(FORGE.problems(json!({"secret": secret})), [""; 0]);
    }
}

#[test]
fn a_secret_requires_a_proof() {
    for (options, requires_proof) in
        [(json!({}), false), (json!({"secret": "x"}), true), (json!({"secret": sign::signing_token("key")}), true)]
    {
        let hook = FORGE.hook(Off, options.clone());
        assert_eq!((hook.requires_proof(), hook.warnings()), (requires_proof, vec![]), "{options}");
    }
}

#[test]
fn options_have_their_defaults() {
    FORGE.assert_options(json!({"codebase": null, "secret": null, "skips": []}));
}
