//! What the API is asked, and what its answers lead to.

use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::{ApiAnswer, Change, HookRequest};
use hookd_testkit::{BOTH, Run, answer, json};
use serde_json::Value;

use crate::{FORGE, api};

const COMMIT: &str = "https://api.github.com/repos/octo/tea/commits/dddddddddddddddddddddddddddddddddddddddd";
const FILES: &str = "https://api.github.com/repos/octo/tea/pulls/7/files";

fn opened() -> HookRequest {
    FORGE.request("pull_request", json!({}))
}

fn run(compat: Compat, options: Value, api: impl FnMut(&str) -> ApiAnswer) -> Run {
    FORGE.hook(compat, options).run_with(&opened(), api)
}

/// Files of these names.
fn files(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"filename": name})).collect()
}

fn incomplete(change: &Change) -> Value {
    change.properties.get("hookd_incomplete").cloned().unwrap_or_default()
}

#[test]
fn asks_for_the_head_commit_and_the_files() {
    let ours = run(Off, json!({}), api);
    assert_eq!(ours.urls(), [[COMMIT, &format!("{FILES}?per_page=100")]]);
    let headers = [("User-Agent", "hookd".to_owned()), ("Accept", "application/vnd.github+json".to_owned())];
    assert_eq!(ours.rounds[0][0].headers, headers);
    let buildbots = run(Buildbot, json!({"token": "t0k"}), api);
    assert_eq!(buildbots.urls(), [[COMMIT], [FILES]]);
    let headers = [
        ("User-Agent", "Buildbot".to_owned()),
        ("Accept", "application/vnd.github+json".to_owned()),
        ("Authorization", "token t0k".to_owned()),
    ];
    assert!(buildbots.rounds.iter().flatten().all(|call| call.headers == headers));
}

#[test]
fn asks_for_no_message_that_nothing_depends_on() {
    assert_eq!(run(Off, json!({"skips": []}), api).urls(), [[format!("{FILES}?per_page=100")]]);
}

#[test]
fn asks_at_the_endpoint() {
    let endpoint = json!({"github_api_endpoint": "https://ghe.example.org/api/v3/"});
    let run = run(Buildbot, endpoint, api);
    assert_eq!(run.urls()[1], ["https://ghe.example.org/api/v3/repos/octo/tea/pulls/7/files"]);
}

#[test]
fn a_skipped_head_commit_makes_no_change() {
    let message = json!({"commit": {"message": "wip [ci skip]"}});
    let skipping = |url: &str| if url == COMMIT { answer::json(&message) } else { api(url) };
    for (mode, expected_calls) in [(Off, 2), (Buildbot, 1)] {
        let run = run(mode, json!({}), skipping);
        assert_eq!(run.summary(), r"ignored: head commit matches the skip pattern \[ *ci *skip *\]");
        assert_eq!((run.rounds.len(), run.rounds[0].len()), (1, expected_calls));
    }
}

#[test]
fn the_token_is_that_of_the_most_specific_pattern() {
    let table = json!({"*": "any", "octo/*": "octo", "octo/t??": {"env": "tea"}, "octo/coffee": "coffee"});
    for (token, full_name, expected) in [
        (json!("one"), "octo/tea", Some("token one")),
        (json!({"env": "VARIABLE"}), "octo/tea", Some("token VARIABLE")),
        (table.clone(), "octo/tea", Some("token tea")),
        (table.clone(), "octo/pot", Some("token octo")),
        (table.clone(), "other/coffee", Some("token any")),
        (json!({"octo/*": "octo"}), "other/coffee", None),
    ] {
        let request = FORGE.request("pull_request", json!({"repository.full_name": full_name}));
        for mode in BOTH {
            let run = FORGE.hook(mode, json!({"token": token})).run(&request);
            let sent = run.rounds[0][0].headers.iter().find(|(name, _)| *name == "Authorization");
            assert_eq!(sent.map(|(_, value)| &**value), expected, "{token} for {full_name}");
        }
    }
}

#[test]
fn takes_the_files_of_all_pages() {
    let next = "https://api.github.com/repositories/42/pulls/7/files?per_page=100&page=2";
    let paged = |url: &str| match url {
        COMMIT => api(url),
        url if url == next => answer::json(files(&["c"])),
        _ => answer::page(files(&["a", "b"]), next),
    };
    let ours = run(Off, json!({}), paged);
    assert_eq!(ours.urls()[1], [next]);
    let change = ours.changes().remove(0);
    assert_eq!(change.files, ["a", "b", "c"]);
    assert_eq!(incomplete(&change), Value::Null);
    assert_eq!(run(Buildbot, json!({}), paged).changes()[0].files, ["a", "b"]);
}

