//! The options: their problems, their defaults, and what they warn of.

use hookd_core::Compat::Off;
use hookd_testkit::json;

use crate::FORGE;

#[test]
fn says_what_is_wrong_with_options() {
    let url = "expected a URL such as `https://api.github.com` or `https://github.example.org/api/v3`";
    for (options, expected) in [
        (json!({"strict": true}), vec!["strict: needs a `secret` to check signatures with"]),
        (json!({"secret": ""}), vec!["secret: the secret is empty"]),
        (
            json!({"class": "nothing"}),
            vec!["class: this build has no event class `nothing`, only `blah`, `everything`, `labels`, `twice`"],
        ),
        (
            json!({"github_api_endpoint": "ftp://user:password@host"}),
            vec![&*format!("github_api_endpoint: is not an http(s) URL, {url}")],
        ),
        (
            json!({"github_api_endpoint": "https://host/?a=b"}),
            vec![&*format!("github_api_endpoint: has a query or a fragment, {url}")],
        ),
        (json!({"pullrequest_ref": ""}), vec!["pullrequest_ref: is empty, expected a ref such as `merge` or `head`"]),
        (json!({"token": {"file": "gone"}}), vec!["token: no file `gone`"]),
        (
            json!({"token": {"octo/*": {"file": "gone"}, "*": "a\nb"}}),
            vec![
                "token.*: the token has characters that no token of GitHub has: spaces, line ends or beyond ASCII",
                "token.octo/*: no file `gone`",
            ],
        ),
        (json!({"token": {}}), vec!["token: an empty table of tokens: name a pattern, or leave it out"]),
        (
            json!({"token": {"octo/*": 5}}),
            vec![
                "token.octo/*: invalid type: an integer, expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            ],
        ),
        (
            json!({"token": 5}),
            vec![
                "token: invalid type: an integer, expected a string, `{ env = \"NAME\" }`, `{ file = \"PATH\" }`, \
                 or a table from patterns to these",
            ],
        ),
    ] {
        assert_eq!(FORGE.problems(options.clone()), expected, "{options}");
    }
    let all = json!({"strict": true, "class": "x", "github_api_endpoint": "x", "pullrequest_ref": "", "token": ""});
    assert_eq!(FORGE.problems(all).len(), 5);
    let problems = FORGE.problems(json!({"strict": true, "evnts": [], "skips": ["("]}));
    assert!(problems[0].starts_with("evnts: unknown option `evnts`, expected one of `class`, `codebase`, "));
    assert!(problems[1].starts_with("skips[0]: bad regular expression `(`"));
}

#[test]
fn warns_of_a_secret_that_need_not_be_known() {
    for (options, warnings, requires_proof) in [
        (json!({"secret": "x"}), vec!["`secret` without `strict` accepts requests that are not signed"], false),
        (json!({}), vec![], false),
        (json!({"secret": "x", "strict": true}), vec![], true),
    ] {
        let hook = FORGE.hook(Off, options);
        assert_eq!(
            (hook.warnings(), hook.requires_proof()),
            (warnings.into_iter().map(str::to_owned).collect(), requires_proof)
        );
    }
}

#[test]
fn warns_of_tokens_that_are_never_used() {
    let options =
        json!({"token": {"octo/*": "a", "Octo/*": "b", "octo": "c", "https://github.com/octo/tea": "d", "*": "e"}});
    assert_eq!(
        FORGE.hook(Off, options).warnings(),
        [
            "`token`: the pattern `https://github.com/octo/tea` never matches `OWNER/NAME`: it is a URL",
            "`token`: the pattern `octo/*` differs from another by case alone, and is never used",
            "`token`: the pattern `octo` never matches `OWNER/NAME`: it has no slash",
        ]
    );
}

#[test]
fn options_have_their_defaults() {
    FORGE.assert_options(json!({
        "secret": null,
        "strict": false,
        "codebase": null,
        "github_property_whitelist": [],
        "class": null,
        "skips": [r"\[ *skip *ci *\]", r"\[ *ci *skip *\]"],
        "github_api_endpoint": "https://api.github.com",
        "token": null,
        "pullrequest_ref": "merge",
        "merge_queue": "push",
    }));
}
