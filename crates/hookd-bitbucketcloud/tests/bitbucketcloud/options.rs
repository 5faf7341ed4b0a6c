//! The options: their problems, their defaults, their documentation.

use hookd_core::Compat::Off;
use hookd_core::{Dialect, registry};
use serde_json::json;

use crate::kit::{MODES, hook, try_hook};

#[test]
fn says_what_is_wrong_with_options() {
    for (options, expected) in [
        (json!({"secret": ""}), vec!["secret: the secret is empty"]),
        (json!({"secret": [{"file": "gone"}, ""]}), vec!["secret: no file `gone`", "secret: the secret is empty"]),
        (
            json!({"strict": true}),
            vec![
                "strict: unknown option `strict`, expected one of `bitbucket_property_whitelist`, `codebase`, `secret`",
            ],
        ),
        (
            json!({"codebase": {"function": "nothing"}}),
            vec!["codebase: this build has no codebase function `nothing`, nor any other"],
        ),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(try_hook(Off, options.clone()).err(), Some(expected), "{options}");
    }
}

#[test]
fn a_secret_closes_it() {
    for mode in MODES {
        assert!(hook(mode, json!({"secret": "x"})).requires_proof());
        assert!(!hook(mode, json!({})).requires_proof());
        assert!(hook(mode, json!({})).warnings().is_empty());
    }
}

#[test]
fn every_option_is_documented_with_its_default() {
    let dialect = registry::find::<Dialect>("bitbucketcloud").unwrap();
    let schema = (dialect.schema)(&mut Default::default()).to_value();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, ["bitbucket_property_whitelist", "codebase", "secret"]);
    for (name, option) in properties {
        assert!(option["description"].as_str().is_some_and(|text| text.len() > 40), "{name}");
    }
    assert_eq!(properties["bitbucket_property_whitelist"]["default"], json!([]));
    assert_eq!(schema.get("required"), None);
}
