//! The options: their problems, their defaults, their documentation.

use hookd_core::Compat::Off;
use hookd_core::{Dialect, registry};
use serde_json::{Value, json};

use crate::kit::{KEY, hook, signing_token, try_hook};

#[test]
fn says_what_is_wrong_with_options() {
    let no_base64 = "secret: a secret that starts with `whsec_` is a signing token, \
        but what follows in this one is not base64";
    for (options, expected) in [
        (json!({"secret": ""}), vec!["secret: the secret is empty"]),
        (json!({"secret": "whsec_"}), vec![no_base64]),
        (json!({"secret": "whsec_not base64!"}), vec![no_base64]),
        (json!({"secret": ["whsec_%", {"file": "gone"}, "fine"]}), vec![no_base64, "secret: no file `gone`"]),
        (
            json!({"codebase": {"function": "nothing"}}),
            vec!["codebase: this build has no codebase function `nothing`, nor any other"],
        ),
        (json!({"strict": true}), vec!["strict: unknown option `strict`, expected one of `codebase`, `secret`"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(try_hook(Off, options.clone()).err(), Some(expected), "{options}");
    }
}

#[test]
fn signing_tokens_may_lack_their_padding() {
    let token = signing_token(KEY);
    assert!(try_hook(Off, json!({"secret": token.trim_end_matches('=')})).is_ok());
    assert!(try_hook(Off, json!({"secret": [token, "other"]})).is_ok());
}

#[test]
fn a_secret_closes_it() {
    assert!(!hook(Off, json!({})).requires_proof());
    assert!(hook(Off, json!({"secret": "x"})).requires_proof());
    assert!(hook(Off, json!({"secret": signing_token(KEY)})).requires_proof());
    assert!(hook(Off, json!({"secret": "x"})).warnings().is_empty());
}

#[test]
fn every_option_is_documented() {
    let dialect = registry::find::<Dialect>("gitlab").unwrap();
    let schema = (dialect.schema)(&mut Default::default()).to_value();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["codebase", "secret"]);
    for (name, option) in properties {
        assert!(option["description"].as_str().is_some_and(|text| text.len() > 40), "{name}");
        assert_eq!(option["default"], Value::Null, "{name}");
    }
    assert_eq!(schema.get("required"), None);
}
