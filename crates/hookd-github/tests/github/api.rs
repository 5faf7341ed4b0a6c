//! What the API is asked, and what comes of its answers.

use hookd_core::Compat::{self, Buildbot, Off};
use hookd_core::{ApiAnswer, ApiCall, Change, Outcome};
use serde_json::{Value, json};

use crate::kit::{MODES, api, edited, fixture, hook, ok, request, run, said, status};

const COMMIT: &str = "https://api.github.com/repos/octo/tea/commits/dddddddddddddddddddddddddddddddddddddddd";
const FILES: &str = "https://api.github.com/repos/octo/tea/pulls/7/files";

fn opened(compat: Compat, options: Value, answer: impl FnMut(&str) -> ApiAnswer) -> (Change, Vec<Vec<ApiCall>>) {
    let (outcome, rounds) = run(&*hook(compat, options), &request("pull_request", &fixture("pull_request")), answer);
    match outcome {
        Ok(Outcome::Changes(mut changes)) => (changes.remove(0), rounds),
        other => panic!("{other:?}"),
    }
}

fn urls(rounds: &[Vec<ApiCall>]) -> Vec<Vec<&str>> {
    rounds.iter().map(|calls| calls.iter().map(|call| &*call.url).collect()).collect()
}

/// A page of files of these names, with a link to the next.
fn page(names: &[&str], next: &str) -> ApiAnswer {
    let files: Vec<Value> = names.iter().map(|name| json!({"filename": name})).collect();
    let link = (!next.is_empty()).then(|| format!("<{next}>; rel=\"next\", <https://x/>; rel=\"last\""));
    ApiAnswer::Answered { status: 200, link, body: json!(files).to_string().into() }
}

fn incomplete(change: &Change) -> Value {
    change.properties.get("hookd_incomplete").cloned().unwrap_or_default()
}

#[test]
fn asks_for_the_head_commit_and_the_files() {
    let (_, rounds) = opened(Off, json!({}), api);
    assert_eq!(urls(&rounds), [[COMMIT, "https://api.github.com/repos/octo/tea/pulls/7/files?per_page=100"]]);
    let headers = [("User-Agent", "hookd".to_owned()), ("Accept", "application/vnd.github+json".to_owned())];
    assert_eq!(rounds[0][0].headers, headers);
    let (_, rounds) = opened(Buildbot, json!({"token": "t0k"}), api);
    assert_eq!(urls(&rounds), [[COMMIT], [FILES]]);
    let headers = [
        ("User-Agent", "Buildbot".to_owned()),
        ("Accept", "application/vnd.github+json".to_owned()),
        ("Authorization", "token t0k".to_owned()),
    ];
    assert!(rounds.iter().flatten().all(|call| call.headers == headers));
}

#[test]
fn asks_for_no_message_that_nothing_depends_on() {
    let (_, rounds) = opened(Off, json!({"skips": []}), api);
    assert_eq!(urls(&rounds), [["https://api.github.com/repos/octo/tea/pulls/7/files?per_page=100"]]);
}

#[test]
fn asks_at_the_endpoint() {
    let endpoint = json!({"github_api_endpoint": "https://ghe.example.org/api/v3/"});
    let (_, rounds) = opened(Buildbot, endpoint, api);
    assert_eq!(urls(&rounds)[1], ["https://ghe.example.org/api/v3/repos/octo/tea/pulls/7/files"]);
}

#[test]
fn a_skipped_head_commit_makes_no_change() {
    let skipping =
        |url: &str| if url == COMMIT { ok(json!({"commit": {"message": "wip [ci skip]"}})) } else { api(url) };
    let request = request("pull_request", &fixture("pull_request"));
    for (mode, expected_calls) in [(Off, 2), (Buildbot, 1)] {
        let (outcome, rounds) = run(&*hook(mode, json!({})), &request, skipping);
        assert_eq!(said(&outcome), r"ignored: head commit matches the skip pattern \[ *ci *skip *\]");
        assert_eq!((rounds.len(), rounds[0].len()), (1, expected_calls));
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
        let payload = edited(fixture("pull_request"), json!({"repository": {"full_name": full_name}}));
        for mode in MODES {
            let hook = hook(mode, json!({"token": token}));
            let (_, rounds) = run(&*hook, &request("pull_request", &payload), api);
            let sent = rounds[0][0].headers.iter().find(|(name, _)| *name == "Authorization");
            assert_eq!(sent.map(|(_, value)| &**value), expected, "{token} for {full_name}");
        }
    }
}

#[test]
fn takes_the_files_of_all_pages() {
    let next = "https://api.github.com/repositories/42/pulls/7/files?per_page=100&page=2";
    let paged = |url: &str| match url {
        COMMIT => api(url),
        url if url == next => page(&["c"], ""),
        _ => page(&["a", "b"], next),
    };
    let (change, rounds) = opened(Off, json!({}), paged);
    assert_eq!(change.files, ["a", "b", "c"]);
    assert_eq!(incomplete(&change), Value::Null);
    assert_eq!(urls(&rounds)[1], [next]);
    let (change, _) = opened(Buildbot, json!({}), paged);
    assert_eq!(change.files, ["a", "b"]);
}

