//! The options: their problems, their defaults, and when they require a proof.

use hookd_testkit::{BOTH, json};

use crate::FORGE;

#[test]
fn says_what_is_wrong_with_options() {
    let unknown = "strict: unknown option `strict`, expected one of `bitbucket_property_whitelist`, `codebase`, `secret`, `skips`";
    let no_function = "codebase: this build has no codebase function `nothing`, nor any other";
    for (options, expected) in [
        (json!({"secret": ""}), vec!["secret: the secret is empty"]),
        (json!({"secret": [{"file": "gone"}, ""]}), vec!["secret: no file `gone`", "secret: the secret is empty"]),
        (json!({"strict": true}), vec![unknown]),
        (json!({"codebase": {"function": "nothing"}}), vec![no_function]),
    ] {
        assert_eq!(FORGE.problems(options.clone()), expected, "{options}");
    }
}

#[test]
fn a_secret_requires_a_proof() {
    for mode in BOTH {
        assert!(FORGE.hook(mode, json!({"secret": "x"})).requires_proof());
        assert!(!FORGE.hook(mode, json!({})).requires_proof());
        assert!(FORGE.hook(mode, json!({})).warnings().is_empty());
    }
}

#[test]
fn options_have_their_defaults() {
    FORGE.assert_options(json!({"bitbucket_property_whitelist": [], "codebase": null, "secret": null, "skips": []}));
}
