//! The options: their problems, their defaults, their documentation.

use hookd_core::Compat::Off;
use hookd_core::{Dialect, registry};
use serde_json::{Value, json};

use crate::kit::{hook, try_hook};

#[test]
fn says_what_is_wrong_with_options() {
    let url = "expected a URL such as `https://api.github.com` or `https://github.example.org/api/v3`";
    for (options, expected) in [
        (json!({"strict": true}), vec!["strict: needs a `secret` to check signatures with".to_owned()]),
        (json!({"secret": ""}), vec!["secret: the secret is empty".to_owned()]),
        (
            json!({"class": "nothing"}),
            vec!["class: this build has no event class `nothing`, only `blah`, `everything`".to_owned()],
        ),
        (
            json!({"github_api_endpoint": "ftp://user:password@host"}),
            vec![format!("github_api_endpoint: is not an http(s) URL, {url}")],
        ),
        (
            json!({"github_api_endpoint": "https://host/?a=b"}),
            vec![format!("github_api_endpoint: has a query or a fragment, {url}")],
        ),
        (
            json!({"pullrequest_ref": ""}),
            vec!["pullrequest_ref: is empty, expected a ref such as `merge` or `head`".to_owned()],
        ),
        (json!({"token": {"file": "gone"}}), vec!["token: no file `gone`".to_owned()]),
        (
            json!({"token": {"octo/*": {"file": "gone"}, "*": "a\nb"}}),
            vec![
                "token.*: the token has characters that no token of GitHub has: spaces, line ends or beyond ASCII"
                    .to_owned(),
                "token.octo/*: no file `gone`".to_owned(),
            ],
        ),
        (json!({"token": {}}), vec!["token: an empty table of tokens: name a pattern, or leave it out".to_owned()]),
        (
            json!({"token": {"octo/*": 5}}),
            vec![
                "token.octo/*: invalid type: an integer, expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`"
                    .to_owned(),
            ],
        ),
        (
            json!({"token": 5}),
            vec![
                "token: invalid type: an integer, expected a string, `{ env = \"NAME\" }`, `{ file = \"PATH\" }`, \
                 or a table from patterns to these"
                    .to_owned(),
            ],
        ),
    ] {
        assert_eq!(try_hook(Off, options.clone()).err(), Some(expected), "{options}");
    }
    let all = json!({"strict": true, "class": "x", "github_api_endpoint": "x", "pullrequest_ref": "", "token": ""});
    assert_eq!(try_hook(Off, all).err().unwrap().len(), 5);
    let unread = json!({"strict": true, "evnts": [], "skips": ["("]});
    let problems = try_hook(Off, unread).err().unwrap();
    assert!(problems[0].starts_with("evnts: unknown option `evnts`, expected one of `class`, `codebase`, "));
    assert!(problems[1].starts_with("skips[0]: bad regular expression `(`"));
}

#[test]
fn warns_of_a_secret_that_need_not_be_known() {
    let warnings = |options| hook(Off, options).warnings();
    assert_eq!(
        warnings(json!({"secret": "x"})),
        ["`secret` without `strict` accepts requests that are not signed".to_owned()]
    );
    assert!(warnings(json!({})).is_empty());
    assert!(warnings(json!({"secret": "x", "strict": true})).is_empty());
    assert!(hook(Off, json!({"secret": "x", "strict": true})).requires_proof());
    assert!(!hook(Off, json!({"secret": "x"})).requires_proof());
    assert!(!hook(Off, json!({})).requires_proof());
}

#[test]
fn every_option_is_documented_with_its_default() {
    let dialect = registry::find::<Dialect>("github").unwrap();
    let schema = (dialect.schema)(&mut Default::default()).to_value();
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let mut expected = [
        "secret",
        "strict",
        "codebase",
        "github_property_whitelist",
        "class",
        "skips",
        "github_api_endpoint",
        "token",
        "pullrequest_ref",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (name, option) in properties {
        assert!(option["description"].as_str().is_some_and(|text| text.len() > 40), "{name}");
    }
    for (name, default) in [
        ("strict", json!(false)),
        ("github_property_whitelist", json!([])),
        ("skips", json!([r"\[ *skip *ci *\]", r"\[ *ci *skip *\]"])),
        ("github_api_endpoint", json!("https://api.github.com")),
        ("pullrequest_ref", json!("merge")),
        ("class", Value::Null),
    ] {
        assert_eq!(properties[name]["default"], default, "{name}");
    }
    assert_eq!(schema.get("required"), None);
}