#[test]
fn marks_what_could_not_be_had() {
    let broken = |body: &str| ok(body);
    for (commit, files, expected) in [
        (status(404), page(&["a"], ""), json!(["head commit message: the API answered 404"])),
        (api(COMMIT), status(500), json!(["changed files: the API answered 500"])),
        (
            ApiAnswer::GaveUp("no answer in 60 s".to_owned()),
            ApiAnswer::GaveUp("no answer in 60 s".to_owned()),
            json!(["head commit message: no answer in 60 s", "changed files: no answer in 60 s"]),
        ),
        (
            broken("{}"),
            broken("{}"),
            json!([
                "head commit message: in the API's answer: `commit` is missing",
                "changed files: in the API's answer: not a list"
            ]),
        ),
        (
            broken("<html>"),
            broken("[{\"filename\": 5}]"),
            json!([
                "head commit message: in the API's answer: broken JSON: expected value at line 1 column 1",
                "changed files: in the API's answer: `[0].filename` is a number, expected a text"
            ]),
        ),
    ] {
        let answer = |url: &str| if url == COMMIT { commit.clone() } else { files.clone() };
        let (change, _) = opened(Off, json!({}), answer);
        assert_eq!(incomplete(&change), expected);
        let (change, _) = opened(Buildbot, json!({}), answer);
        assert_eq!(incomplete(&change), Value::Null);
    }
}

#[test]
fn a_message_that_could_not_be_had_counts_as_no_message_field() {
    let request = request("pull_request", &fixture("pull_request"));
    for mode in MODES {
        let outcome = run(&*hook(mode, json!({"skips": ["^No message field$"]})), &request, |_| status(404)).0;
        assert_eq!(said(&outcome), "ignored: head commit matches the skip pattern ^No message field$");
    }
}

#[test]
fn keeps_the_pages_that_were_had() {
    let at = |page: usize| format!("https://api.github.com/repositories/42/pulls/7/files?page={page}");
    let number = |url: &str| url.split_once("?page=").map_or(1, |(_, page)| page.parse::<usize>().unwrap());
    for (answer, files, expected) in [
        (
            Box::new(|url: &str| if number(url) == 2 { status(502) } else { page(&["a"], &at(2)) })
                as Box<dyn Fn(&str) -> ApiAnswer>,
            1,
            "changed files after page 1: the API answered 502",
        ),
        (
            Box::new(|url: &str| page(&["a"], &at(number(url) + 1))),
            30,
            "changed files after page 30: there are more than hookd reads",
        ),
        (
            Box::new(|url: &str| page(&["a"], &at(number(url) % 3 + 1))),
            4,
            "changed files after page 4: the next page is one that was read",
        ),
        (
            Box::new(|_: &str| page(&["a"], "https://evil.example.org/repos/octo/tea/pulls/7/files")),
            1,
            "changed files after page 1: the next page is not at `github_api_endpoint`",
        ),
        (
            Box::new(|_: &str| page(&["a"], "http://api.github.com/repos/octo/tea/pulls/7/files")),
            1,
            "changed files after page 1: the next page is not at `github_api_endpoint`",
        ),
    ] {
        let (change, rounds) =
            opened(Off, json!({"token": "t0k"}), |url| if url == COMMIT { api(url) } else { answer(url) });
        assert_eq!(change.files.len(), files);
        assert_eq!(incomplete(&change), json!([expected]));
        assert!(rounds.iter().flatten().all(|call| call.url.starts_with("https://api.github.com/repo")));
    }
}

#[test]
fn marks_files_beyond_what_the_api_gives() {
    let names: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (size, expected) in [
        (json!(3001), json!(["changed files after the first 3000: the API gives no more"])),
        (json!(3000), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let payload = edited(fixture("pull_request"), json!({"pull_request": {"changed_files": size}}));
        let answer = |url: &str| if url == COMMIT { api(url) } else { page(&names, "") };
        let Ok(Outcome::Changes(changes)) = run(&*hook(Off, json!({})), &request("pull_request", &payload), answer).0
        else {
            panic!()
        };
        assert_eq!(incomplete(&changes[0]), expected);
    }
}

#[test]
fn a_payload_does_not_choose_the_path() {
    let escaped = edited(fixture("pull_request"), json!({"pull_request": {"head": {"sha": "a?b#c%2e d"}}}));
    let (_, rounds) = run(&*hook(Off, json!({})), &request("pull_request", &escaped), api);
    assert_eq!(rounds[0][0].url, "https://api.github.com/repos/octo/tea/commits/a%3Fb%23c%252e%20d");
    for patch in [
        json!({"repository": {"full_name": "octo/../../user"}}),
        json!({"repository": {"full_name": "../tea"}}),
        json!({"repository": {"full_name": "octo"}}),
        json!({"repository": {"full_name": "octo/"}}),
        json!({"pull_request": {"head": {"sha": ".."}}}),
        json!({"pull_request": {"head": {"sha": "a/../../../.."}}}),
        json!({"pull_request": {"head": {"sha": ""}}}),
    ] {
        let payload = edited(fixture("pull_request"), patch.clone());
        let (outcome, rounds) = run(&*hook(Off, json!({})), &request("pull_request", &payload), api);
        assert!(said(&outcome).ends_with("` does not name what the API could be asked for"), "{patch}: {outcome:?}");
        assert!(rounds.is_empty());
        let (outcome, rounds) = run(&*hook(Buildbot, json!({})), &request("pull_request", &payload), api);
        assert!(matches!(outcome, Ok(Outcome::Changes(_))) && rounds.is_empty(), "{patch}: {outcome:?}");
    }
}
