//! What is added to `github`, as hookd uses it: from what is registered.

use github_extras as _;
use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::{Forge, Scheme, assert_fields, cases, contract_tests, json};
use serde_json::Value;

const GITHUB: Forge = Forge::new("github", &["push", "blah"], fixture, send);

const QUIET: Forge = Forge::new("quiet_github", &["push"], fixture, send)
    .signed(&[Scheme::Sha1("X-Hub-Signature"), Scheme::Sha256("X-Hub-Signature-256")])
    .with_proof_options(r#"{"github": {"strict": true}}"#)
    .with_secret_at("github.secret");

contract_tests!(QUIET);

fn fixture(event: &str) -> Value {
    match event {
        "push" => json!({
            "ref": "refs/heads/main",
            "after": "a10867b14bb761a232cd80139fbd4c0d33264240",
            "repository": {
                "full_name": "octo/tea", "html_url": "https://github.com/octo/tea", "owner": {"login": "octo"},
            },
            "head_commit": null,
            "commits": [{
                "id": "a10867b14bb761a232cd80139fbd4c0d33264240",
                "message": "Steep longer",
                "author": {"name": "Ada", "email": "ada@example.org"},
                "modified": ["README.md"],
            }],
        }),
        _ => json!({
            "blah": {"message": "Some magic"}, "sender": {"login": "ada"},
            "repository": {"html_url": "https://github.com/octo/tea"},
        }),
    }
}

fn send(event: &str, body: &[u8]) -> HookRequest {
    HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", event)
        .with_header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .with_header("Content-Type", "application/json")
        .with_body(body.to_vec())
}

#[test]
fn an_event_class_adds_an_event_and_leaves_the_others_alone() {
    cases! { GITHUB;
        off "push" {} => "main@a108";
        both "blah" {} => "ignored: event `blah` makes no change";
    }
    cases! { GITHUB, {"class": "blah"};
        off "push" {} => "main@a108";
        off "push" {"commits.0.message": "[skip ci]"} => "ignored: head commit matches the skip pattern \\[ *skip *ci *\\]";
        both "blah" {} => "blah -@-";
        both "blah" {"repository": "-"} => "refused: `repository` is missing";
    }
}

#[test]
fn a_codebase_function_reads_the_payload() {
    let hook = GITHUB.hook(Off, json!({"codebase": {"function": "by_owner"}}));
    assert_fields!(&hook.change(&GITHUB.request("push", json!({}))), {"codebase": "octo"});
}

#[test]
fn bots_are_left_out_and_others_get_a_category() {
    let bot = json!({"commits.0.author.name": "renovate[bot]"});
    cases! { QUIET;
        off "push" {} => "main@a108";
    }
    let hook = QUIET.hook(Off, json!({"category": "kitchen"}));
    assert_eq!(hook.run(&QUIET.request("push", json!({}))).summary(), "kitchen main@a108");
    assert_eq!(hook.run(&QUIET.request("push", bot.clone())).summary(), "ignored: all of it was pushed by bots");
    let hook = QUIET.hook(Off, json!({"bots": ["^Ada "]}));
    assert_eq!(hook.run(&QUIET.request("push", bot)).summary(), "main@a108");
    assert_eq!(hook.run(&QUIET.request("push", json!({}))).summary(), "ignored: all of it was pushed by bots");
}

#[test]
fn problems_with_the_options_inside_are_at_their_place() {
    let problems = QUIET.problems(json!({"github": {"strict": true, "class": "bla"}, "bots": ["("]}));
    assert_eq!(problems, ["bots[0]: bad regular expression `(`: unclosed group"]);
    let problems = QUIET.problems(json!({"github": {"strict": true, "class": "bla"}}));
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0], "github.strict: needs a `secret` to check signatures with");
    assert!(problems[1].starts_with("github.class: this build has no event class `bla`, only `blah`"), "{problems:?}");
}