#[test]
fn marks_what_could_not_be_fetched() {
    let (json, gone) = (|body: &str| answer::json(body), answer::none("no answer in 60 s"));
    for (commit, files, expected) in [
        (answer::status(404), json(r#"[{"filename": "a"}]"#), json!(["head commit message: the API answered 404"])),
        (api(COMMIT), answer::status(500), json!(["changed files: the API answered 500"])),
        (gone.clone(), gone, json!(["head commit message: no answer in 60 s", "changed files: no answer in 60 s"])),
        (
            json("{}"),
            json("{}"),
            json!([
                "head commit message: in the API's answer: `commit` is missing",
                "changed files: in the API's answer: not a list"
            ]),
        ),
        (
            json("<html>"),
            json("[{\"filename\": 5}]"),
            json!([
                "head commit message: in the API's answer: broken JSON: expected value at line 1 column 1",
                "changed files: in the API's answer: `[0].filename` is a number, expected a text"
            ]),
        ),
    ] {
        let answer = |url: &str| if url == COMMIT { commit.clone() } else { files.clone() };
        assert_eq!(incomplete(&run(Off, json!({}), answer).changes()[0]), expected);
        assert_eq!(incomplete(&run(Buildbot, json!({}), answer).changes()[0]), Value::Null);
    }
}

#[test]
fn a_message_that_could_not_be_fetched_counts_as_no_message_field() {
    for mode in BOTH {
        let run = run(mode, json!({"skips": ["^No message field$"]}), |_| answer::status(404));
        assert_eq!(run.summary(), "ignored: head commit matches the skip pattern ^No message field$");
    }
}

#[test]
fn keeps_the_pages_that_were_fetched() {
    let at = |page: usize| format!("https://api.github.com/repositories/42/pulls/7/files?page={page}");
    let number = |url: &str| url.split_once("?page=").map_or(1, |(_, page)| page.parse::<usize>().unwrap());
    let page = |next: &str| answer::page(files(&["a"]), next);
    let not_there = "changed files after page 1: the next page is not at `github_api_endpoint`";
    for (answer, files, expected) in [
        (
            &(|url: &str| if number(url) == 2 { answer::status(502) } else { page(&at(2)) })
                as &dyn Fn(&str) -> ApiAnswer,
            1,
            "changed files after page 1: the API answered 502",
        ),
        (&|url: &str| page(&at(number(url) + 1)), 30, "changed files after page 30: there are more than hookd reads"),
        (
            &|url: &str| page(&at(number(url) % 3 + 1)),
            4,
            "changed files after page 4: the next page is one that was read",
        ),
        (&|_: &str| page("https://evil.example.org/repos/octo/tea/pulls/7/files"), 1, not_there),
        (&|_: &str| page("http://api.github.com/repos/octo/tea/pulls/7/files"), 1, not_there),
    ] {
        let run = run(Off, json!({"token": "t0k"}), |url| if url == COMMIT { api(url) } else { answer(url) });
        assert!(run.urls().concat().iter().all(|url| url.starts_with("https://api.github.com/repo")));
        let change = run.changes().remove(0);
        assert_eq!((change.files.len(), incomplete(&change)), (files, json!([expected])));
    }
}

#[test]
fn marks_files_beyond_what_the_api_gives() {
    let all: Value = (0..3000).map(|number| json!({"filename": number.to_string(), "status": "modified"})).collect();
    for (size, expected) in [
        (json!(3001), json!(["changed files after the first 3000: the API gives no more"])),
        (json!(3000), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let request = FORGE.request("pull_request", json!({"pull_request.changed_files": size}));
        let api = |url: &str| if url == COMMIT { api(url) } else { answer::json(&all) };
        let changes = FORGE.hook(Off, json!({})).run_with(&request, api).changes();
        assert_eq!(incomplete(&changes[0]), expected);
    }
}

#[test]
fn a_payload_does_not_choose_the_path() {
    let escaped = FORGE.request("pull_request", json!({"pull_request.head.sha": "a?b#c%2e d"}));
    let run = FORGE.hook(Off, json!({})).run(&escaped);
    assert_eq!(run.rounds[0][0].url, "https://api.github.com/repos/octo/tea/commits/a%3Fb%23c%252e%20d");
    for patch in [
        json!({"repository.full_name": "octo/../../user"}),
        json!({"repository.full_name": "../tea"}),
        json!({"repository.full_name": "octo"}),
        json!({"repository.full_name": "octo/"}),
        json!({"pull_request.head.sha": ".."}),
        json!({"pull_request.head.sha": "a/../../../.."}),
        json!({"pull_request.head.sha": ""}),
    ] {
        let request = FORGE.request("pull_request", patch);
        let ours = FORGE.hook(Off, json!({})).run(&request);
        assert!(ours.summary().ends_with("` does not name what the API could be asked for"), "{ours}");
        let buildbots = FORGE.hook(Buildbot, json!({})).run(&request);
        assert!(buildbots.summary().starts_with("pull ") && buildbots.rounds.is_empty(), "{buildbots}");
    }
}
